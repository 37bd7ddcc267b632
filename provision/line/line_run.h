// Many orders on many disks, some at a time. One that fails never stops the others.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "policies/vocabulary/instant.h"
#include "provision/line/crew.h"
#include "provision/line/line_state.h"

namespace provision::line {

inline constexpr std::int64_t line_jobs_max = 64;

// Sees whatever changes, as it changes. `event` is what the disk's run told, nullptr when it began or died without a word.
class LineWatcher {
 public:
  virtual ~LineWatcher() = default;
  virtual void changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) = 0;
  // Nothing changed, but time went on.
  virtual void waited(const LineState&, Instant) {}
};

struct LineWork {
  std::vector<WorkItem> items;
  std::int64_t jobs = 1;                                                     // 1 to line_jobs_max
  std::function<std::vector<std::string>(const WorkItem&)> arguments_of;     // what the crew's program is called with
};

// Returns when every disk has ended. IoFailure when the crew cannot be heard any more.
Result<LineState> run_line(const LineWork& work, Crew& crew, const Clock& clock, LineWatcher& watcher);

}  // namespace provision::line
