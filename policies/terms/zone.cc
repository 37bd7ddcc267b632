#include "policies/terms/zone.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace policies::terms {
namespace {

// A local time written with the words of UTC: year-month-day and clock are right, only the zone is not.
Instant on_the_wall(const Zone& zone, Instant instant) { return instant + zone.span_at(instant).offset; }

}  // namespace

std::string local_text(const Zone& zone, Instant instant) {
  std::string text = text_of(on_the_wall(zone, instant)).substr(0, 16);
  text[10] = ' ';
  return text;
}

std::string local_text_with_offset(const Zone& zone, Instant instant) {
  static constexpr std::array<const char*, 7> names = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const auto day = std::chrono::floor<std::chrono::days>(on_the_wall(zone, instant));
  const auto minutes = std::chrono::floor<std::chrono::minutes>(zone.span_at(instant).offset).count();
  std::array<char, 16> offset{};
  std::snprintf(offset.data(), offset.size(), " %c%02d:%02d", minutes < 0 ? '-' : '+', static_cast<int>(std::abs(minutes) / 60 % 100),
                static_cast<int>(std::abs(minutes) % 60));
  return names[std::chrono::weekday(day).c_encoding()] + (" " + local_text(zone, instant)) + offset.data();
}

}  // namespace policies::terms
