#include "provision/run/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace provision::run {

Result<RunLock> RunLock::take(const std::vector<std::string>& paths) {
  RunLock lock;
  for (const std::string& path : paths) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
    if (descriptor < 0)
      return Error{ErrorCode::PermissionDenied, fmt::format("cannot open {}: {}", path, std::strerror(errno)), {}};
    lock.descriptors_.push_back(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
      return Error{
          ErrorCode::Conflict, fmt::format("another program is at work with {}; wait until it has ended", path), {}};
  }
  return lock;
}

RunLock::~RunLock() {
  for (const int descriptor : descriptors_) close(descriptor);
}

}  // namespace provision::run
