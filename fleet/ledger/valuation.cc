#include "fleet/ledger/valuation.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "policies/pricing/pricing.h"

namespace fleet::ledger {
namespace {
namespace pricing = policies::pricing;
using pricing::Prices;

constexpr double million = 1e6;
constexpr Duration sample_period = std::chrono::minutes(15);

constexpr std::array<Sides, 6> all_sides = {{
    {"cluster-power", "client:%:receivable", "manufacturer:compute-income"},
    {"cluster-reliability", "client:%:receivable", "manufacturer:compute-income"},
    {"data-moved", "client:%:receivable", "manufacturer:compute-income"},
    {"owner-work", "manufacturer:lease-cost", "owner:%:payable"},
    {"storage-used", "client:%:receivable", "manufacturer:storage-income"},
    {"storage-held", "manufacturer:lease-cost", "owner:%:payable"},
}};

// Reads quantities; the first one that is missing or negative is remembered.
class Quantities {
 public:
  explicit Quantities(const Measurement& measurement) : measurement_(measurement) {}
  std::int64_t operator()(std::string_view name) {
    const std::optional<std::int64_t> found = measurement_.quantity(name);
    if (found && *found >= 0) return *found;
    if (wrong_.empty()) wrong_ = name;
    return 0;
  }
  [[nodiscard]] Done outcome() const {
    if (wrong_.empty()) return {};
    return Error{ErrorCode::InvalidInput, "a measurement of kind " + measurement_.kind + " needs the quantity '" + wrong_ + "' of 0 or more", {}};
  }

 private:
  const Measurement& measurement_;
  std::string wrong_;
};

// The price of a running total after, less the price of it before: no fraction of a cent is lost between settlements.
template <typename PriceOf>
Result<Valuation> difference(std::int64_t before, std::int64_t after, const std::string& formula, PriceOf price_of) {
  if (after < before) return Error{ErrorCode::InvalidInput, "a running total went down", {}};
  const Result<Money> money_before = price_of(before);
  if (!money_before) return money_before.error();
  const Result<Money> money_after = price_of(after);
  if (!money_after) return money_after.error();
  return Valuation{*money_after - *money_before,
                   fmt::format("{}: {} at {}, less {} at {}", formula, money_after->text(), after, money_before->text(), before)};
}

Result<Valuation> cluster_power(Quantities& quantity, const Prices& prices) {
  const std::int64_t mhz = quantity("power_mhz");
  const std::int64_t copies = quantity("copies_permille");
  if (Done done = quantity.outcome(); !done) return done.error();
  if (copies == 0) return Error{ErrorCode::InvalidInput, "a cluster runs at least one copy", {}};
  const double power = static_cast<double>(mhz) / static_cast<double>(copies);
  const Result<Money> charge = pricing::cluster_charge(prices, std::span<const double>(&power, 1));
  if (!charge) return charge.error();
  return Valuation{*charge, fmt::format("0.25 h x ({} + {} x P^{}) with P = {} MHz / {} copies = {:.6g} GF{}", prices.cluster_base_per_hour,
                                        prices.cluster_factor, prices.cluster_exponent, mhz, static_cast<double>(copies) / 1000.0, power,
                                        power > prices.threshold_gigaflops
                                            ? fmt::format("; above {} GF the growth counts {} times", prices.threshold_gigaflops, prices.rate_above_threshold)
                                            : "")};
}

Result<Valuation> cluster_reliability(Quantities& quantity, const Prices& prices) {
  const std::int64_t mhz = quantity("power_mhz");
  const std::int64_t copies = quantity("copies_permille");
  const std::int64_t reliability_ppm = quantity("reliability_ppm");
  if (Done done = quantity.outcome(); !done) return done.error();
  if (copies == 0) return Error{ErrorCode::InvalidInput, "a cluster runs at least one copy", {}};
  const double reliability = static_cast<double>(reliability_ppm) / million;
  if (reliability <= prices.baseline_reliability)
    return Valuation{Money(0, prices.currency), fmt::format("no premium: r = {} is not above R = {}", reliability, prices.baseline_reliability)};
  const double node_mhz = static_cast<double>(mhz) * 1000.0 / static_cast<double>(copies);
  const Result<Money> charge = pricing::reliability_premium(prices, node_mhz, 1, reliability, sample_period);
  if (!charge) return charge.error();
  return Valuation{*charge, fmt::format("0.25 h x k C N (ln(1-r)/ln(1-R) - 1) with k = {}, C N = {:.6g} MHz, r = {}, R = {}", prices.per_megahertz_hour,
                                        node_mhz, reliability, prices.baseline_reliability)};
}

Result<Valuation> data_moved(Quantities& quantity, const Prices& prices) {
  const std::int64_t before = quantity("bytes_before");
  const std::int64_t after = quantity("bytes_after");
  const double reliability = static_cast<double>(quantity("reliability_ppm")) / million;
  const double availability = static_cast<double>(quantity("availability_ppm")) / million;
  if (Done done = quantity.outcome(); !done) return done.error();
  const std::string formula = fmt::format("g (d_i + d_o) (ln(1-r)/ln(1-pi) + 1) with g = {} per GB, r = {}, pi = {}, bytes",
                                          prices.transfer_per_leg_and_gigabyte, reliability, availability);
  return difference(before, after, formula, [&](std::int64_t bytes) {
    const pricing::Transfer transfer{static_cast<double>(bytes) / 1e9, reliability, availability};
    return pricing::transfer_charge(prices, std::span<const pricing::Transfer>(&transfer, 1));
  });
}

Result<Valuation> owner_work(Quantities& quantity, const Prices& prices) {
  const std::int64_t before = quantity("occupied_ms_before");
  const std::int64_t after = quantity("occupied_ms_after");
  const auto mhz = static_cast<double>(quantity("processor_mhz"));
  const double measured = static_cast<double>(quantity("availability_ppm")) / million;
  if (Done done = quantity.outcome(); !done) return done.error();
  const Result<double> availability = pricing::payable_availability(prices, measured);
  if (!availability) return availability.error();
  const std::string formula = fmt::format("k C ln(1-pi)/ln(1-R) per hour with k = {}, C = {} MHz, pi = {}, R = {}, occupied ms",
                                          prices.per_megahertz_hour, mhz, *availability, prices.baseline_reliability);
  return difference(before, after, formula, [&](std::int64_t occupied_ms) {
    const pricing::WorkSpan span{mhz, *availability, Duration(occupied_ms)};
    return pricing::owner_pay(prices, std::span<const pricing::WorkSpan>(&span, 1));
  });
}

// Whole GiB-seconds and the rest apart, because size times time in one figure would leave 64 bits.
std::array<pricing::Stored, 2> stored_of(std::int64_t kib_seconds) {
  constexpr std::int64_t kib_per_gib = std::int64_t{1} << 20;
  return {{{gibibytes(1), std::chrono::seconds(kib_seconds / kib_per_gib)}, {kibibytes(1), std::chrono::seconds(kib_seconds % kib_per_gib)}}};
}

enum class Side { Charge, Pay };

Result<Valuation> storage(Quantities& quantity, const Prices& prices, Side side) {
  const std::int64_t before = quantity("kib_seconds_before");
  const std::int64_t after = quantity("kib_seconds_after");
  if (Done done = quantity.outcome(); !done) return done.error();
  const double rate = side == Side::Charge ? prices.storage_price_per_gigabyte_month : prices.storage_pay_per_gigabyte_month;
  const std::string formula = fmt::format("{} per GB-month of 730 h, KiB-seconds", rate);
  return difference(before, after, formula, [&](std::int64_t kib_seconds) {
    const auto stored = stored_of(kib_seconds);
    return side == Side::Charge ? pricing::storage_charge(prices, stored) : pricing::storage_pay(prices, stored);
  });
}

}  // namespace

std::optional<Sides> sides_of(std::string_view kind) {
  for (const Sides& sides : all_sides)
    if (sides.kind == kind) return sides;
  return std::nullopt;
}

std::string account_for(std::string_view side, const PartyId& party) {
  const std::size_t place = side.find('%');
  if (place == std::string_view::npos) return std::string(side);
  return std::string(side.substr(0, place)) + party.text + std::string(side.substr(place + 1));
}

Result<Valuation> value_of(const Measurement& measurement, const Prices& prices) {
  Quantities quantity(measurement);
  if (measurement.kind == "cluster-power") return cluster_power(quantity, prices);
  if (measurement.kind == "cluster-reliability") return cluster_reliability(quantity, prices);
  if (measurement.kind == "data-moved") return data_moved(quantity, prices);
  if (measurement.kind == "owner-work") return owner_work(quantity, prices);
  if (measurement.kind == "storage-used") return storage(quantity, prices, Side::Charge);
  if (measurement.kind == "storage-held") return storage(quantity, prices, Side::Pay);
  return Error{ErrorCode::InvalidInput, "no formula is known for measurements of kind '" + measurement.kind + "'", {}};
}

}  // namespace fleet::ledger
