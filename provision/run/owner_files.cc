#include "provision/run/owner_files.h"

#include <fmt/format.h>

#include "provision/install/installed_paths.h"

namespace provision::run {

using disk::FilesystemKind;

Result<std::optional<InstalledOn>> find_installation(const disk::DiskFacts& facts, disk::Disks& disks,
                                                     const std::string& disk_path) {
  for (const disk::PartitionFacts& partition : facts.partitions) {
    if (partition.filesystem.kind != FilesystemKind::Ext4) continue;
    auto tree = disks.open_tree(disk_path, partition.extent, disk::TreeAccess::ReadOnly);
    if (!tree) return tree.error().within(fmt::format("opening partition {}", partition.number));
    auto paths = install::ours_in(**tree);
    if (!paths) return paths.error().within(fmt::format("looking into partition {}", partition.number));
    if (paths->empty()) continue;
    InstalledOn found{partition.number, std::move(*paths), {}};
    auto identity = install::identity_in(**tree);
    if (!identity && identity.error().code != ErrorCode::Corrupt) return identity.error();
    if (identity) found.identity = std::move(*identity);
    return std::optional(std::move(found));
  }
  return std::optional<InstalledOn>();
}

Result<std::map<std::string, std::string>> owner_digests(const disk::DiskFacts& facts, disk::Disks& disks,
                                                         const std::string& disk_path,
                                                         const std::vector<std::uint32_t>& partitions,
                                                         const std::vector<std::string>& made_folders) {
  std::map<std::string, std::string> digests;
  for (const std::uint32_t number : partitions) {
    const disk::PartitionFacts* partition = facts.partition(number);
    if (partition == nullptr || partition->filesystem.kind != FilesystemKind::Ext4) continue;
    auto tree = disks.open_tree(disk_path, partition->extent, disk::TreeAccess::ReadOnly);
    if (!tree) return tree.error().within(fmt::format("opening partition {}", number));
    const auto digest = install::owner_digest(**tree, made_folders);
    if (!digest) return digest.error().within(fmt::format("looking into partition {}", number));
    digests.emplace(std::to_string(number), digest->text);
  }
  return digests;
}

disk::DiskFacts checked_only(disk::DiskFacts facts) {
  std::erase_if(facts.partitions, [](const disk::PartitionFacts& partition) {
    return partition.filesystem.kind == FilesystemKind::Ext4 && !partition.filesystem.clean;
  });
  return facts;
}

}  // namespace provision::run
