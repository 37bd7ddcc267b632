// What a line remembers of its work beyond the runs' own journals: every attempt, also those that ended before a run began; and what
// all of it comes to.
//
// Format: station/attempts/YYYY-MM-DD.journal, journals (run/journal.h) whose entries are facts "attempt".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provision/line/line_run.h"
#include "provision/run/station.h"

namespace provision::line {

struct Attempt {
  std::string order;    // the order's file
  std::string disk;
  std::string outcome;  // the name of a DiskState: finished, unchanged, failed
  std::string cause;    // of a failure
  std::string reason;
  Duration took{};
  Instant at;           // when it ended
};

// Writes each disk's end into the record, then tells the display. The record may be written by one process at a time: hold a RunLock
// on the station's folder `attempts`.
class RecordedLine final : public LineWatcher {
 public:
  // Both must outlive it.
  RecordedLine(run::Station& station, LineWatcher& display) : station_(station), display_(display) {}
  void changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) override;
  void waited(const LineState& line, Instant now) override { display_.waited(line, now); }
  // The first error of writing, if any: the disks are right all the same.
  [[nodiscard]] const Done& written() const { return written_; }

 private:
  run::Station& station_;
  LineWatcher& display_;
  Done written_;
};

// The folder of the record, made when it is not there.
Result<std::string> attempts_folder(run::Station& station);
// In the order of time; a station that never ran a line has none.
Result<std::vector<Attempt>> attempts_of(const run::Station& station);

struct CauseCount {
  std::uint64_t count = 0;
  std::string last_reason;
  Instant last;
};

struct StationReport {
  std::map<std::string, std::uint64_t> runs;  // by what they do and their state: "apply finished"
  std::uint64_t attempts = 0;
  std::map<std::string, std::uint64_t> outcomes;   // of attempts
  std::map<std::string, CauseCount> causes;        // of attempts that failed
  std::optional<Duration> fastest;                 // of attempts that finished a disk, with the two below
  std::optional<Duration> median;
  std::optional<Duration> slowest;
  std::optional<Instant> first;
  std::optional<Instant> last;
};
StationReport report_of(const std::vector<run::RunSummary>& runs, std::vector<Attempt> attempts);

}  // namespace provision::line
