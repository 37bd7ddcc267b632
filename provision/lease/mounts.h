// The port to this process's mount namespace.
#pragma once

#include <string>
#include <sys/types.h>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace provision::lease {
using namespace policies::vocabulary;

struct FolderOwner {
  uid_t user = 0;
  gid_t group = 0;
};

class Mounts {
 public:
  virtual ~Mounts() = default;
  // What is mounted at `target` (the topmost); empty when nothing is.
  virtual Result<std::string> source_at(const std::string& target) = 0;
  // Whether this process has mounts of its own, which the rest of the machine does not see.
  virtual Result<bool> apart() = 0;
  // Mounts the ext4 of `device` with nodev, nosuid, noexec and noatime, and gives its root folder to `owner` with mode 0700.
  // `target` is made when it is not there.
  virtual Done mount(const std::string& device, const std::string& target, FolderOwner owner) = 0;
  // Of the filesystem mounted at `target`.
  virtual Result<Bytes> capacity(const std::string& target) = 0;
  // Conflict while files in it are open. Unmounting where nothing is mounted is no error.
  virtual Done unmount(const std::string& target) = 0;
};

}  // namespace provision::lease
