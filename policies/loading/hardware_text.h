// Amounts of hardware as people write them in rules and orders.
#pragma once

#include <cstdint>
#include <string_view>

#include "policies/loading/strict_yaml.h"
#include "policies/terms/hardware.h"

namespace policies::loading {

// "750 MHz", "1 GHz", "2.4 GHz": 1 MHz to 100 GHz, whole MHz.
Result<std::int64_t> megahertz_from(std::string_view text);

// The amount of one component at `key`: a disk of 1 GB to 1 PB, a processor, a memory of 16 MB to 16 TB, a kind of modem or of
// backup power. As in terms::amount_of.
std::uint64_t read_amount(Section& section, std::string_view key, terms::Component component);

// `disk`, `processor`, `memory`, and where they are there `modem` and `backup_power`.
terms::Hardware hardware_from(Section& section);

}  // namespace policies::loading
