// The constants of all formulas, as a rules file gives them. Rates are in major units of `currency` (dollars, not cents).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "policies/vocabulary/id.h"
#include "policies/vocabulary/money.h"

namespace policies::pricing {
using namespace policies::vocabulary;

using PricesId = Id<struct PricesKind>;  // name of a prices file, e.g. "standard"

// Defaults of the first three are the source's (idle-computation: "4.5, 0.296 and 1.155 are configurable constants"); the
// rest has no default there. Ranges are those that policies/loading enforces.
struct Prices {
  PricesId id;
  std::int64_t version = 1;
  std::string dated;
  Currency currency;

  // Clients, computing.
  double cluster_base_per_hour = 4.5;       // 0..1000
  double cluster_factor = 0.296;            // 0..1000
  double cluster_exponent = 1.155;          // 0.1..3
  double threshold_gigaflops = 100.0;       // above 0: power up to here at the plain rate
  double rate_above_threshold = 1.5;        // 1..100: times the plain rate, for the power above
  double transfer_per_leg_and_gigabyte = 0.0;  // g, 0..1000
  double baseline_reliability = 0.9;        // R, in (0,1)

  // Owners, computing.
  double per_megahertz_hour = 0.0;          // k, 0..10
  double per_gigahertz_hour_of_work = 0.0;  // T, 0..10000
  std::chrono::hours conclusion_limit{1};   // L, 0..168
  double lowest_availability = 0.01;        // measured availabilities are brought into this range before they are paid for,
  double highest_availability = 0.99;       // because ln(1 - 1) has no value

  // Storage; a gigabyte is 10^9 bytes, a month is 730 hours.
  double storage_price_per_gigabyte_month = 0.0;  // clients, for what they stored (not its copies), 0..1000
  double storage_pay_per_gigabyte_month = 0.0;    // owners, for the shards that lie on their machine, 0..1000

  // "standard v1": how a line of a statement names its rule.
  [[nodiscard]] std::string rule_name() const { return id.text + " v" + std::to_string(version); }
};

}  // namespace policies::pricing
