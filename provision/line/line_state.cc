#include "provision/line/line_state.h"

#include <fmt/format.h>

namespace provision::line {

using run::RunEvent;
using run::RunEventKind;

std::string_view name_of(DiskState state) {
  switch (state) {
    case DiskState::Waiting: return "waiting";
    case DiskState::Running: return "running";
    case DiskState::Finished: return "finished";
    case DiskState::Unchanged: return "unchanged";
    case DiskState::Failed: return "failed";
  }
  invariant(false, "a DiskState outside its enumerators");
  return {};
}

LineState::LineState(const std::vector<WorkItem>& items) : step_began_(items.size()) {
  for (const WorkItem& item : items) {
    DiskProgress disk;
    disk.item = item;
    disks_.push_back(std::move(disk));
  }
}

LineCounts LineState::counts() const {
  LineCounts counts;
  for (const DiskProgress& disk : disks_) switch (disk.state) {
      case DiskState::Waiting: ++counts.waiting; break;
      case DiskState::Running: ++counts.running; break;
      case DiskState::Finished: ++counts.finished; break;
      case DiskState::Unchanged: ++counts.unchanged; break;
      case DiskState::Failed: ++counts.failed; break;
    }
  return counts;
}

std::optional<std::size_t> LineState::next() const {
  for (std::size_t i = 0; i < disks_.size(); ++i)
    if (disks_[i].state == DiskState::Waiting) return i;
  return std::nullopt;
}

bool LineState::ended() const {
  const LineCounts now = counts();
  return now.waiting == 0 && now.running == 0;
}

void LineState::started(std::size_t disk, Instant now) {
  disks_[disk].state = DiskState::Running;
  disks_[disk].step = "begin";
  disks_[disk].began = step_began_[disk] = now;
}

void LineState::told(std::size_t disk, const RunEvent& event, Instant now) {
  DiskProgress& one = disks_[disk];
  if (one.state != DiskState::Running) return;
  switch (event.kind) {
    case RunEventKind::Note: return;
    case RunEventKind::Step:
      one.step = event.text;
      one.moved = one.all = {};
      one.rate = 0;
      one.left.reset();
      step_began_[disk] = now;
      return;
    case RunEventKind::Moved: {
      one.moved = event.done;
      one.all = event.all;
      const auto passed = std::chrono::duration<double>(now - step_began_[disk]).count();
      one.rate = passed > 0 ? static_cast<double>(event.done.count) / passed : 0;
      one.left.reset();
      if (one.rate > 0)
        one.left = Duration{static_cast<std::int64_t>(static_cast<double>(event.all.count - event.done.count) / one.rate * 1000)};
      return;
    }
    case RunEventKind::Done:
      one.state = event.outcome == "no-changes" ? DiskState::Unchanged : DiskState::Finished;
      one.machine = event.machine;
      one.took = now - one.began;
      return;
    case RunEventKind::Failed: return failed(disk, event.cause, event.text, now);
  }
}

void LineState::gone(std::size_t disk, int exit_status, const std::string& last_words, Instant now) {
  if (disks_[disk].state != DiskState::Running) return;
  failed(disk, "ended", fmt::format("its run ended with {} and without a word{}{}; run the line again to go on with it", exit_status,
                                    last_words.empty() ? "" : ": ", last_words), now);
}

void LineState::failed(std::size_t disk, std::string cause, std::string reason, Instant now) {
  DiskProgress& one = disks_[disk];
  one.state = DiskState::Failed;
  one.cause = std::move(cause);
  one.reason = std::move(reason);
  one.took = now - one.began;
}

}  // namespace provision::line
