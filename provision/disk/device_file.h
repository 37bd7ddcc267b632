// An image file or block device, opened: reading and writing at byte offsets. Closes itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

enum class OpenFor {
  Reading,
  Writing,
  WritingInUse,  // without O_EXCL: beside mounted partitions, whose own bytes must be left alone
};

class DeviceFile {
 public:
  // NotFound, PermissionDenied, Unsupported (neither regular file nor block device). A block device is opened for writing
  // with O_EXCL, which fails (Refused) while anything on it is mounted or held.
  static Result<DeviceFile> open(const std::string& path, OpenFor purpose);
  // A nameless file in memory, for work on a copy: gone when closed, never on a disk.
  static Result<DeviceFile> in_memory(Bytes size);
  DeviceFile(DeviceFile&& other) noexcept;
  DeviceFile& operator=(DeviceFile&& other) noexcept;
  ~DeviceFile();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] Bytes size() const { return size_; }
  // Of an image file: what its partition table is made for, and 512 without one.
  [[nodiscard]] std::uint32_t sector_size() const { return sector_size_; }
  // False for an image file without a GPT: whoever writes the first table decides.
  [[nodiscard]] bool sector_size_known() const { return sector_size_known_; }
  // Precondition: an image file. Until it is closed.
  void take_sector_size(std::uint32_t size);
  [[nodiscard]] bool block_device() const { return block_device_; }
  // A path by which a library in this process can open the same file again.
  [[nodiscard]] std::string own_path() const;
  // The same for a program that this process starts.
  [[nodiscard]] std::string path_for_children() const;

  // Exactly `length` bytes; IoFailure at the end of the file.
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t length) const;
  Done write(std::uint64_t offset, std::string_view bytes);
  // Zeros; a hole where the file can have one.
  Done write_zeros(std::uint64_t offset, std::uint64_t length);
  // As write, but leaves a hole where the file can have one and the bytes are zeros.
  Done write_sparse(std::uint64_t offset, std::string_view bytes);
  // The first offset from `offset` on where there is no hole; size() when only holes follow.
  [[nodiscard]] std::uint64_t next_written(std::uint64_t offset) const;
  // The first offset from `offset` on where a hole begins; size() when none does.
  [[nodiscard]] std::uint64_t next_hole(std::uint64_t offset) const;
  Done sync();
  // So that the next reading comes from the medium, as far as the kernel heeds it. After sync.
  void forget_cached(const Extent& region) const;
  // Tells the kernel that the partition table has changed. One that cannot read tables is no error: we address by offset.
  void announce_partitions() const;

 private:
  DeviceFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  [[nodiscard]] Error failure(std::string_view act) const;
  void find_sector_size();

  int descriptor_ = -1;
  std::string path_;
  Bytes size_;
  std::uint32_t sector_size_ = 512;
  bool sector_size_known_ = true;
  bool block_device_ = false;
};

bool all_zeros(std::string_view bytes);

}  // namespace provision::disk
