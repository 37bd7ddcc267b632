// Keeps a second program from the same run and from the same disk while a first one is at it.
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/result.h"

namespace provision::run {
using namespace policies::vocabulary;

class RunLock {
 public:
  // Locks these files (flock(2)); those that are not there are left out. Conflict, naming the file, when another
  // program has one. Freed when it is destroyed, or when the process ends in whatever way.
  static Result<RunLock> take(const std::vector<std::string>& paths);
  RunLock(RunLock&& other) noexcept : descriptors_(std::move(other.descriptors_)) { other.descriptors_.clear(); }
  RunLock& operator=(RunLock&& other) noexcept {
    descriptors_.swap(other.descriptors_);
    return *this;
  }
  ~RunLock();

 private:
  RunLock() = default;
  std::vector<int> descriptors_;
};

}  // namespace provision::run
