// Files in memory, with the power and the disk in the hands of the test. What is durable is kept apart from what is
// not, so that cut_power() can drop or tear whatever nobody had synced, as a real disk does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "images/files/files.h"
#include "policies/vocabulary/random.h"

namespace tests::fakes {
using namespace policies::vocabulary;

// Directories "/" and "." are there from the start. Usable from any thread.
class MemoryFiles final : public images::files::Files {
 public:
  // `seed` decides how a power cut tears.
  explicit MemoryFiles(std::uint64_t seed = 1) : random_(seed) {}

  // The machine loses power and is started again: each file that was not synced keeps its durable bytes, some prefix of
  // the newer ones, or those with a tail of zeros; a file that never was synced may be gone.
  void cut_power();

  // Mutating calls so far: replace, append, sync, truncate, rename, remove, make_directory; failed ones too.
  [[nodiscard]] std::uint64_t mutating_calls() const;
  // The `nth` mutating call from now (1: the next one) fails with `code`, without effect; then all is well again.
  void fail_at(std::uint64_t nth, ErrorCode code = ErrorCode::IoFailure);
  // Power fails during the `nth` mutating call from now: it takes effect wholly, partly or not at all. From then on
  // each call fails with Interrupted until power_on(), which also calls off a cut that has not come yet.
  void cut_at(std::uint64_t nth);
  [[nodiscard]] bool is_off() const;
  void power_on();

  // All files together may hold this much; what would exceed it fails with OutOfSpace, without effect.
  void limit_space(Bytes budget);

  // Flips one bit of what is stored, as failing flash does. Precondition: the file has such an offset.
  void flip_bit(const std::string& path, std::uint64_t offset);
  [[nodiscard]] images::files::Access access_of(const std::string& path) const;
  [[nodiscard]] Bytes used() const;

  Result<std::string> read(const std::string& path, Bytes limit) override;
  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::size_t length) override;
  Done replace(const std::string& path, std::string_view bytes, images::files::Access access) override;
  Done append(const std::string& path, std::string_view bytes, images::files::Access access) override;
  Done sync(const std::string& path) override;
  Done truncate(const std::string& path, std::uint64_t size) override;
  Done rename(const std::string& from, const std::string& to) override;
  Done remove(const std::string& path) override;
  Done make_directory(const std::string& path, images::files::Access access) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::uint64_t> size(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;

 private:
  struct File {
    std::string bytes;                   // what a reader sees now
    std::optional<std::string> durable;  // what survives for sure; none while the name itself is not durable
    std::size_t untouched = 0;           // so many first bytes are the same in both
    images::files::Access access = images::files::Access::Everyone;
  };
  enum class Step { Whole, Half };  // how much of a call takes effect before the power fails

  Done mutate(const std::function<Done(Step)>& act);
  static void make_durable(File& file);
  void lose_what_is_not_durable();
  [[nodiscard]] std::uint64_t used_now() const;
  [[nodiscard]] Done check_space(std::uint64_t removed, std::uint64_t added) const;
  [[nodiscard]] Done check_parent(const std::string& path) const;
  Result<File*> find(const std::string& path);

  mutable std::mutex mutex_;
  Random random_;
  std::map<std::string, File> files_;
  std::set<std::string> directories_ = {"/", "."};
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;
  ErrorCode fail_code_ = ErrorCode::IoFailure;
  std::uint64_t cut_at_ = 0;
  bool off_ = false;
  std::uint64_t budget_ = UINT64_MAX;
};

}  // namespace tests::fakes
