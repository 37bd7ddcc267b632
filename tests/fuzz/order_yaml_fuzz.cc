// links: policies_loading
// An order is a file from outside: whatever its bytes, it is refused with a reason or describes a machine that can be built.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policies/loading/loading.h"

namespace {

// The zone database is not under test; one zone keeps the harness quick.
class OneZone final : public policies::terms::ZoneRules {
 public:
  [[nodiscard]] policies::vocabulary::Result<const policies::terms::Zone*> zone(std::string_view name) const override {
    if (name == "America/Chicago") return &utc_;
    return policies::vocabulary::Error{policies::vocabulary::ErrorCode::NotFound, "no such zone", {}};
  }

 private:
  class Utc final : public policies::terms::Zone {
   public:
    [[nodiscard]] policies::terms::OffsetSpan span_at(policies::vocabulary::Instant) const override {
      using policies::vocabulary::Duration;
      using policies::vocabulary::Instant;
      return {Instant(Duration(0)), Instant(Duration(INT64_C(253402300800000))), std::chrono::seconds(0)};
    }
  };
  Utc utc_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const OneZone zones;
  const auto order = policies::loading::load_order({reinterpret_cast<const char*>(bytes), size}, "order.yaml", zones);
  if (!order) {
    if (order.error().message.empty()) std::abort();
    return 0;
  }
  if (order->serial.empty() || order->network.hostname.empty() || order->ordered.disk.count == 0) std::abort();
  if (order->customer_name.find_first_of("\n\r") != std::string::npos) std::abort();
  return 0;
}
