#include "provision/lease/kernel_mounts.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "provision/disk/device_use.h"

namespace provision::lease {
namespace {

constexpr std::size_t mountinfo_max = std::size_t{16} << 20;

Error failure(const std::string& act) {
  const ErrorCode code = errno == EBUSY ? ErrorCode::Conflict : errno == EPERM || errno == EACCES ? ErrorCode::PermissionDenied : ErrorCode::IoFailure;
  return {code, fmt::format("{}: {}", act, std::strerror(errno)), {}};
}

Result<std::string> text_of_file(const char* path) {
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failure(std::string("reading ") + path);
  std::string text;
  char bytes[16384];
  ssize_t got = 0;
  while (text.size() < mountinfo_max && (got = ::read(descriptor, bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<std::size_t>(got));
  ::close(descriptor);
  return text;
}

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) == nullptr ? path : resolved;
}

// The namespace that a process has its mounts in, as the kernel names it.
Result<std::string> mount_namespace(const std::string& process) {
  const std::string path = "/proc/" + process + "/ns/mnt";
  char name[64];
  const ssize_t length = ::readlink(path.c_str(), name, sizeof name);
  if (length < 0) return failure("reading " + path);
  return std::string(name, static_cast<std::size_t>(length));
}

}  // namespace

Result<std::string> KernelMounts::source_at(const std::string& target) {
  const Result<std::string> text = text_of_file("/proc/self/mountinfo");
  if (!text) return text.error();
  const std::string place = real_path(target);
  std::string source;
  for (const disk::Mount& mount : disk::mounts_from(*text))
    if (mount.target == place) source = mount.source;
  return source;
}

Result<bool> KernelMounts::apart() {
  const Result<std::string> own = mount_namespace("self");
  if (!own) return own.error();
  const Result<std::string> first = mount_namespace("1");
  if (!first) return first.error();
  return *own != *first;
}

Done KernelMounts::mount(const std::string& device, const std::string& target, FolderOwner owner) {
  if (::mkdir(target.c_str(), 0700) != 0 && errno != EEXIST) return failure("making " + target);

  if (::mount(device.c_str(), target.c_str(), "ext4", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME, "errors=remount-ro") != 0)
    return failure(fmt::format("mounting {} at {}", device, target));
  if (::mount(nullptr, target.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) return failure("keeping the mount at " + target + " private");
  if (::chown(target.c_str(), owner.user, owner.group) != 0 || ::chmod(target.c_str(), 0700) != 0) return failure("giving " + target + " to its user");
  return {};
}

Result<Bytes> KernelMounts::capacity(const std::string& target) {
  struct statvfs status {};
  if (::statvfs(target.c_str(), &status) != 0) return failure("asking for the size of " + target);
  return Bytes{std::uint64_t{status.f_blocks} * status.f_frsize};
}

Done KernelMounts::unmount(const std::string& target) {
  const Result<std::string> source = source_at(target);
  if (!source) return source.error();
  if (source->empty()) return {};
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) != 0) return failure("unmounting " + target);
  return {};
}

Result<FolderOwner> owner_named(const std::string& name) {
  errno = 0;
  const bool number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos && name.size() < 10;
  const passwd* entry = number ? ::getpwuid(static_cast<uid_t>(std::strtoul(name.c_str(), nullptr, 10))) : ::getpwnam(name.c_str());
  if (entry == nullptr) return Error{ErrorCode::NotFound, fmt::format("there is no user '{}' on this machine", name), {}};
  return FolderOwner{entry->pw_uid, entry->pw_gid};
}

}  // namespace provision::lease
