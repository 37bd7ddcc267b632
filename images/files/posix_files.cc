#include "images/files/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace images::files {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }

 private:
  int number_;
};

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::NotFound;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorCode::AlreadyExists;
    case EACCES:
    case EPERM:
      return ErrorCode::PermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::OutOfSpace;
    default:
      return ErrorCode::IoFailure;
  }
}

Error failure(std::string_view doing, const std::string& path, int number = errno) {
  return Error{code_of(number),
               "cannot " + std::string(doing) + " '" + path + "': " + std::generic_category().message(number),
               {}};
}

template <typename Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

Descriptor opened(const std::string& path, int flags, mode_t mode = 0) {
  return Descriptor(retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
}

mode_t file_mode(Access access) { return access == Access::OwnerOnly ? 0600 : 0644; }
mode_t directory_mode(Access access) { return access == Access::OwnerOnly ? 0700 : 0755; }

std::string parent_of(const std::string& path) {
  const std::size_t last = path.find_last_not_of('/');
  const std::size_t slash = last == std::string::npos ? std::string::npos : path.rfind('/', last);
  if (slash == std::string::npos) return last == std::string::npos && !path.empty() ? "/" : ".";
  const std::size_t end = path.find_last_not_of('/', slash);
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

std::string prepared_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(0, name) + "." + path.substr(name) + ".new";
}

bool is_prepared_name(std::string_view name) {
  return name.size() > 5 && name.front() == '.' && name.ends_with(".new");
}

Done sync_path(const std::string& path, int flags) {
  const Descriptor file = opened(path, O_RDONLY | flags);
  if (!file.valid()) return failure("open", path);
  if (retried([&] { return ::fsync(file.get()); }) != 0) return failure("make durable", path);
  return {};
}

Done sync_directory_of(const std::string& path) { return sync_path(parent_of(path), O_DIRECTORY); }

Done write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = retried([&] { return ::write(file, bytes.data(), bytes.size()); });
    if (written < 0) return failure("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_at(int file, std::uint64_t offset, std::size_t length, const std::string& path) {
  std::string bytes(length, '\0');
  std::size_t filled = 0;
  while (filled < length) {
    const ssize_t count = retried(
        [&] { return ::pread(file, bytes.data() + filled, length - filled, static_cast<off_t>(offset + filled)); });
    if (count < 0) return failure("read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

// Holds the lock of the file that is prepared beside `path`. Whoever held it before may have renamed it away: then try
// again.
Result<Descriptor> locked_for_preparing(const std::string& prepared, Access access) {
  while (true) {
    Descriptor file = opened(prepared, O_WRONLY | O_CREAT | O_NOFOLLOW, file_mode(access));
    if (!file.valid()) return failure("create", prepared);
    if (retried([&] { return ::flock(file.get(), LOCK_EX); }) != 0) return failure("lock", prepared);
    struct stat held {};
    struct stat named {};
    if (::fstat(file.get(), &held) != 0) return failure("inspect", prepared);
    if (::lstat(prepared.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
      return file;
  }
}

Done write_prepared(int file, const std::string& prepared, std::string_view bytes, Access access) {
  // Mode before bytes: what is for the owner only is never readable by others, not even for a moment.
  if (::fchmod(file, file_mode(access)) != 0) return failure("set the mode of", prepared);
  if (retried([&] { return ::ftruncate(file, 0); }) != 0) return failure("empty", prepared);
  if (Done written = write_all(file, bytes, prepared); !written) return written;
  if (retried([&] { return ::fsync(file); }) != 0) return failure("make durable", prepared);
  return {};
}

}  // namespace

Result<std::string> PosixFiles::read(const std::string& path, Bytes limit) {
  const Descriptor file = opened(path, O_RDONLY);
  if (!file.valid()) return failure("open", path);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return failure("inspect", path);
  const Error too_large{
      ErrorCode::LimitExceeded, "'" + path + "' is larger than the " + limit.text() + " allowed here", {}};
  // Files of the kernel (/proc, /sys) tell size 0, so the size only bounds the first read.
  std::string bytes;
  std::uint64_t wanted = static_cast<std::uint64_t>(facts.st_size) + 1;
  while (true) {
    if (bytes.size() > limit.count) return too_large;
    wanted = std::min(wanted, limit.count - bytes.size() + 1);
    Result<std::string> piece = read_at(file.get(), bytes.size(), static_cast<std::size_t>(wanted), path);
    if (!piece) return piece;
    bytes += *piece;
    if (piece->size() < wanted) return bytes;
    wanted = 64 << 10;
  }
}

Result<std::string> PosixFiles::read_range(const std::string& path, std::uint64_t offset, std::size_t length) {
  const Descriptor file = opened(path, O_RDONLY);
  if (!file.valid()) return failure("open", path);
  return read_at(file.get(), offset, length, path);
}

Done PosixFiles::replace(const std::string& path, std::string_view bytes, Access access) {
  const std::string prepared = prepared_path(path);
  const Result<Descriptor> file = locked_for_preparing(prepared, access);
  if (!file) return file.error().within("replacing " + path);
  if (Done written = write_prepared(file->get(), prepared, bytes, access); !written) {
    ::unlink(prepared.c_str());
    return written.error().within("replacing " + path);
  }
  if (::rename(prepared.c_str(), path.c_str()) != 0) {
    const Error error = failure("replace", path);
    ::unlink(prepared.c_str());
    return error;
  }
  return sync_directory_of(path);
}

Done PosixFiles::append(const std::string& path, std::string_view bytes, Access access) {
  Descriptor file = opened(path, O_WRONLY | O_APPEND);
  if (!file.valid() && errno == ENOENT) {
    Descriptor made = opened(path, O_WRONLY | O_APPEND | O_CREAT, file_mode(access));
    if (made.valid() && ::fchmod(made.get(), file_mode(access)) != 0) return failure("set the mode of", path);
    return made.valid() ? write_all(made.get(), bytes, path) : Done(failure("create", path));
  }
  if (!file.valid()) return failure("open", path);
  struct stat before {};
  if (::fstat(file.get(), &before) != 0) return failure("inspect", path);
  Done written = write_all(file.get(), bytes, path);
  if (!written && retried([&] { return ::ftruncate(file.get(), before.st_size); }) != 0)
    return written.error().within("adding to a file that could not be set back");
  return written;
}

Done PosixFiles::sync(const std::string& path) {
  if (Done synced = sync_path(path, 0); !synced) return synced;
  return sync_directory_of(path);
}

Done PosixFiles::truncate(const std::string& path, std::uint64_t size) {
  if (retried([&] { return ::truncate(path.c_str(), static_cast<off_t>(size)); }) != 0) return failure("shorten", path);
  return {};
}

Done PosixFiles::rename(const std::string& from, const std::string& to) {
  if (Done synced = sync_path(from, 0); !synced) return synced;
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("move to '" + to + "' the file", from);
  if (Done synced = sync_directory_of(to); !synced) return synced;
  return parent_of(from) == parent_of(to) ? Done{} : sync_directory_of(from);
}

Done PosixFiles::remove(const std::string& path) {
  if (::remove(path.c_str()) != 0)
    return code_of(errno) == ErrorCode::NotFound ? Done{} : Done(failure("remove", path));
  return sync_directory_of(path);
}

Done PosixFiles::make_directory(const std::string& path, Access access) {
  const auto is_directory = [&path] {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
  };
  if (is_directory()) return {};
  const std::string parent = parent_of(path);
  if (parent != path) {
    if (Done made = make_directory(parent, access); !made) return made;
  }
  if (::mkdir(path.c_str(), directory_mode(access)) != 0) {
    // Another process may have made it since.
    return is_directory() ? Done{} : Done(failure("make directory", path));
  }
  if (::chmod(path.c_str(), directory_mode(access)) != 0) return failure("set the mode of", path);
  return sync_directory_of(path);
}

Result<bool> PosixFiles::exists(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0) return true;
  if (code_of(errno) == ErrorCode::NotFound) return false;
  return failure("inspect", path);
}

Result<std::uint64_t> PosixFiles::size(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return failure("inspect", path);
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<std::vector<std::string>> PosixFiles::list(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  if (!stream) return failure("list", directory);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !is_prepared_name(name)) names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return failure("list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace images::files
