// Virtual time: what is to happen, in the order in which it happens. Nothing here ever waits.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/random.h"

namespace simulation {
using namespace policies::vocabulary;

class Timeline {
 public:
  Timeline(Instant start, std::uint64_t seed) : beginning_(start), now_(start), random_(seed) {}

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Instant beginning() const { return beginning_; }
  Random& random() { return random_; }

  // `act` happens at `when`, after everything that was put there before it for the same instant.
  void at(Instant when, std::function<void()> act);
  void after(Duration span, std::function<void()> act) { at(now_ + span, std::move(act)); }
  // Uniform between the two.
  Duration between(Duration least, Duration most);

  // Runs everything up to `end`; time then stands at `end`. The number of things that happened.
  std::uint64_t run_until(Instant end);

 private:
  struct Happening {
    Instant when;
    std::uint64_t number = 0;
    std::function<void()> act;
  };
  struct Later {
    bool operator()(const Happening& one, const Happening& other) const {
      return one.when != other.when ? one.when > other.when : one.number > other.number;
    }
  };
  Instant beginning_;
  Instant now_;
  Random random_;
  std::uint64_t next_number_ = 0;
  std::priority_queue<Happening, std::vector<Happening>, Later> queue_;
};

}  // namespace simulation
