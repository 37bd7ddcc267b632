// A clock for rehearsals and demonstrations: a small text file says what time it is and how fast time goes, and every
// program that is started with `--clock FILE` agrees on it.
//
// The file is one line, "REAL SHOWN RATE": at the real instant REAL the clock showed SHOWN, and since then it runs at
// RATE times real speed. For example "2026-11-21T08:00:00Z 2027-01-31T22:00:00Z 60". It is replaced as a whole by
// whoever sets the clock; a running program sees the change at its next look.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "images/files/files.h"
#include "policies/vocabulary/instant.h"

namespace images::files {

struct ClockSetting {
  Instant real;
  Instant shown;
  double rate = 1.0;  // 0 (time stands still) to 1,000,000
};

// InvalidInput when `text` is not one line as above.
Result<ClockSetting> clock_setting_from(std::string_view text);
std::string text_of(const ClockSetting& setting);
// What the clock shows at the real instant `real`; never past the year 9999.
Instant shown_at(const ClockSetting& setting, Instant real);

// From now on the clock in `path` shows `shown` and runs at `rate`. Readers in other processes see it at once.
// InvalidInput when `rate` is out of range.
Done set_stepped_clock(Files& files, const Clock& real, const std::string& path, Instant shown, double rate);

// Usable from any thread. A file that vanishes or breaks later leaves the last good setting in force.
class SteppedClock final : public Clock {
 public:
  // NotFound or InvalidInput when the file cannot be used now. `real` must outlive the clock.
  static Result<std::unique_ptr<SteppedClock>> open(const std::string& path, const Clock& real);
  ~SteppedClock() override;
  [[nodiscard]] Instant now() const override;

 private:
  struct State;
  explicit SteppedClock(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace images::files
