// Chance, handed in and repeatable: the same seed gives the same choices on every machine. Never used for keys.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>

#include "policies/vocabulary/error.h"

namespace policies::vocabulary {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // Uniform in [0, bound). Precondition: bound > 0. (std's distributions differ between libraries; these do not.)
  std::uint64_t below(std::uint64_t bound) {
    invariant(bound > 0, "Random::below needs a positive bound");
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    std::uint64_t drawn = engine_();
    while (drawn >= limit) drawn = engine_();
    return drawn % bound;
  }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }

  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace policies::vocabulary
