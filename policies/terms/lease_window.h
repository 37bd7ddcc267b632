// Which instants daily hours cover in a zone.
//
// A window opens once on each local day, at the first instant at which the wall clock shows its beginning or more, and
// closes at the first instant after that at which the wall clock shows its end or more. So an hour that the clocks skip in
// spring is not made up for, an hour that they repeat in autumn belongs to a window that is open when the repetition
// begins, and a window whose end is shown twice closes at the first: the customer is never held longer than the clock says.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "policies/terms/daily_window.h"
#include "policies/terms/zone.h"
#include "policies/vocabulary/instant.h"

namespace policies::terms {

// From `from` up to but not including `to`.
struct Span {
  Instant from;
  Instant to;
  auto operator<=>(const Span&) const = default;
};

// All functions take the windows of one agreement; several windows count as their union, none as never.

bool is_open(std::span<const DailyWindow> windows, const Zone& zone, Instant at);
bool is_open(const DailyWindow& window, const Zone& zone, Instant at);

// Whether it is open at `at`, and when that next changes; no `until` when it never does.
struct WindowState {
  bool open = false;
  std::optional<Instant> until;
};
WindowState state_at(std::span<const DailyWindow> windows, const Zone& zone, Instant at);
WindowState state_at(const DailyWindow& window, const Zone& zone, Instant at);

// The open spans within [within.from, within.to), in order, cut to it, adjoining ones joined. Empty when within is empty.
// Precondition: `within` is at most 3700 days long.
std::vector<Span> openings(std::span<const DailyWindow> windows, const Zone& zone, Span within);
std::vector<Span> openings(const DailyWindow& window, const Zone& zone, Span within);

// How long it is open within the span.
Duration open_time(std::span<const DailyWindow> windows, const Zone& zone, Span within);
Duration open_time(const DailyWindow& window, const Zone& zone, Span within);

}  // namespace policies::terms
