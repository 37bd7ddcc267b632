#include "policies/terms/lease_window.h"

#include <algorithm>

#include "policies/vocabulary/error.h"

namespace policies::terms {
namespace {

using std::chrono::days;
using std::chrono::minutes;

constexpr days longest_query{3700};
// Beyond this an open window is taken to stay open: no daily window but "always" lasts longer.
constexpr days look_ahead{8};

// Local wall-clock time, counted as if it were UTC.
using Local = Instant;

// The first instant at which the clock of `zone` shows `local` or more. Looks back from well before it, so that the earlier
// of two showings is found, and steps over the hour that spring skips.
Instant first_showing(const Zone& zone, Local local) {
  Instant at = local - days(2);
  while (true) {
    const OffsetSpan span = zone.span_at(at);
    const Instant shown = std::max(local - span.offset, span.begin);
    if (shown < span.end) return shown;
    at = span.end;
  }
}

// The opening that belongs to the local day beginning at `midnight`; empty (from >= to) when the clocks skip it whole.
Span opening_of_day(const DailyWindow& window, const Zone& zone, Local midnight) {
  const Local opens = midnight + minutes(window.from_minute);
  const Local closes = midnight + minutes(window.to_minute) + (window.crosses_midnight() ? days(1) : days(0));
  return {first_showing(zone, opens), first_showing(zone, closes)};
}

void join_adjoining(std::vector<Span>& spans) {
  std::sort(spans.begin(), spans.end());
  std::vector<Span> joined;
  for (const Span& span : spans) {
    if (!joined.empty() && span.from <= joined.back().to)
      joined.back().to = std::max(joined.back().to, span.to);
    else
      joined.push_back(span);
  }
  spans = std::move(joined);
}

}  // namespace

std::vector<Span> openings(std::span<const DailyWindow> windows, const Zone& zone, Span within) {
  std::vector<Span> spans;
  if (within.from >= within.to) return spans;
  invariant(within.to - within.from <= longest_query, "openings were asked for over more than 3700 days");
  for (const DailyWindow& window : windows) {
    if (window.is_always()) return {within};
    // A day's opening may begin two local days before the span (crossing midnight, offset up to a day) and reach into it.
    const Local first_day = std::chrono::floor<days>(within.from) - days(3);
    for (Local midnight = first_day; midnight < within.to + days(2); midnight += days(1)) {
      Span span = opening_of_day(window, zone, midnight);
      span = {std::max(span.from, within.from), std::min(span.to, within.to)};
      if (span.from < span.to) spans.push_back(span);
    }
  }
  join_adjoining(spans);
  return spans;
}

WindowState state_at(std::span<const DailyWindow> windows, const Zone& zone, Instant at) {
  const std::vector<Span> ahead = openings(windows, zone, {at, at + look_ahead});
  if (ahead.empty()) return {false, std::nullopt};
  if (ahead.front().from > at) return {false, ahead.front().from};
  if (ahead.front().to == at + look_ahead) return {true, std::nullopt};
  return {true, ahead.front().to};
}

bool is_open(std::span<const DailyWindow> windows, const Zone& zone, Instant at) {
  return !openings(windows, zone, {at, at + Duration(1)}).empty();
}

Duration open_time(std::span<const DailyWindow> windows, const Zone& zone, Span within) {
  Duration total{};
  for (const Span& span : openings(windows, zone, within)) total += span.to - span.from;
  return total;
}

bool is_open(const DailyWindow& window, const Zone& zone, Instant at) { return is_open(std::span(&window, 1), zone, at); }
WindowState state_at(const DailyWindow& window, const Zone& zone, Instant at) { return state_at(std::span(&window, 1), zone, at); }
std::vector<Span> openings(const DailyWindow& window, const Zone& zone, Span within) {
  return openings(std::span(&window, 1), zone, within);
}
Duration open_time(const DailyWindow& window, const Zone& zone, Span within) { return open_time(std::span(&window, 1), zone, within); }

}  // namespace policies::terms
