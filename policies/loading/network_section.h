// The network presets of an order.
#pragma once

#include "policies/loading/strict_yaml.h"
#include "policies/terms/terms.h"

namespace policies::loading {

// Reads `hostname`, `address`, `gateway`, `name_servers`, `time_servers`, `inbound` and `wifi`; errors are noted in the section.
terms::NetworkPresets network_from(Section section);

}  // namespace policies::loading
