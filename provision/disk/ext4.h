// An ext4 filesystem at an offset: made, checked and resized by e2fsprogs, its superblock read and labelled by libext2fs.
#pragma once

#include <string>
#include <string_view>

#include "provision/disk/contents.h"
#include "provision/disk/disk_plan.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::disk {

// An empty one, as mke2fs makes it; its head is the first block, which holds the superblock. Made in memory: a few MiB however
// large the partition is, since unused tables stay unwritten and checksums tell them from used ones.
Result<Contents> ext4_contents(const PlannedPartition& partition, Processes& processes);

// Mend uses the backups of the superblock when the superblock itself is torn.
Done check_ext4(const std::string& path, const Extent& partition, Repair repair, Processes& processes);

Done resize_ext4(const std::string& path, const Extent& partition, Bytes size, Processes& processes);

// Adds to `facts` what the superblock says: size, use, whether a check is due, whether it is torn. For a kind
// of None it looks for a torn superblock, which libblkid does not count, and makes the kind Ext4 when there is one.
void read_ext4(const std::string& path, const Extent& partition, FilesystemFacts& facts);

}  // namespace provision::disk
