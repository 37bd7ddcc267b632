// What partitions shall hold, made in memory first and put on the disk together: filesystems, LUKS headers.
//
// The programs and libraries that make them work on files in memory (decisions/0004-contents-in-memory.md), several
// at once; the disk then waits for three flushes in all, however many partitions there are.
#pragma once

#include <string>
#include <vector>

#include "provision/disk/device_file.h"
#include "provision/disk/disk_plan.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::disk {

// Bytes for the disk; offsets count from its beginning.
struct Piece {
  std::uint64_t offset = 0;
  std::string bytes;
};

struct Contents {
  Extent extent;               // the partition
  Bytes cleared;               // from its start on, all that is no piece is zeros
  std::vector<Piece> body;     // all but the head
  std::vector<Piece> head;     // without it nobody takes the body for a filesystem
};

// `keys` is read for a lease partition only; nullptr is InvalidInput there. Errors as of Disks::format.
Result<std::vector<Contents>> make_contents(const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys,
                                            std::uint32_t sector_size, Processes& processes);

// Old signatures go │ bodies │ heads, where "│" is a flush of the disk. Cut anywhere, a partition holds what it held, or
// nothing that libblkid knows, or a filesystem whose superblock is torn, or the new contents. Durable.
Done put_contents(DeviceFile& disk, const std::vector<Contents>& contents);

enum class WrittenZeros { Kept, LeftOut };  // left out where the disk was cleared anyhow

// The pieces of `copy`, a file in memory, that were written within [from, to), at most 1 MiB each, `start` bytes further on
// the disk.
Result<std::vector<Piece>> pieces_of(const DeviceFile& copy, std::uint64_t from, std::uint64_t to, Bytes start, WrittenZeros zeros);

}  // namespace provision::disk
