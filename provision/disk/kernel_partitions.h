// The partitions of a disk in use as its kernel knows them, and how it is told of a table that was changed under it: partition by
// partition (BLKPG), since a table is not read again while anything on the disk is mounted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provision/disk/disk_facts.h"

namespace provision::disk {

struct KernelPartition {
  std::uint32_t number = 0;
  Extent extent;
  std::string device;                     // "/dev/sda3"
  std::optional<std::string> mounted_at;  // one place of it, the first
  bool held = false;                      // mapped, in an array, ...
};

enum class Telling { Forget, Resize };
struct PartitionTelling {
  Telling what = Telling::Forget;
  std::uint32_t number = 0;
  Extent extent;  // Resize: as the table says
  bool operator==(const PartitionTelling&) const = default;
};

// What the kernel must be told so that it knows the table: partitions to forget first, then those to resize. Conflict for a partition
// that moved or is new: a disk in use is only ever given such a table by us.
Result<std::vector<PartitionTelling>> tellings(const std::vector<KernelPartition>& known, const std::vector<PartitionFacts>& table);

// `root`: "" for this machine, a folder for a rehearsal. NotFound when the kernel knows no such disk.
Result<std::vector<KernelPartition>> kernel_partitions(const std::string& root, const std::string& disk);

// Conflict when a partition that shall go is still in use.
Done tell_kernel(const std::string& disk, const std::vector<PartitionTelling>& told);

}  // namespace provision::disk
