// Makes an empty FAT32 filesystem (Microsoft's FAT specification 1.03; the UEFI specification asks for FAT32 on an ESP).
#pragma once

#include <string>

#include "provision/disk/device_file.h"

namespace provision::disk {

// `label` is at most 11 characters, `id` is "ABCD-1234". The boot sector is written last, after all else is durable, so that
// a cut one has no signature. Durable. Unsupported for a size or sector size that FAT32 cannot have.
Done make_fat32(DeviceFile& disk, const Extent& extent, const std::string& label, const std::string& id);

}  // namespace provision::disk
