// How far a run is, one line of JSON an event, for whoever started the program that runs it: `disk apply --events` writes them,
// the line reads them.
//
//   {"event":"step","text":"format partition 2 (system)"}
//   {"event":"moved","done_bytes":1048576,"all_bytes":4194304}
//   {"event":"note","text":"..."}
//   {"event":"done","outcome":"changed","machine":"..."}          the last one; outcome is changed or no-changes
//   {"event":"failed","cause":"corrupt","text":"..."}             the last one; cause is the name of an ErrorCode
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"
#include "provision/run/ports.h"

namespace provision::run {
using namespace policies::vocabulary;

enum class RunEventKind { Step, Moved, Note, Done, Failed };

struct RunEvent {
  RunEventKind kind = RunEventKind::Step;
  std::string text;     // Step, Note, Failed: for people
  Bytes done;           // Moved
  Bytes all;            // Moved; not less than done
  std::string outcome;  // Done
  std::string machine;  // Done; empty without agent
  std::string cause;    // Failed
  bool operator==(const RunEvent&) const = default;
};

inline constexpr std::size_t run_event_max = 64 * 1024;

// Without a newline; texts are shortened so that it is within the limit.
std::string text_of(const RunEvent& event);
// InvalidInput for anything but one event in one line within the limit.
Result<RunEvent> run_event_from(std::string_view line);

// Tells all that a run does as events, each handed over as one line with its newline.
class EventLines final : public Progress {
 public:
  explicit EventLines(std::function<void(const std::string&)> write) : write_(std::move(write)) {}
  void begins(std::string_view step) override { tell({RunEventKind::Step, std::string(step), {}, {}, {}, {}, {}}); }
  void notes(std::string_view text) override { tell({RunEventKind::Note, std::string(text), {}, {}, {}, {}, {}}); }
  void moved(Bytes done, Bytes all) override { tell({RunEventKind::Moved, {}, done, all, {}, {}, {}}); }
  void tell(const RunEvent& event) { write_(text_of(event) + "\n"); }

 private:
  std::function<void(const std::string&)> write_;
};

}  // namespace provision::run
