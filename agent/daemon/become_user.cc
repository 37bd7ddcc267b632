#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "agent/daemon/run_daemon.h"

namespace agent::daemon {
namespace {

Error failure(const std::string& what) {
  return Error{ErrorCode::PermissionDenied, what + ": " + std::strerror(errno), {"giving up root's rights"}};
}

Done give(const std::string& folder, uid_t user, gid_t group) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Error{ErrorCode::IoFailure, folder + ": " + error.message(), {}};
  if (lchown(folder.c_str(), user, group) != 0) return failure(folder);
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (lchown(entry->path().c_str(), user, group) != 0) return failure(entry->path().string());
  }
  if (error) return Error{ErrorCode::IoFailure, folder + ": " + error.message(), {}};
  return {};
}

}  // namespace

Done become_user(const std::string& user, const std::vector<std::string>& folders) {
  errno = 0;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr)
    return Error{ErrorCode::NotFound, "there is no user \"" + user + "\"", {"giving up root's rights"}};
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  for (const std::string& folder : folders) {
    Done given = give(folder, uid, gid);
    if (!given) return given;
  }
  if (setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
    return failure("taking the rights of " + user);
  invariant(setuid(0) != 0, "root's rights are given up for good");
  return {};
}

}  // namespace agent::daemon
