// An ext4 filesystem at an offset: made, checked and resized by e2fsprogs, its superblock read and labelled by libext2fs.
#pragma once

#include <string>
#include <string_view>

#include "provision/disk/disk_plan.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::disk {

// A filesystem of ours bears this label until all of it is durable; it then gets its own.
inline constexpr std::string_view unfinished_label = "LEASEBACK-UNDONE";

// Durable. The label is set last (see unfinished_label).
Done make_ext4(const std::string& path, const PlannedPartition& partition, Processes& processes);

Done check_ext4(const std::string& path, const Extent& partition, Repair repair, Processes& processes);

Done resize_ext4(const std::string& path, const Extent& partition, Bytes size, Processes& processes);

// Adds to `facts` (kind Ext4) what the superblock says: size, use, whether a check is due, whether it is unfinished. A
// superblock that libext2fs refuses leaves `clean` false.
void read_ext4(const std::string& path, const Extent& partition, FilesystemFacts& facts);

}  // namespace provision::disk
