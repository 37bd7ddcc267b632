// One daemon per state folder; and how its owner's commands find it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "policies/vocabulary/result.h"

namespace agent::daemon {
using namespace policies::vocabulary;

class StateLock {
 public:
  // Holds `folder`/lock until the process ends. Conflict, with the other's process number, when another holds it.
  static Result<StateLock> take(const std::string& folder);
  StateLock(StateLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock();

  // The process that holds the folder now.
  static std::optional<pid_t> holder(const std::string& folder);

 private:
  explicit StateLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace agent::daemon
