// Hours of a day on the wall clock of some zone: "23:00-07:00", "always". Which instants they cover is lease_window.h's
// business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"

namespace policies::terms {
using namespace policies::vocabulary;

// From `from_minute` (0..1439) up to but not including `to_minute` (1..1440), in minutes after local midnight. When `to` is
// not after `from`, the window crosses midnight into the next day. The two never name the same minute of the clock, except
// {0, 1440}, which is always.
struct DailyWindow {
  int from_minute = 0;
  int to_minute = 1440;
  auto operator<=>(const DailyWindow&) const = default;
  [[nodiscard]] bool is_always() const { return from_minute == 0 && to_minute == 1440; }
  [[nodiscard]] bool crosses_midnight() const { return to_minute <= from_minute; }
  // "23:00-07:00" or "always"; daily_window_from reads it back.
  [[nodiscard]] std::string text() const;
};

// "HH:MM-HH:MM" with 24:00 allowed as the end (and 00:00 as the end taken for it), or "always". InvalidInput otherwise; also
// for equal ends, which could mean all or nothing.
Result<DailyWindow> daily_window_from(std::string_view text);

// The hours in both: none, one or two windows, in order of their beginning.
std::vector<DailyWindow> intersection(const DailyWindow& a, const DailyWindow& b);

}  // namespace policies::terms
