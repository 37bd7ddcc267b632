#include "policies/terms/iana_zone.h"

#include <date/tz.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>

namespace policies::terms {
namespace {

constexpr std::size_t name_length_max = 64;

class IanaZone final : public Zone {
 public:
  explicit IanaZone(const date::time_zone* zone) : zone_(zone) {}

  OffsetSpan span_at(Instant instant) const override {
    const date::sys_info found = zone_->get_info(instant);
    // The library's first and last spans reach beyond what milliseconds in 64 bits can count.
    const auto bounded = [](date::sys_seconds at) {
      constexpr date::sys_seconds lowest{std::chrono::seconds(-100'000'000'000)};
      constexpr date::sys_seconds highest{std::chrono::seconds(1'000'000'000'000)};
      return Instant(std::min(std::max(at, lowest), highest));
    };
    return {bounded(found.begin), bounded(found.end), found.offset};
  }

 private:
  const date::time_zone* zone_;
};

}  // namespace

struct IanaZoneRules::Found {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<IanaZone>, std::less<>> zones;
};

IanaZoneRules::IanaZoneRules() : found_(std::make_unique<Found>()) {}
IanaZoneRules::~IanaZoneRules() = default;

Result<const Zone*> IanaZoneRules::zone(std::string_view name) const {
  const Error unknown{ErrorCode::NotFound, "'" + std::string(name.substr(0, name_length_max)) + "' is not a time zone; write an IANA name such as America/Chicago", {}};
  if (name.empty() || name.size() > name_length_max) return unknown;
  const std::lock_guard<std::mutex> lock(found_->mutex);
  if (const auto known = found_->zones.find(name); known != found_->zones.end()) return known->second.get();
  try {
    date::get_tzdb();
  } catch (const std::exception& failure) {
    return Error{ErrorCode::Unavailable, "the time zone database cannot be read: " + std::string(failure.what()), {}};
  }
  try {
    const auto added = found_->zones.emplace(std::string(name), std::make_unique<IanaZone>(date::locate_zone(name)));
    return added.first->second.get();
  } catch (const std::exception&) {
    return unknown;
  }
}

}  // namespace policies::terms
