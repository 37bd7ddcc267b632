// links: policies_loading
// A rules file is refused with a reason, or every number in it is in the range that decisions rely on.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policies/loading/loading.h"
#include "policies/vocabulary/json_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // Sound prices beside it, so that a lone good rule is accepted.
  static const std::string prices =
      "kind: prices\nid: standard\nversion: 1\ndated: 2026-11-21\ncurrency: USD\n"
      "client_computing: {base_per_hour: 4.5, factor: 0.296, exponent: 1.155, threshold_gigaflops: 100, rate_above_threshold: 1.5, "
      "transfer_per_leg_and_gigabyte: 0.02, baseline_reliability: 0.9}\n"
      "owner_computing: {per_megahertz_hour: 0.00005, per_gigahertz_hour_of_work: 0.05, conclusion_limit_hours: 1, "
      "lowest_availability: 0.01, highest_availability: 0.99}\n"
      "storage: {client_price_per_gigabyte_month: 0.05, owner_pay_per_gigabyte_month: 0.004}\n";
  const auto rules = policies::loading::rules_from({{"prices.yaml", prices}, {"fuzzed.yaml", std::string(reinterpret_cast<const char*>(bytes), size)}});
  if (!rules) {
    if (rules.error().message.empty()) std::abort();
    return 0;
  }
  for (const auto& terms : rules->terms) {
    if (terms.disk_share_percent < 1 || terms.disk_share_percent > 90 || terms.breaches.empty()) std::abort();
    if (canonical_text(terms, "America/Chicago").empty()) std::abort();
    (void)promised(terms);
  }
  for (const auto& model : rules->models)
    if (model.options.empty() || model.base_price.minor_units() < 0) std::abort();
  for (const auto& offer : rules->offers)
    for (const auto& incentive : offer.incentives)
      if (incentive.upgrade.has_value() != (incentive.kind == policies::terms::IncentiveKind::HardwareUpgrade)) std::abort();
  return 0;
}
