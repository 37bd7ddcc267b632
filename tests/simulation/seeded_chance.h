// All keys, nonces and serials of this process come from a seed while one of these lives: then ids, their order, and so everything
// that follows, are the same each time a seed is run. Only for simulations: such keys are worth nothing.
#pragma once

#include <cstdint>

namespace simulation {

// At most one at a time.
class SeededChance {
 public:
  explicit SeededChance(std::uint64_t seed);
  ~SeededChance();
  SeededChance(const SeededChance&) = delete;
  SeededChance& operator=(const SeededChance&) = delete;
};

}  // namespace simulation
