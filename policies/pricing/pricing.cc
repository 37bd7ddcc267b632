#include "policies/pricing/pricing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

namespace policies::pricing {
namespace {

constexpr double samples_per_hour = 4;
constexpr double hours_per_month = 730;
constexpr double bytes_per_gigabyte = 1e9;
constexpr double milliseconds_per_hour = 3'600'000;

double hours_of(Duration time) { return static_cast<double>(time.count()) / milliseconds_per_hour; }

std::string shown(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.12g", value);
  return text.data();
}

Error out_of_range(std::string_view what, double value, std::string_view range) {
  return {ErrorCode::InvalidInput, std::string(what) + " is " + shown(value) + ", but must be " + std::string(range), {}};
}

Done check_not_negative(std::string_view what, double value) {
  if (std::isfinite(value) && value >= 0) return {};
  return out_of_range(what, value, "0 or more");
}

Done check_positive(std::string_view what, double value) {
  if (std::isfinite(value) && value > 0) return {};
  return out_of_range(what, value, "above 0");
}

// For logarithms of 1 − p: neither end has a value that means anything.
Done check_probability(std::string_view what, double value) {
  if (std::isfinite(value) && value > 0 && value < 1) return {};
  return out_of_range(what, value, "above 0 and below 1");
}

Done check_availability(std::string_view what, double value) {
  if (std::isfinite(value) && value > 0 && value <= 1) return {};
  return out_of_range(what, value, "above 0, at most 1");
}

Done check_time(Duration time) {
  if (time.count() >= 0) return {};
  return out_of_range("a time in hours", hours_of(time), "0 or more");
}

// The first error of several checks.
template <std::size_t N>
Done all_of(const std::array<Done, N>& checks) {
  for (const Done& check : checks)
    if (!check) return check.error();
  return {};
}

// ln(1-a)/ln(1-b), exact also for probabilities near 0.
double log_ratio(double a, double b) { return std::log1p(-a) / std::log1p(-b); }

Done check(const TaskSize& task) {
  return all_of(std::array{check_not_negative("the work of a task in GF-hours", task.work_gigaflop_hours),
                           check_not_negative("the data of a task in GB", task.data_gigabytes)});
}

Done check(const MachineProfile& machine) {
  return all_of(std::array{check_positive("the speed of a machine in GF", machine.gigaflops),
                           check_positive("the bandwidth of a machine in GB per hour", machine.gigabytes_per_hour),
                           check_availability("the availability of a processor", machine.processor_availability),
                           check_availability("the availability of a network", machine.network_availability)});
}

Done check(const NodeWanted& node) {
  return all_of(std::array{check_positive("the speed of a virtual node in GF", node.gigaflops),
                           check_positive("the bandwidth of a virtual node in GB per hour", node.gigabytes_per_hour)});
}

bool about_equal(double a, double b, double tolerance) { return a <= b * (1 + tolerance) && b <= a * (1 + tolerance); }

Result<Money> priced(double rate, std::span<const Stored> stored, const Currency& currency) {
  Result<double> total = gigabyte_months(stored);
  if (!total) return total.error();
  return rounded(rate * *total, currency);
}

}  // namespace

Result<double> cluster_rate(const Prices& prices, double power_gigaflops) {
  if (Done checked = check_not_negative("the power of a cluster in GF", power_gigaflops); !checked) return checked.error();
  if (power_gigaflops == 0) return 0.0;
  const double below = std::pow(std::min(power_gigaflops, prices.threshold_gigaflops), prices.cluster_exponent);
  const double whole = std::pow(power_gigaflops, prices.cluster_exponent);
  return prices.cluster_base_per_hour + prices.cluster_factor * (below + prices.rate_above_threshold * (whole - below));
}

Result<Money> cluster_charge(const Prices& prices, std::span<const double> power_samples_gigaflops) {
  double total = 0;
  for (const double power : power_samples_gigaflops) {
    Result<double> rate = cluster_rate(prices, power);
    if (!rate) return rate.error();
    total += *rate / samples_per_hour;
  }
  return rounded(total, prices.currency);
}

Result<Money> transfer_charge(const Prices& prices, std::span<const Transfer> transfers) {
  double total = 0;
  for (const Transfer& transfer : transfers) {
    const Done checked = all_of(std::array{check_not_negative("transferred data in GB", transfer.gigabytes),
                                           check_probability("a requested reliability", transfer.reliability),
                                           check_probability("an average reliability", transfer.availability)});
    if (!checked) return checked.error();
    total += transfer.gigabytes * (log_ratio(transfer.reliability, transfer.availability) + 1);
  }
  return rounded(prices.transfer_per_leg_and_gigabyte * total, prices.currency);
}

Result<double> reliability_premium_rate(const Prices& prices, double node_megahertz, double nodes, double reliability) {
  const Done checked = all_of(std::array{check_not_negative("the speed of a virtual node in MHz", node_megahertz),
                                         check_not_negative("the number of virtual nodes", nodes),
                                         check_probability("a requested reliability", reliability),
                                         check_probability("the baseline reliability", prices.baseline_reliability)});
  if (!checked) return checked.error();
  if (reliability < prices.baseline_reliability)
    return out_of_range("a requested reliability", reliability, "the baseline of " + shown(prices.baseline_reliability) + " or more");
  return prices.per_megahertz_hour * node_megahertz * nodes * (log_ratio(reliability, prices.baseline_reliability) - 1);
}

Result<Money> reliability_premium(const Prices& prices, double node_megahertz, double nodes, double reliability, Duration time) {
  if (Done checked = check_time(time); !checked) return checked.error();
  Result<double> rate = reliability_premium_rate(prices, node_megahertz, nodes, reliability);
  if (!rate) return rate.error();
  return rounded(*rate * hours_of(time), prices.currency);
}

Result<double> expected_hours(const TaskSize& task, const MachineProfile& machine) {
  if (Done checked = all_of(std::array{check(task), check(machine)}); !checked) return checked.error();
  return task.work_gigaflop_hours / (machine.gigaflops * machine.processor_availability) +
         task.data_gigabytes / (machine.gigabytes_per_hour * machine.network_availability);
}

Result<double> requested_hours(const TaskSize& task, const NodeWanted& node) {
  if (Done checked = all_of(std::array{check(task), check(node)}); !checked) return checked.error();
  return task.work_gigaflop_hours / node.gigaflops + task.data_gigabytes / node.gigabytes_per_hour;
}

Result<bool> is_candidate(const std::optional<TaskSize>& task, const MachineProfile& machine, const NodeWanted& node,
                          double tolerance) {
  const Done checked = all_of(std::array{check_not_negative("a tolerance", tolerance), check(machine), check(node)});
  if (!checked) return checked.error();
  if (!task) {
    return about_equal(machine.processor_availability * machine.gigaflops, node.gigaflops, tolerance) &&
           about_equal(machine.network_availability * machine.gigabytes_per_hour, node.gigabytes_per_hour, tolerance);
  }
  Result<double> expected = expected_hours(*task, machine);
  if (!expected) return expected.error();
  Result<double> requested = requested_hours(*task, node);
  if (!requested) return requested.error();
  return about_equal(*expected, *requested, tolerance);
}

Result<double> bandwidth_needed(const TaskSize& task, double gigaflops_times_availability, const NodeWanted& node) {
  const Done checked =
      all_of(std::array{check(task), check(node), check_positive("the data of a task in GB", task.data_gigabytes),
                        check_positive("the available speed of a machine in GF", gigaflops_times_availability)});
  if (!checked) return checked.error();
  const double speed = gigaflops_times_availability;
  const double data = task.data_gigabytes;
  const double divisor = task.work_gigaflop_hours * node.gigabytes_per_hour * (speed - node.gigaflops) + data * speed * node.gigaflops;
  if (!(divisor > 0))
    return out_of_range("the available speed of a machine in GF", speed, "enough to finish the work within the requested time");
  return speed * (data * node.gigaflops * node.gigabytes_per_hour) / divisor;
}

Result<double> weighted_availability(const TaskSize& average_task, const MachineProfile& machine) {
  if (Done checked = all_of(std::array{check(average_task), check(machine)}); !checked) return checked.error();
  const double computing = average_task.work_gigaflop_hours / machine.gigaflops;
  const double moving = average_task.data_gigabytes / machine.gigabytes_per_hour;
  if (Done checked = check_positive("the time of the average task in hours", computing + moving); !checked) return checked.error();
  return (machine.processor_availability * computing + machine.network_availability * moving) / (computing + moving);
}

Result<double> group_reliability(std::span<const double> availabilities) {
  double all_fail = 1;
  for (const double availability : availabilities) {
    if (!std::isfinite(availability) || availability < 0 || availability > 1)
      return out_of_range("the availability of a machine", availability, "0 to 1");
    all_fail *= 1 - availability;
  }
  return 1 - all_fail;
}

Result<double> copies_needed(double reliability, double availability) {
  const Done checked = all_of(std::array{check_probability("a requested reliability", reliability),
                                         check_probability("the availability of a machine", availability)});
  if (!checked) return checked.error();
  return std::max(1.0, log_ratio(reliability, availability));
}

Result<std::int64_t> copies_of_task(double copies_on_average, std::int64_t task_number) {
  if (!std::isfinite(copies_on_average) || copies_on_average < 1 || copies_on_average > 1000)
    return out_of_range("the average number of copies", copies_on_average, "1 to 1000");
  if (task_number < 0 || task_number >= (std::int64_t{1} << 31))
    return out_of_range("the number of a task", static_cast<double>(task_number), "0 or more and below 2^31");
  const auto before = [&](std::int64_t tasks) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(tasks) * copies_on_average));
  };
  return before(task_number + 1) - before(task_number);
}

Result<double> payable_availability(const Prices& prices, double measured) {
  if (!std::isfinite(measured)) return out_of_range("a measured availability", measured, "a finite number");
  return std::clamp(measured, prices.lowest_availability, prices.highest_availability);
}

Result<double> owner_rate(const Prices& prices, double megahertz, double availability) {
  const Done checked = all_of(std::array{check_not_negative("the speed of a machine in MHz", megahertz),
                                         check_probability("the availability of a machine", availability),
                                         check_probability("the baseline reliability", prices.baseline_reliability)});
  if (!checked) return checked.error();
  return prices.per_megahertz_hour * megahertz * log_ratio(availability, prices.baseline_reliability);
}

Result<Money> owner_pay(const Prices& prices, std::span<const WorkSpan> spans) {
  double total = 0;
  for (const WorkSpan& span : spans) {
    if (Done checked = check_time(span.time); !checked) return checked.error();
    Result<double> rate = owner_rate(prices, span.megahertz, span.availability);
    if (!rate) return rate.error();
    total += *rate * hours_of(span.time);
  }
  return rounded(total, prices.currency);
}

Result<Money> owner_pay_for_work(const Prices& prices, double gigahertz_hours, double availability, double reliability) {
  const Done checked = all_of(std::array{check_not_negative("work in GHz-hours", gigahertz_hours),
                                         check_probability("the availability of a machine", availability),
                                         check_probability("a target reliability", reliability)});
  if (!checked) return checked.error();
  return rounded(prices.per_gigahertz_hour_of_work * gigahertz_hours * log_ratio(availability, reliability), prices.currency);
}

Instant concluded_at(const Prices& prices, Instant cancelled, std::optional<Instant> cancellation_received) {
  const Instant limit = cancelled + prices.conclusion_limit;
  return cancellation_received ? std::min(*cancellation_received, limit) : limit;
}

Result<double> gigabyte_months(std::span<const Stored> stored) {
  double total = 0;
  for (const Stored& one : stored) {
    if (Done checked = check_time(one.time); !checked) return checked.error();
    total += static_cast<double>(one.size.count) / bytes_per_gigabyte * (hours_of(one.time) / hours_per_month);
  }
  return total;
}

Result<Money> storage_charge(const Prices& prices, std::span<const Stored> stored) {
  return priced(prices.storage_price_per_gigabyte_month, stored, prices.currency);
}

Result<Money> storage_pay(const Prices& prices, std::span<const Stored> stored) {
  return priced(prices.storage_pay_per_gigabyte_month, stored, prices.currency);
}

}  // namespace policies::pricing
