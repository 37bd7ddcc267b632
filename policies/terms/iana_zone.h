// Zones of the IANA database that the operating system carries (/usr/share/zoneinfo). It lists changes up to 2037;
// later ones are not foreseen, and the last offset is taken to stay.
#pragma once

#include <memory>

#include "policies/terms/zone.h"

namespace policies::terms {

class IanaZoneRules final : public ZoneRules {
 public:
  IanaZoneRules();
  ~IanaZoneRules() override;
  // Names are those of the database, letter for letter. Unavailable when the database itself cannot be read.
  [[nodiscard]] Result<const Zone*> zone(std::string_view name) const override;

 private:
  struct Found;
  std::unique_ptr<Found> found_;
};

}  // namespace policies::terms
