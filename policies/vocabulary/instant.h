// A moment in UTC, to the millisecond, and the port from which loops (and only loops) read it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace policies::vocabulary {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<Duration>;

// "2026-11-21T07:56:19Z", with ".123" before the Z when there are milliseconds.
std::string text_of(Instant instant);
// The same format back. Years 1970 to 9999.
Result<Instant> instant_from(std::string_view text);

// "90s", "15m", "23h", "30d", "250ms": a whole number and one unit.
Result<Duration> duration_from(std::string_view text);
std::string text_of(Duration duration);

// Decisions take `Instant now`; only `main` and its loops hold a Clock.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
};

}  // namespace policies::vocabulary
