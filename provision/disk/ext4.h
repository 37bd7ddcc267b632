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

// Mend uses the backups of the superblock when the superblock itself is torn.
Done check_ext4(const std::string& path, const Extent& partition, Repair repair, Processes& processes);

Done resize_ext4(const std::string& path, const Extent& partition, Bytes size, Processes& processes);

// Adds to `facts` what the superblock says: size, use, whether a check is due, whether it is unfinished or torn. For a kind
// of None it looks for a torn superblock, which libblkid does not count, and makes the kind Ext4 when there is one.
void read_ext4(const std::string& path, const Extent& partition, FilesystemFacts& facts);

}  // namespace provision::disk
