// Makes an empty FAT32 filesystem (Microsoft's FAT specification 1.03; the UEFI specification asks for FAT32 on an ESP).
#pragma once

#include "provision/disk/contents.h"

namespace provision::disk {

// An empty one, with the plan's label (at most 11 characters) and id ("ABCD-1234"); its head is the boot sector, without which
// it has no signature. Unsupported for a size or sector size that FAT32 cannot have.
Result<Contents> fat32_contents(const PlannedPartition& partition, std::uint32_t sector_size);

}  // namespace provision::disk
