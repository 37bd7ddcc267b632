// Reads what is on a disk: the table, and what each partition holds.
#pragma once

#include <string>

#include "provision/disk/disks.h"

namespace provision::disk {

Result<DiskFacts> read_disk(const std::string& path);

}  // namespace provision::disk
