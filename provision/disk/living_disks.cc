#include "provision/disk/living_disks.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "provision/disk/device_file.h"
#include "provision/disk/living_tree.h"
#include "provision/disk/luks.h"
#include "provision/disk/table_writer.h"

namespace provision::disk {
namespace {

Error unsupported(std::string_view act) {
  return {ErrorCode::Unsupported, fmt::format("{} is not done on a disk in use; start the machine from another one", act), {}};
}

// The kernel keeps what was read from the whole disk apart from what its partitions write: both must be let go of.
void forget_what_was_read(const std::string& path, const std::vector<KernelPartition>& partitions) {
  for (const KernelPartition& partition : partitions) {
    if (!partition.mounted_at) continue;
    const int folder = ::open(partition.mounted_at->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) continue;
    (void)::syncfs(folder);
    ::close(folder);
  }
  const int disk = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (disk < 0) return;
  (void)::ioctl(disk, BLKFLSBUF, 0);
  ::close(disk);
}

}  // namespace

Result<DiskFacts> LivingDisks::read(const std::string& path) {
  const auto partitions = kernel_partitions("", path);
  if (!partitions) return partitions.error();
  forget_what_was_read(path, *partitions);
  auto facts = rest_.read(path);
  if (!facts) return facts;
  for (PartitionFacts& partition : facts->partitions)
    for (const KernelPartition& known : *partitions)
      // Its superblock says "in use", which is no damage.
      if (known.number == partition.number && known.mounted_at) partition.filesystem.clean = true;
  return facts;
}

Result<KernelPartition> LivingDisks::partition_at(const std::string& path, const Bytes& start) {
  const auto partitions = kernel_partitions("", path);
  if (!partitions) return partitions.error();
  for (const KernelPartition& partition : *partitions)
    if (partition.extent.start == start) return partition;
  return Error{ErrorCode::NotFound, fmt::format("the kernel knows no partition of {} that begins at {}", path, start.text()), {}};
}

// After a cut between the table and the kernel, or without one.
Done LivingDisks::catch_up(const std::string& path) {
  const auto facts = rest_.read(path);
  if (!facts) return facts.error();
  const auto known = kernel_partitions("", path);
  if (!known) return known.error();
  const auto told = tellings(*known, facts->partitions);
  if (!told) return told.error();
  return tell_kernel(path, *told);
}

Done LivingDisks::make_image(const std::string&, Bytes) { return unsupported("making an image"); }
Done LivingDisks::shrink_ntfs(const std::string&, const Extent&, Bytes) { return unsupported("shrinking NTFS"); }
Result<Digest> LivingDisks::copy_region(const std::string&, const std::string&, const Extent&) { return unsupported("copying"); }
Done LivingDisks::restore_table(const std::string&, const std::string&) { return unsupported("putting a table back"); }
Done LivingDisks::format(const std::string&, const std::vector<PlannedPartition>&, const LeaseKeys*) { return unsupported("formatting"); }

Done LivingDisks::write_table(const DiskPlan& plan) {
  auto disk = DeviceFile::open(plan.path, OpenFor::WritingInUse);
  if (!disk) return disk.error();
  if (Done written = write_planned_table(*disk, plan); !written) return written.error().within("writing the partition table of " + plan.path);
  return catch_up(plan.path);
}

Done LivingDisks::destroy_key_slots(const std::string& path, const Extent& partition) {
  const auto known = partition_at(path, partition.start);
  if (!known) return known.error();
  if (known->held || known->mounted_at)
    return Error{ErrorCode::Conflict, known->device + " is still open; close it first (leaseback-provision lease close)", {}};
  auto disk = DeviceFile::open(path, OpenFor::WritingInUse);
  if (!disk) return disk.error();
  if (Done gone = destroy_luks(*disk, partition); !gone) return gone.error().within("destroying key slots on " + path);
  return {};
}

Done LivingDisks::check_ext4(const std::string& path, const Extent& partition, Repair repair) {
  const auto known = partition_at(path, partition.start);
  if (!known) return known.error();
  if (known->mounted_at) return {};
  return rest_.check_ext4(known->device, {{}, partition.size}, repair);
}

Done LivingDisks::resize_ext4(const std::string& path, const Extent& partition, Bytes size) {
  if (Done told = catch_up(path); !told) return told;
  const auto known = partition_at(path, partition.start);
  if (!known) return known.error();
  if (!known->mounted_at) return rest_.resize_ext4(known->device, {{}, partition.size}, size);
  const auto grown = processes_.run({"resize2fs", known->device, fmt::format("{}K", size.count / 1024)});
  if (!grown) return grown.error();
  if (grown->exit_status != 0)
    return Error{ErrorCode::IoFailure, fmt::format("resize2fs on {} ended with {}: {}", known->device, grown->exit_status, grown->errors.substr(0, 1000)), {}};
  return {};
}

Result<std::unique_ptr<FileTree>> LivingDisks::open_tree(const std::string& path, const Extent& partition, TreeAccess access) {
  const auto known = partition_at(path, partition.start);
  if (!known) return known.error();
  if (known->mounted_at) return std::unique_ptr<FileTree>(std::make_unique<LivingTree>(*known->mounted_at));
  return rest_.open_tree(known->device, {{}, partition.size}, access);
}

}  // namespace provision::disk
