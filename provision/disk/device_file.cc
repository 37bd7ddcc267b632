#include "provision/disk/device_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace provision::disk {
namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT: return ErrorCode::NotFound;
    case EACCES:
    case EPERM: return ErrorCode::PermissionDenied;
    case ENOSPC:
    case EDQUOT: return ErrorCode::OutOfSpace;
    case EBUSY: return ErrorCode::Refused;
    default: return ErrorCode::IoFailure;
  }
}

constexpr std::uint64_t zero_chunk = std::uint64_t{1} << 20;

}  // namespace

bool all_zeros(std::string_view bytes) {
  // A zero, and each byte like the one before it: memcmp is many times faster than a search.
  return bytes.empty() || (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Error DeviceFile::failure(std::string_view act) const {
  const int number = errno;
  return {code_of(number), fmt::format("{} {}: {}", act, path_, std::strerror(number)), {}};
}

Result<DeviceFile> DeviceFile::open(const std::string& path, OpenFor purpose) {
  struct stat status {};
  DeviceFile file(-1, path);
  if (::stat(path.c_str(), &status) != 0) return file.failure("looking at");
  file.block_device_ = S_ISBLK(status.st_mode);
  if (!file.block_device_ && !S_ISREG(status.st_mode))
    return Error{ErrorCode::Unsupported, path + " is neither an image file nor a block device", {}};
  int flags = O_CLOEXEC | (purpose == OpenFor::Reading ? O_RDONLY : O_RDWR);
  if (file.block_device_ && purpose == OpenFor::Writing) flags |= O_EXCL;
  file.descriptor_ = ::open(path.c_str(), flags);
  if (file.descriptor_ < 0) return file.failure("opening");
  file.size_ = {static_cast<std::uint64_t>(status.st_size)};
  if (file.block_device_) {
    int sector = 0;
    if (::ioctl(file.descriptor_, BLKGETSIZE64, &file.size_.count) != 0 || ::ioctl(file.descriptor_, BLKSSZGET, &sector) != 0)
      return file.failure("measuring");
    file.sector_size_ = static_cast<std::uint32_t>(sector);
  } else {
    file.find_sector_size();
  }
  return file;
}

// A file has no sectors of its own, but a GPT has: its headers lie in the second sector and in the last.
void DeviceFile::find_sector_size() {
  sector_size_known_ = false;
  for (const bool primary : {true, false})
    for (const std::uint32_t size : {512U, 4096U}) {
      if (size_.count < 4 * std::uint64_t{size}) continue;
      char magic[8] = {};
      const std::uint64_t at = primary ? size : size_.count - size;
      if (::pread(descriptor_, magic, sizeof magic, static_cast<off_t>(at)) != sizeof magic || std::memcmp(magic, "EFI PART", sizeof magic) != 0)
        continue;
      sector_size_ = size;
      sector_size_known_ = true;
      return;
    }
}

void DeviceFile::take_sector_size(std::uint32_t size) {
  invariant(!block_device_, "a block device has the sectors that it has");
  sector_size_ = size;
}

Result<DeviceFile> DeviceFile::in_memory(Bytes size) {
  DeviceFile file(::memfd_create("leaseback-disk", MFD_CLOEXEC), "a file in memory");
  if (file.descriptor_ < 0) return file.failure("making");
  if (::ftruncate(file.descriptor_, static_cast<off_t>(size.count)) != 0) return file.failure("sizing");
  file.size_ = size;
  return file;
}

DeviceFile::DeviceFile(DeviceFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      size_(other.size_),
      sector_size_(other.sector_size_),
      sector_size_known_(other.sector_size_known_),
      block_device_(other.block_device_) {}

DeviceFile& DeviceFile::operator=(DeviceFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  size_ = other.size_;
  sector_size_ = other.sector_size_;
  sector_size_known_ = other.sector_size_known_;
  block_device_ = other.block_device_;
  return *this;
}

DeviceFile::~DeviceFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string DeviceFile::own_path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

std::string DeviceFile::path_for_children() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), descriptor_); }

Result<std::string> DeviceFile::read(std::uint64_t offset, std::size_t length) const {
  std::string bytes(length, '\0');
  for (std::size_t done = 0; done < length;) {
    const ssize_t got = ::pread(descriptor_, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(fmt::format("reading {} bytes at {} of", length, offset));
    if (got == 0)
      return Error{ErrorCode::IoFailure, fmt::format("{} ends before byte {}", path_, offset + length), {}};
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Done DeviceFile::write(std::uint64_t offset, std::string_view bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failure(fmt::format("writing {} bytes at {} of", bytes.size(), offset));
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Done DeviceFile::write_zeros(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return {};
  if (::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(length)) == 0)
    return {};
  const std::string zeros(static_cast<std::size_t>(std::min<std::uint64_t>(length, zero_chunk)), '\0');
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t part = std::min<std::uint64_t>(zeros.size(), length - done);
    if (Done written = write(offset + done, std::string_view(zeros).substr(0, part)); !written) return written;
    done += part;
  }
  return {};
}

Done DeviceFile::write_sparse(std::uint64_t offset, std::string_view bytes) {
  constexpr std::size_t block = 65536;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const bool zeros = all_zeros(bytes.substr(at, block));
    std::size_t end = at;
    while (end < bytes.size() && all_zeros(bytes.substr(end, block)) == zeros) end += std::min(block, bytes.size() - end);
    const std::string_view run = bytes.substr(at, end - at);
    Done written = zeros ? write_zeros(offset + at, run.size()) : write(offset + at, run);
    if (!written) return written;
    at = end;
  }
  return {};
}

std::uint64_t DeviceFile::next_written(std::uint64_t offset) const {
  if (offset >= size_.count) return size_.count;
  const off_t found = ::lseek(descriptor_, static_cast<off_t>(offset), SEEK_DATA);
  if (found >= 0) return static_cast<std::uint64_t>(found);
  // ENXIO: only a hole follows. Any other error: this file cannot tell, so all counts as written.
  return errno == ENXIO ? size_.count : offset;
}

std::uint64_t DeviceFile::next_hole(std::uint64_t offset) const {
  if (offset >= size_.count) return size_.count;
  const off_t found = ::lseek(descriptor_, static_cast<off_t>(offset), SEEK_HOLE);
  return found >= 0 ? static_cast<std::uint64_t>(found) : size_.count;
}

Done DeviceFile::sync() {
  if (::fsync(descriptor_) != 0) return failure("making durable what was written to");
  return {};
}

void DeviceFile::forget_cached(const Extent& region) const {
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(region.start.count), static_cast<off_t>(region.size.count), POSIX_FADV_DONTNEED);
}

void DeviceFile::announce_partitions() const {
  if (block_device_) (void)::ioctl(descriptor_, BLKRRPART);
}

}  // namespace provision::disk
