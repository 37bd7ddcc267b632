// How far each disk of a line is: what its run told, folded into steps, bytes, rates and times. Pure; the times come from outside.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "provision/line/work_list.h"
#include "provision/run/run_events.h"

namespace provision::line {

enum class DiskState { Waiting, Running, Finished, Unchanged, Failed };
std::string_view name_of(DiskState state);

struct DiskProgress {
  WorkItem item;
  DiskState state = DiskState::Waiting;
  std::string step;       // what is being done, or was last
  Bytes moved;            // of this step; both 0 when it does not tell
  Bytes all;
  double rate = 0;        // bytes a second over this step so far; 0 when unknown
  std::optional<Duration> left;  // of this step at that rate
  std::string machine;    // once finished; empty without agent
  std::string cause;      // of a failure: the name of an ErrorCode, or "ended" when the run died without a word
  std::string reason;
  Instant began;
  Duration took{};        // once ended
};

struct LineCounts {
  std::size_t waiting = 0;
  std::size_t running = 0;
  std::size_t finished = 0;
  std::size_t unchanged = 0;
  std::size_t failed = 0;
};

class LineState {
 public:
  explicit LineState(const std::vector<WorkItem>& items);

  [[nodiscard]] const std::vector<DiskProgress>& disks() const { return disks_; }
  [[nodiscard]] LineCounts counts() const;
  // The next disk to begin with, in the order of the list.
  [[nodiscard]] std::optional<std::size_t> next() const;
  [[nodiscard]] bool ended() const;

  // `disk` is an index into disks().
  void started(std::size_t disk, Instant now);
  void told(std::size_t disk, const run::RunEvent& event, Instant now);
  // The run's process is gone. Without a last event it failed, whatever its exit status says.
  void gone(std::size_t disk, int exit_status, const std::string& last_words, Instant now);
  void failed(std::size_t disk, std::string cause, std::string reason, Instant now);

 private:
  std::vector<DiskProgress> disks_;
  std::vector<Instant> step_began_;
};

}  // namespace provision::line
