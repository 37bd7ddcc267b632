// Whose files are on a disk: where our installation is, and what the owner's files add up to.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provision/disk/disks.h"
#include "provision/install/installation.h"

namespace provision::run {
using namespace policies::vocabulary;

struct InstalledOn {
  std::uint32_t partition = 0;
  std::vector<std::string> paths;                  // the topmost ones that are ours; at least one
  std::optional<install::FoundIdentity> identity;  // nullopt when it is not whole
};
// The first ext4 partition that holds anything of ours.
Result<std::optional<InstalledOn>> find_installation(const disk::DiskFacts& facts, disk::Disks& disks,
                                                     const std::string& disk_path);

// install::owner_digest of each of these partitions that is ext4, by its number in decimal digits.
Result<std::map<std::string, std::string>> owner_digests(const disk::DiskFacts& facts, disk::Disks& disks,
                                                         const std::string& disk_path,
                                                         const std::vector<std::uint32_t>& partitions,
                                                         const std::vector<std::string>& made_folders);

// Without the filesystems that wait for a check: what a run was writing when it was cut may not even be read.
disk::DiskFacts checked_only(disk::DiskFacts facts);

}  // namespace provision::run
