// What a place's clocks show when: the port through which lease windows know daylight saving. Tests bring their own zones.
#pragma once

#include <chrono>
#include <string_view>

#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace policies::terms {
using namespace policies::vocabulary;

// From `begin` up to but not including `end`, local time is UTC plus `offset` (at most a day either way).
struct OffsetSpan {
  Instant begin;
  Instant end;
  std::chrono::seconds offset{};
};

// One zone's rules: spans without gap or overlap over all times from 1970 to 9999. Safe to read from several threads.
class Zone {
 public:
  virtual ~Zone() = default;
  [[nodiscard]] virtual OffsetSpan span_at(Instant instant) const = 0;
};

class ZoneRules {
 public:
  virtual ~ZoneRules() = default;
  // The zone of this IANA name, which lives as long as these rules. NotFound when there is none.
  [[nodiscard]] virtual Result<const Zone*> zone(std::string_view name) const = 0;
};

// "2026-11-21 23:00", "Sat 2026-11-21 23:00 -06:00": an instant on that place's wall.
std::string local_text(const Zone& zone, Instant instant);
std::string local_text_with_offset(const Zone& zone, Instant instant);

}  // namespace policies::terms
