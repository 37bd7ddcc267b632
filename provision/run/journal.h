// The record of one run on one disk: what was meant and what came of it, appended and made durable before the next
// thing is done. Running again after a cut reads it to go on; people read it to see what happened.
//
// Format: one line an entry, "<chain> <json>\n". chain is the SHA-256 (hex) of the chain of the line before (64 zeros
// for the first) followed by the JSON; so a line that was changed, lost or moved is seen. A last line that is torn, as
// a cut leaves it, is dropped. Secrets are never in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "images/files/files.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace provision::run {
using namespace policies::vocabulary;

enum class EntryKind {
  Fact,     // something that a later run must know: "identity", "plan", "before"
  Intent,   // a step begins
  Outcome,  // that step is done and durable
  Failure,  // that step failed; the fact "reason" says why
};
std::string_view name_of(EntryKind kind);

struct Entry {
  EntryKind kind = EntryKind::Fact;
  std::string step;                          // 1 to 200 bytes
  std::map<std::string, std::string> facts;  // at most 32, texts of at most 8 KiB
  Instant at;
  bool operator==(const Entry&) const = default;
};

inline constexpr Bytes journal_size_max = mebibytes(16);
inline constexpr std::size_t journal_line_max = 128 * 1024;

struct JournalText {
  std::vector<Entry> entries;
  std::uint64_t whole_bytes = 0;  // up to the end of the last whole line; what follows was torn
  std::string chain;              // of the last whole line
};

// Corrupt, with the line's number, when a line before the last does not continue the chain or is no entry;
// LimitExceeded for texts over the limits.
Result<JournalText> journal_from(std::string_view text);

// The line of one entry, with its newline; `chain` is that of the line before.
std::string line_of(const Entry& entry, std::string_view chain);

class Journal {
 public:
  // Reads what is there, and cuts off a torn end. A journal that is not there is empty. `files` must outlive it.
  static Result<Journal> open(images::files::Files& files, std::string path);

  // For looking only: changes nothing, and add() may not follow.
  static Result<Journal> read(images::files::Files& files, std::string path);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  // The last entry of that kind and step; nullptr when there is none. Valid until the next add.
  [[nodiscard]] const Entry* last(EntryKind kind, std::string_view step) const;
  [[nodiscard]] bool has(EntryKind kind, std::string_view step) const { return last(kind, step) != nullptr; }
  // Durable when it returns.
  Done add(Entry entry);

 private:
  Journal(images::files::Files& files, std::string path) : files_(&files), path_(std::move(path)) {}
  images::files::Files* files_;
  std::string path_;
  std::vector<Entry> entries_;
  std::string chain_;
  std::uint64_t whole_bytes_ = 0;
  bool torn_ = false;
};

}  // namespace provision::run
