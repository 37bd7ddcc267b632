// What the agent remembers, as named entries of which many change in one durable step: the session's place, the
// messages not yet acknowledged, the queue of work, the state of the lease. An append-only file of batches, each with a
// CRC; a torn batch at the end is dropped whole when the file is opened, so that a reader finds every entry of a commit
// or none.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "images/files/files.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace agent::journal {
using namespace policies::vocabulary;

// Bytes framed for an append-only file: length (4, little-endian) | CRC-32C of length and payload (4) | payload.
inline constexpr std::size_t frame_overhead = 8;
std::string framed(std::string_view payload);

struct Scan {
  std::vector<std::string_view> payloads;  // into the scanned bytes
  std::uint64_t whole = 0;                 // bytes up to the end of the last whole frame; what follows is torn
};
// Reads frames until the first that is cut or fails its CRC. A frame over `payload_max` counts as torn.
Scan scan_frames(std::string_view bytes, Bytes payload_max);

// CRC-32C (Castagnoli) of `bytes`, continuing from `before`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

class Journal {
 public:
  struct Limits {
    Bytes file_max = mebibytes(256);
    Bytes batch_max = mebibytes(64);
    Bytes compact_after = mebibytes(1);  // of garbage, when it is also more than half of the file
  };

  // Makes the file when there is none. Corrupt when its head is not ours: nothing is touched then.
  // `files` must outlive the journal.
  static Result<Journal> open(images::files::Files& files, std::string path, Limits limits);

  // The entries as of the last commit, with what is staged since.
  [[nodiscard]] const std::map<std::string, std::string>& entries() const { return entries_; }
  [[nodiscard]] const std::string* find(const std::string& name) const;
  // The names that begin with `prefix`, in order.
  [[nodiscard]] std::vector<std::string> names(std::string_view prefix) const;

  void put(const std::string& name, std::string value);
  void erase(const std::string& name);
  [[nodiscard]] bool has_staged() const { return !staged_.empty(); }
  // Makes everything staged durable as one step; nothing staged costs nothing. After an error the journal must be
  // opened again: what is in memory may differ from what is on the disk.
  Done commit();

 private:
  Journal(images::files::Files& files, std::string path, Limits limits)
      : files_(&files), path_(std::move(path)), limits_(limits) {}
  void apply(std::string_view batch);
  Done compact();

  images::files::Files* files_;
  std::string path_;
  Limits limits_;
  std::map<std::string, std::string> entries_;
  std::map<std::string, bool> staged_;  // name, and whether it was put (true) or erased
  std::uint64_t file_size_ = 0;
  std::uint64_t live_size_ = 0;  // of the entries, as a file of nothing else would hold them
};

}  // namespace agent::journal
