#include "tests/simulation/timeline.h"

namespace simulation {

void Timeline::at(Instant when, std::function<void()> act) { queue_.push({std::max(when, now_), next_number_++, std::move(act)}); }

Duration Timeline::between(Duration least, Duration most) {
  return least + Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>((most - least).count()) + 1)));
}

std::uint64_t Timeline::run_until(Instant end) {
  std::uint64_t happened = 0;
  while (!queue_.empty() && queue_.top().when <= end) {
    Happening next = queue_.top();
    queue_.pop();
    now_ = next.when;
    next.act();
    ++happened;
  }
  now_ = end;
  return happened;
}

}  // namespace simulation
