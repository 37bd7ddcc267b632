// Disks on libparted (layout), libfdisk (types and attributes), libblkid, libcryptsetup, libext2fs and e2fsprogs. Needs no
// root, loop device or mount for image files. The only place where these libraries are used is this folder.
//
// Threads: libparted keeps one list of devices for the whole process, so its calls take turns.
#pragma once

#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::disk {

class PartedDisks final : public Disks {
 public:
  explicit PartedDisks(Processes& processes) : processes_(processes) {}

  Result<DiskFacts> read(const std::string& path) override;
  Result<DiskUse> use_of(const std::string& path) override;
  Result<std::vector<AttachedDisk>> attached() override;
  Result<bool> slot_opens(const std::string& path, const Extent& partition, std::uint32_t slot,
                          const std::string& slot_key) override;
  Result<Digest> hash_region(const std::string& path, const Extent& region) override;
  Result<Bytes> least_ntfs(const std::string& path, const Extent& partition) override;
  Result<std::string> save_table(const std::string& path) override;
  Result<std::string> read_note(const std::string& path) override;

  Done make_image(const std::string& path, Bytes size) override;
  Done write_table(const DiskPlan& plan) override;
  Done write_note(const std::string& path, const std::string& text) override;
  Done restore_table(const std::string& path, const std::string& saved) override;
  Done format(const std::string& path, const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys) override;
  Done destroy_key_slots(const std::string& path, const Extent& partition) override;
  Done check_ext4(const std::string& path, const Extent& partition, Repair repair) override;
  Done resize_ext4(const std::string& path, const Extent& partition, Bytes size) override;
  Done shrink_ntfs(const std::string& path, const Extent& partition, Bytes size) override;
  Result<Digest> copy_region(const std::string& from, const std::string& to, const Extent& region) override;
  Result<std::unique_ptr<FileTree>> open_tree(const std::string& path, const Extent& partition, TreeAccess access) override;

 private:
  Processes& processes_;
};

}  // namespace provision::disk
