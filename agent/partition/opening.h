// Whether the lease partition of this machine is open, and what to do next to get it opened. Decided purely: the daemon runs the
// command and asks the controller, and says here what came of it.
//
//   run the command ──▶ open ─────────────────────────────▶ Sound
//        │  ▲
//        │  └──────── key ◀── ask the controller ◀── key-needed
//        └── failed ──▶ Unavailable, and again after a pause
#pragma once

#include <string>
#include <string_view>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace agent::partition {
using namespace policies::vocabulary;

enum class Standing {
  Opening,      // not settled yet
  Sound,        // open and mounted
  Unavailable,  // see reason(): no storage is furnished, all else goes on
};
std::string_view name_of(Standing standing);  // "opening", "sound", "unavailable"

// What the command `leaseback-provision lease open --json` said.
struct OpenAnswer {
  bool open = false;   // false: a key is needed
  std::string reason;  // when not open
  std::string by;      // "tpm", "given-key", "mapped"
  Bytes capacity;      // of the mounted filesystem; 0 when it did not say
};
// From the command's exit status and standard output. Unavailable, with what it printed of an error, when it failed; Corrupt when
// it says what cannot be read.
Result<OpenAnswer> open_answer_from(int exit_status, std::string_view output);

// The answer of POST /v1/machines/{id}/slot-key: the key, 64 hexadecimal digits. Corrupt, without repeating it, for anything else.
Result<std::string> slot_key_from(std::string_view json);

enum class Wish { Nothing, RunCommand, AskForKey };

struct Pauses {
  Duration first{10'000};   // after a first failure
  Duration longest{1'800'000};
};

class Opening {
 public:
  explicit Opening(Pauses pauses = {}) : pauses_(pauses), pause_(pauses.first) {}
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  Opening(Opening&&) = delete;
  Opening& operator=(Opening&&) = delete;
  ~Opening();

  // What to begin now. A wish is told once, and is under way until command_ended() or key_arrived().
  Wish next(Duration running);
  // The key for the command that next() asked to run, at most once; empty when it shall try without.
  std::string take_key();
  void command_ended(const Result<OpenAnswer>& answer, Duration running);
  void key_arrived(Result<std::string> key, Duration running);

  [[nodiscard]] Standing standing() const { return standing_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] Bytes capacity() const { return capacity_; }
  // The span until next() has something to say; Duration::max() while something is under way or all is done.
  [[nodiscard]] Duration wait(Duration running) const;

 private:
  void fail(std::string reason, Duration running);

  Pauses pauses_;
  Standing standing_ = Standing::Opening;
  std::string reason_;
  std::string key_;
  Bytes capacity_;
  bool under_way_ = false;
  bool wants_key_ = false;
  bool key_tried_ = false;
  Duration pause_;
  Duration not_before_{0};
};

}  // namespace agent::partition
