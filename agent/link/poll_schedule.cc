#include "agent/link/poll_schedule.h"

#include <algorithm>

namespace agent::link {

PollSchedule::PollSchedule(PollLimits limits, std::uint64_t seed) : limits_(limits), random_(seed), wait_(limits.first) {
  invariant(limits.first > Duration(0) && limits.interval_max >= limits.first && limits.jitter >= 0.0 && limits.jitter < 1.0,
            "poll limits are out of range");
}

Duration PollSchedule::after_answer(Duration asked, bool traffic) {
  if (asked > Duration(0)) limits_.interval = std::clamp(asked, limits_.first, limits_.interval_max);
  const Duration longest = std::clamp(limits_.interval, limits_.first, limits_.interval_max);
  const Duration wait = traffic ? limits_.first : std::min(wait_, longest);
  wait_ = std::min(wait * 2, longest);
  return jittered(wait);
}

Duration PollSchedule::after_silence() {
  const Duration wait = std::min(wait_, limits_.interval_max);
  wait_ = std::min(wait * 2, limits_.interval_max);
  return jittered(wait);
}

Duration PollSchedule::jittered(Duration wait) {
  const double factor = 1.0 + limits_.jitter * (2.0 * random_.unit() - 1.0);
  return std::max(Duration(1), Duration(static_cast<Duration::rep>(static_cast<double>(wait.count()) * factor)));
}

}  // namespace agent::link
