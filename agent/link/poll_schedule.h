// When a machine calls next: the interval the controller set, jitter, and exponential back-off while nobody answers.
#pragma once

#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/random.h"

namespace agent::link {
using namespace policies::vocabulary;

struct PollLimits {
  Duration first{1'000};          // after start and after traffic: fastest
  Duration interval{300'000};     // set by the controller
  Duration interval_max{3'600'000};
  double jitter = 0.1;            // +-10 % of every wait
};

// Pure but for the Random it is given. Times are spans, not instants: a daemon sleeps real time.
class PollSchedule {
 public:
  PollSchedule(PollLimits limits, std::uint64_t seed);
  // The controller answered: `asked` is its poll_after (0: keep). `traffic`: messages went either way, so be quick again;
  // without traffic the wait doubles from `first` up to the interval.
  Duration after_answer(Duration asked, bool traffic);
  // Nobody answered: the wait doubles up to interval_max.
  Duration after_silence();

 private:
  Duration jittered(Duration wait);
  PollLimits limits_;
  Random random_;
  Duration wait_;
};

}  // namespace agent::link
