// Which partition of this machine is the lease partition.
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::lease {
using namespace policies::vocabulary;

struct LeasePartition {
  std::string disk;    // "/dev/nvme0n1"
  std::string device;  // "/dev/nvme0n1p4"
  std::string uuid;    // of the partition
  bool operator==(const LeasePartition&) const = default;
};

// What is known of it; empty fields fit any.
struct Wanted {
  std::string partition_uuid;
  std::string order;  // as the token says
};

// By type GUID and what its token says. NotFound when no disk has one; Conflict, naming them, when several fit: two machines'
// disks in one case are no reason to guess.
Result<LeasePartition> choose_lease_partition(const std::vector<disk::DiskFacts>& disks, const Wanted& wanted);

// "/dev/sda" and 4 -> "/dev/sda4"; "/dev/nvme0n1" and 4 -> "/dev/nvme0n1p4", as the kernel names them.
std::string partition_device(const std::string& disk, std::uint32_t number);

}  // namespace provision::lease
