// One zone without changes of the clock: "UTC".
#pragma once

#include "policies/terms/zone.h"

namespace tests::fakes {

class UtcZone final : public policies::terms::ZoneRules, public policies::terms::Zone {
 public:
  [[nodiscard]] policies::vocabulary::Result<const policies::terms::Zone*> zone(std::string_view name) const override {
    if (name != "UTC")
      return policies::vocabulary::Error{policies::vocabulary::ErrorCode::NotFound, "there is no such zone", {}};
    return static_cast<const policies::terms::Zone*>(this);
  }
  [[nodiscard]] policies::terms::OffsetSpan span_at(policies::vocabulary::Instant) const override {
    using namespace std::chrono;
    return {sys_days(1970y / January / 1d), sys_days(9999y / December / 31d), seconds(0)};
  }
};

}  // namespace tests::fakes
