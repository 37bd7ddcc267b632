#include "policies/terms/daily_window.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace policies::terms {
namespace {

constexpr int minutes_of_day = 1440;

std::string clock_text(int minute) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d", minute / 60, minute % 60);
  return text.data();
}

// -1 when `text` is not HH:MM from 00:00 to 24:00.
int minute_from(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : -1000; };
  if (text.size() != 5 || text[2] != ':') return -1;
  const int hour = digit(0) * 10 + digit(1);
  const int minute = digit(3) * 10 + digit(4);
  if (hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > minutes_of_day) return -1;
  return hour * 60 + minute;
}

// The window as one or two stretches within one day.
std::vector<std::pair<int, int>> stretches(const DailyWindow& window) {
  if (!window.crosses_midnight()) return {{window.from_minute, window.to_minute}};
  return {{0, window.to_minute}, {window.from_minute, minutes_of_day}};
}

}  // namespace

std::string DailyWindow::text() const {
  if (is_always()) return "always";
  return clock_text(from_minute) + "-" + clock_text(to_minute);
}

Result<DailyWindow> daily_window_from(std::string_view text) {
  if (text == "always") return DailyWindow{};
  const Error bad{ErrorCode::InvalidInput, "'" + std::string(text) + "' is not hours such as '23:00-07:00' or 'always'", {}};
  if (text.size() != 11 || text[5] != '-') return bad;
  const int from = minute_from(text.substr(0, 5));
  int to = minute_from(text.substr(6));
  if (from < 0 || to < 0 || from == minutes_of_day) return bad;
  if (to == 0) to = minutes_of_day;
  if (from == to || (from == 0 && to == minutes_of_day))
    return Error{ErrorCode::InvalidInput, "'" + std::string(text) + "' could mean all day or nothing; for all day write 'always'", {}};
  return DailyWindow{from, to};
}

std::vector<DailyWindow> intersection(const DailyWindow& a, const DailyWindow& b) {
  std::vector<std::pair<int, int>> both;
  for (const auto& [a_from, a_to] : stretches(a))
    for (const auto& [b_from, b_to] : stretches(b))
      if (std::max(a_from, b_from) < std::min(a_to, b_to)) both.emplace_back(std::max(a_from, b_from), std::min(a_to, b_to));
  std::sort(both.begin(), both.end());
  // What ends at midnight and what begins there are one window, unless they are the whole day.
  const bool joins = both.size() > 1 && both.front().first == 0 && both.back().second == minutes_of_day;
  if (joins) {
    both.back().second = both.front().second;
    both.erase(both.begin());
  }
  std::vector<DailyWindow> windows;
  for (const auto& [from, to] : both) windows.push_back({from, to});
  return windows;
}

}  // namespace policies::terms
