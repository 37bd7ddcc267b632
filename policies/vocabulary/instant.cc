#include "policies/vocabulary/instant.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace policies::vocabulary {
namespace {

bool read_number(std::string_view text, std::size_t at, std::size_t digits, int& number) {
  if (at + digits > text.size()) return false;
  const auto [end, failure] = std::from_chars(text.data() + at, text.data() + at + digits, number);
  return failure == std::errc{} && end == text.data() + at + digits && number >= 0;
}

}  // namespace

std::string text_of(Instant instant) {
  using namespace std::chrono;
  const auto day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss time(instant - day);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::string whole(text.data());
  if (const auto milliseconds_left = time.subseconds().count(); milliseconds_left != 0) {
    std::snprintf(text.data(), text.size(), ".%03d", static_cast<int>(milliseconds_left));
    whole += text.data();
  }
  return whole + "Z";
}

Result<Instant> instant_from(std::string_view text) {
  using namespace std::chrono;
  const Error bad{ErrorCode::InvalidInput, "'" + std::string(text) + "' is not a UTC time such as 2026-11-21T07:56:19Z", {}};
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  const bool shaped = (text.size() == 20 || (text.size() == 24 && text[19] == '.')) && text[4] == '-' && text[7] == '-' &&
                      text[10] == 'T' && text[13] == ':' && text[16] == ':' && text.back() == 'Z';
  if (!shaped || !read_number(text, 0, 4, y) || !read_number(text, 5, 2, mo) || !read_number(text, 8, 2, d) ||
      !read_number(text, 11, 2, h) || !read_number(text, 14, 2, mi) || !read_number(text, 17, 2, s))
    return bad;
  if (text.size() == 24 && !read_number(text, 20, 3, ms)) return bad;
  const year_month_day date(year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d)));
  if (!date.ok() || y < 1970 || h > 23 || mi > 59 || s > 59) return bad;
  return Instant(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms);
}

Result<Duration> duration_from(std::string_view text) {
  const Error bad{ErrorCode::InvalidInput, "'" + std::string(text) + "' is not a duration such as 250ms, 90s, 15m, 23h or 30d", {}};
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || number < 0 || number > 1'000'000'000'000) return bad;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  std::int64_t milliseconds_total = 0;
  if (factor == 0 || __builtin_mul_overflow(number, factor, &milliseconds_total)) return bad;
  return Duration(milliseconds_total);
}

std::string text_of(Duration duration) {
  const std::int64_t ms = duration.count();
  if (ms != 0 && ms % 86'400'000 == 0) return std::to_string(ms / 86'400'000) + "d";
  if (ms != 0 && ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms != 0 && ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  if (ms % 1000 == 0) return std::to_string(ms / 1000) + "s";
  return std::to_string(ms) + "ms";
}

Instant SystemClock::now() const { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

}  // namespace policies::vocabulary
