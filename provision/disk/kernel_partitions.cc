#include "provision/disk/kernel_partitions.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "provision/disk/device_use.h"
#include "provision/disk/kernel_files.h"

namespace provision::disk {
namespace {

constexpr std::uint64_t kernel_sector = 512;  // of sysfs, whatever the disk's own

std::uint64_t number_at(const std::string& path) { return std::strtoull(text_at(path).c_str(), nullptr, 10); }

}  // namespace

Result<std::vector<PartitionTelling>> tellings(const std::vector<KernelPartition>& known, const std::vector<PartitionFacts>& table) {
  std::vector<PartitionTelling> forgotten;
  std::vector<PartitionTelling> resized;
  for (const KernelPartition& partition : known) {
    const auto there = std::find_if(table.begin(), table.end(), [&](const PartitionFacts& entry) { return entry.number == partition.number; });
    if (there == table.end()) {
      forgotten.push_back({Telling::Forget, partition.number, partition.extent});
    } else if (there->extent.start != partition.extent.start) {
      return Error{ErrorCode::Conflict, fmt::format("the kernel knows partition {} elsewhere than the table says; restart the machine", partition.number), {}};
    } else if (there->extent.size != partition.extent.size) {
      resized.push_back({Telling::Resize, partition.number, there->extent});
    }
  }
  for (const PartitionFacts& entry : table)
    if (std::none_of(known.begin(), known.end(), [&](const KernelPartition& partition) { return partition.number == entry.number; }))
      return Error{ErrorCode::Conflict, fmt::format("the kernel does not know partition {} of the table; restart the machine", entry.number), {}};
  forgotten.insert(forgotten.end(), resized.begin(), resized.end());
  return forgotten;
}

Result<std::vector<KernelPartition>> kernel_partitions(const std::string& root, const std::string& disk) {
  const std::string name = disk.substr(disk.rfind('/') + 1);
  const std::string folder = root + "/sys/class/block/" + name;
  if (::access(folder.c_str(), F_OK) != 0) return Error{ErrorCode::NotFound, "the kernel knows no block device " + name, {}};
  const std::vector<Mount> mounts = mounts_from(text_at(root + "/proc/self/mountinfo"));
  std::vector<KernelPartition> partitions;
  for (const std::string& part : names_in(folder)) {
    const std::string at = folder + "/" + part;
    if (::access((at + "/partition").c_str(), F_OK) != 0) continue;
    KernelPartition partition;
    partition.number = static_cast<std::uint32_t>(number_at(at + "/partition"));
    partition.extent = {{number_at(at + "/start") * kernel_sector}, {number_at(at + "/size") * kernel_sector}};
    partition.device = "/dev/" + part;
    partition.held = !names_in(at + "/holders").empty();
    std::string device = text_at(at + "/dev");
    device.resize(std::min(device.find('\n'), device.size()));
    for (const Mount& mount : mounts)
      if (mount.device == device && !partition.mounted_at) partition.mounted_at = mount.target;
    partitions.push_back(std::move(partition));
  }
  std::sort(partitions.begin(), partitions.end(), [](const KernelPartition& a, const KernelPartition& b) { return a.number < b.number; });
  return partitions;
}

Done tell_kernel(const std::string& disk, const std::vector<PartitionTelling>& told) {
  if (told.empty()) return {};
  const int descriptor = ::open(disk.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error{ErrorCode::IoFailure, fmt::format("opening {}: {}", disk, std::strerror(errno)), {}};
  Done outcome;
  for (const PartitionTelling& telling : told) {
    blkpg_partition partition{};
    partition.pno = static_cast<int>(telling.number);
    partition.start = static_cast<long long>(telling.extent.start.count);
    partition.length = static_cast<long long>(telling.extent.size.count);
    blkpg_ioctl_arg argument{};
    argument.op = telling.what == Telling::Forget ? BLKPG_DEL_PARTITION : BLKPG_RESIZE_PARTITION;
    argument.datalen = sizeof partition;
    argument.data = &partition;
    if (::ioctl(descriptor, BLKPG, &argument) == 0 || (telling.what == Telling::Forget && errno == ENXIO)) continue;
    outcome = Error{errno == EBUSY ? ErrorCode::Conflict : ErrorCode::IoFailure,
                    fmt::format("telling the kernel of partition {} of {}: {}", telling.number, disk, std::strerror(errno)), {}};
    break;
  }
  ::close(descriptor);
  return outcome;
}

}  // namespace provision::disk
