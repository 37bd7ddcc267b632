#include "agent/daemon/state_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agent::daemon {
namespace {

struct flock whole(short kind) {
  struct flock lock = {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string path_in(const std::string& folder) { return folder + "/lock"; }

}  // namespace

Result<StateLock> StateLock::take(const std::string& folder) {
  const std::string path = path_in(folder);
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return Error{ErrorCode::IoFailure, "opening " + path + ": " + std::strerror(errno), {}};
  StateLock lock(descriptor);
  struct flock wanted = whole(F_WRLCK);
  if (fcntl(descriptor, F_SETLK, &wanted) == 0) return lock;
  const std::optional<pid_t> other = holder(folder);
  return Error{
      ErrorCode::Conflict,
      "another leaseback-agent" + (other ? " (process " + std::to_string(*other) + ")" : "") + " runs over " + folder,
      {}};
}

StateLock::~StateLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::optional<pid_t> StateLock::holder(const std::string& folder) {
  const int descriptor = open(path_in(folder).c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  struct flock asked = whole(F_WRLCK);
  const bool known = fcntl(descriptor, F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
  close(descriptor);
  if (!known) return std::nullopt;
  return asked.l_pid;
}

}  // namespace agent::daemon
