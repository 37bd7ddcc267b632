// What was written below a folder and not flushed yet, and how to lose it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policies/vocabulary/random.h"

namespace tests::machine {

// The contents of one file: what its sectors held before they were first written since the last flush.
class UnsyncedFile {
 public:
  // `path` may be one of /proc/PID/fd; the file stays reachable when its name goes.
  static std::unique_ptr<UnsyncedFile> open(const std::string& path);
  UnsyncedFile(const UnsyncedFile&) = delete;
  UnsyncedFile& operator=(const UnsyncedFile&) = delete;
  ~UnsyncedFile();

  void before_write(std::uint64_t offset, std::uint64_t length);
  // Zeros, as a hole or written, where there may be holes already.
  void before_zeros(std::uint64_t offset, std::uint64_t length);
  void before_resize(std::uint64_t size);
  void synced();
  [[nodiscard]] std::uint64_t size() const;

  void lose_all();
  void lose_some(policies::vocabulary::Random& random);

 private:
  explicit UnsyncedFile(int descriptor) : descriptor_(descriptor) {}
  void put_back(std::uint64_t at, const std::string& old);
  int descriptor_;
  std::map<std::uint64_t, std::string> before_;  // by offset; empty text: zeros
  std::optional<std::uint64_t> size_before_;
};

// Names that were given or taken and are not sure yet, in order.
class UnsyncedNames {
 public:
  explicit UnsyncedNames(std::string keep) : keep_(std::move(keep)) {}

  // Called before the system call that does it. Paths are absolute, without symbolic links in their folders.
  void made(const std::string& path);
  void removed(const std::string& path);
  void moved(const std::string& from, const std::string& to);
  // A directory was flushed.
  void synced(const std::string& directory);

  // Undoes all but the first `kept`.
  void lose_after(std::size_t kept);
  [[nodiscard]] std::size_t count() const { return changes_.size(); }

 private:
  struct Change {
    std::string from;   // empty: made
    std::string to;     // empty: removed
    std::string saved;  // a second name of what was at `to`, or at `from` when it was removed
  };
  std::string save(const std::string& path);
  std::string keep_;
  std::vector<Change> changes_;
  std::uint64_t saved_ = 0;
};

}  // namespace tests::machine
