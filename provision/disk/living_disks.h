// The disk that this system runs from, while it runs: the lease partition is taken away beside mounted filesystems, and its
// neighbour grows in use.
#pragma once

#include "provision/disk/disks.h"
#include "provision/disk/kernel_partitions.h"
#include "provision/disk/processes.h"

namespace provision::disk {

// As the real Disks, but: mounted filesystems are read through the kernel and count as clean, since it keeps them so; a table that
// was written is told to the kernel; ext4 grows online by resize2fs. Only what a release does can be done: nothing is formatted.
class LivingDisks final : public Disks {
 public:
  // Both must outlive this. `rest` does what is no different on a disk in use.
  LivingDisks(Disks& rest, Processes& processes) : rest_(rest), processes_(processes) {}

  Result<DiskFacts> read(const std::string& path) override;
  Result<DiskUse> use_of(const std::string& path) override { return rest_.use_of(path); }
  Result<std::vector<AttachedDisk>> attached() override { return rest_.attached(); }
  Result<bool> slot_opens(const std::string& path, const Extent& partition, std::uint32_t slot, const std::string& slot_key) override {
    return rest_.slot_opens(path, partition, slot, slot_key);
  }
  Result<Digest> hash_region(const std::string& path, const Extent& region) override { return rest_.hash_region(path, region); }
  Result<std::string> save_table(const std::string& path) override { return rest_.save_table(path); }
  Result<std::string> read_note(const std::string& path) override { return rest_.read_note(path); }
  Done write_note(const std::string& path, const std::string& text) override { return rest_.write_note(path, text); }

  Result<Bytes> least_ntfs(const std::string& path, const Extent& partition) override { return rest_.least_ntfs(path, partition); }
  Done make_image(const std::string& path, Bytes size) override;
  // Idempotent also towards the kernel. Conflict while a partition that goes is still open.
  Done write_table(const DiskPlan& plan) override;
  Done restore_table(const std::string& path, const std::string& saved) override;
  Done shrink_ntfs(const std::string& path, const Extent& partition, Bytes size) override;
  Result<Digest> copy_region(const std::string& from, const std::string& to, const Extent& region) override;
  Done format(const std::string& path, const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys) override;
  // Conflict while the partition is open.
  Done destroy_key_slots(const std::string& path, const Extent& partition) override;
  // A mounted one is left to the kernel.
  Done check_ext4(const std::string& path, const Extent& partition, Repair repair) override;
  Done resize_ext4(const std::string& path, const Extent& partition, Bytes size) override;
  // Of a mounted one a LivingTree, whatever the access.
  Result<std::unique_ptr<FileTree>> open_tree(const std::string& path, const Extent& partition, TreeAccess access) override;

 private:
  Result<KernelPartition> partition_at(const std::string& path, const Bytes& start);
  Done catch_up(const std::string& path);
  Disks& rest_;
  Processes& processes_;
};

}  // namespace provision::disk
