#include "provision/run/partition_names.h"

#include <fmt/core.h>

#include "provision/disk/identifiers.h"

namespace provision::run {
namespace {

constexpr Bytes file_size_max = mebibytes(1);
constexpr const char* files[] = {"/etc/fstab",           "/etc/crypttab",    "/etc/default/grub",   "/etc/kernel/cmdline",
                                 "/boot/grub/grub.cfg",  "/grub/grub.cfg",   "/boot/cmdline.txt",   "/cmdline.txt",
                                 "/boot/extlinux/extlinux.conf", "/extlinux/extlinux.conf"};

}  // namespace

bool names_by_signature(std::string_view text, std::string_view signature) {
  const std::string lower = disk::lower_case(text);
  const auto digit = [&](std::size_t at) { return at < lower.size() && ((lower[at] >= '0' && lower[at] <= '9') || (lower[at] >= 'a' && lower[at] <= 'f')); };
  for (std::size_t at = lower.find(signature); at != std::string::npos; at = lower.find(signature, at + 1)) {
    const std::size_t end = at + signature.size();
    const bool before = at > 0 && digit(at - 1);
    if (!before && end < lower.size() && lower[end] == '-' && digit(end + 1) && digit(end + 2) && !digit(end + 3)) return true;
  }
  return false;
}

Done check_partition_names(const disk::DiskFacts& facts, disk::Disks& disks, const std::string& disk_path) {
  if (facts.table != disk::TableKind::Mbr || !facts.mbr) return {};
  const std::string signature = fmt::format("{:08x}", facts.mbr->signature);
  for (const disk::PartitionFacts& partition : facts.partitions) {
    if (partition.filesystem.kind != disk::FilesystemKind::Ext4) continue;
    auto tree = disks.open_tree(disk_path, partition.extent, disk::TreeAccess::ReadOnly);
    if (!tree) return tree.error();
    for (const char* path : files) {
      const auto text = (*tree)->read_file(path, file_size_max);
      if (!text || !names_by_signature(*text, signature)) continue;  // what is not there, or no file, names nothing
      return Error{ErrorCode::Refused,
                   fmt::format("{} on partition {} of {} names a partition as PARTUUID={}-..., which it will not be on a GPT; let it say UUID= of the "
                               "filesystem (blkid shows it) first",
                               path, partition.number, disk_path, signature),
                   {}};
    }
  }
  return {};
}

}  // namespace provision::run
