// What usage is worth: the formulas of idle-computation (seeds/idle-computation.txt), each as a pure function.
//
// Floating point lives only inside: a function that yields Money adds up all its measurements first and rounds once, so
// that many small spans are not each rounded to nothing. Statements therefore post one amount per period and rule, and
// anybody who has the measurements can recompute it.
//
// All arguments must be finite. A value outside the range its comment states is InvalidInput, naming the value.
// Units: power and speed in GF (10^9 operations a second) or MHz as named, work in GF-hours, data in GB (10^9 bytes),
// bandwidth in GB per hour, times in hours, probabilities and availabilities in (0,1) unless a comment says more.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "policies/pricing/prices.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace policies::pricing {

// ---- what a client pays for computing

// "$4.5 + 0.296 P^1.155" per hour, P >= 0 in GF; above the threshold the growth is charged at the higher rate (claim 81:
// "an enhanced rate for power used above a set threshold"): base + f·P_t^e + rate·f·(P^e − P_t^e).
// With P = 0 nothing runs and nothing is owed. In major units per hour.
Result<double> cluster_rate(const Prices& prices, double power_gigaflops);

// The rate over samples taken each 15 minutes ("at each 15-minute increment"): each sample stands for a quarter of an hour.
Result<Money> cluster_charge(const Prices& prices, std::span<const double> power_samples_gigaflops);

// "Total Cost of Data Transfer": g (d_i + d_o) (ln(1-r)/ln(1-π) + 1), over figure 7's paths. `gigabytes` >= 0 is d_i + d_o,
// r the node reliability asked for, π the average reliability of the machines.
struct Transfer {
  double gigabytes = 0;
  double reliability = 0;
  double availability = 0;
};
Result<Money> transfer_charge(const Prices& prices, std::span<const Transfer> transfers);

// "Price per hour for premium reliability": k C N (ln(1-r)/ln(1-R) - 1), in major units per hour. C >= 0 in MHz is the
// speed of one virtual node, N >= 0 their number. "The client may select a greater, but not lesser, reliability": r < R is
// InvalidInput.
Result<double> reliability_premium_rate(const Prices& prices, double node_megahertz, double nodes, double reliability);
// The same over a time of 0 or more.
Result<Money> reliability_premium(const Prices& prices, double node_megahertz, double nodes, double reliability, Duration time);

// ---- which machines make a virtual node

// What a task asks for.
struct TaskSize {
  double work_gigaflop_hours = 0;  // w, 0 or more
  double data_gigabytes = 0;       // d_i + d_o, 0 or more
};
// A machine as measured: its speed and bandwidth, and the part of the past seven days in which each was available.
struct MachineProfile {
  double gigaflops = 0;                // C > 0
  double gigabytes_per_hour = 0;       // B > 0
  double processor_availability = 0;   // a_c in (0,1]
  double network_availability = 0;     // a_b in (0,1]
};
// A virtual node as asked for.
struct NodeWanted {
  double gigaflops = 0;           // C_v > 0
  double gigabytes_per_hour = 0;  // B_v > 0
};

// "Expected Time-to-Completion": T_E = w/(C a_c) + (d_i + d_o)/(B a_b). Hours.
Result<double> expected_hours(const TaskSize& task, const MachineProfile& machine);
// "Requested Time-to-Completion": T_R = w/C_v + (d_i + d_o)/B_v. Hours.
Result<double> requested_hours(const TaskSize& task, const NodeWanted& node);

// "the provider computer has (approximately) T_E = T_R"; when the client gave no size, "(approximately) a_c C = C_v and
// a_b B = B_v". Approximately: the ratio of the two is at most 1 + tolerance either way; tolerance >= 0.
Result<bool> is_candidate(const std::optional<TaskSize>& task, const MachineProfile& machine, const NodeWanted& node,
                          double tolerance);

// "candidate provider computers have expected bandwidths ... that satisfy": B a_b = C a_c (d C_v B_v) /
// (w B_v (C a_c − C_v) + d C a_c C_v), with d = d_i + d_o > 0. The bandwidth times availability, in GB per hour, with which
// a machine of this processor just meets T_R; InvalidInput when its processor alone takes longer than T_R.
Result<double> bandwidth_needed(const TaskSize& task, double gigaflops_times_availability, const NodeWanted& node);

// "weighted average availability": π = (a_c w̄/C + a_b d̄/B) / (w̄/C + d̄/B) over the averages of sampled tasks; in (0,1].
// At least one of w̄ and d̄ must be above 0.
Result<double> weighted_availability(const TaskSize& average_task, const MachineProfile& machine);

// r = 1 − ∏(1 − π_i): the reliability of a group. 0 for an empty group; each π_i in [0,1].
Result<double> group_reliability(std::span<const double> availabilities);

// The N that satisfies r = 1 − (1 − π)^N, so ln(1-r)/ln(1-π); fractional. Never below 1: a task runs at least once.
Result<double> copies_needed(double reliability, double availability);

// How many copies the task of this number (0, 1, 2, ...) gets so that "the average number of duplications per task equals
// N": ⌊(i+1)N⌋ − ⌊iN⌋. N in 1..1000, numbers below 2^31.
Result<std::int64_t> copies_of_task(double copies_on_average, std::int64_t task_number);

// ---- what an owner is paid

// The availability brought into the range that the prices allow; not finite is InvalidInput.
Result<double> payable_availability(const Prices& prices, double measured);

// "paid k C ln(1-π)/ln(1-R) per hour", in major units; C >= 0 in MHz.
Result<double> owner_rate(const Prices& prices, double megahertz, double availability);

// One task on one machine, from launch ("when it is scheduled") to conclusion.
struct WorkSpan {
  double megahertz = 0;     // C >= 0
  double availability = 0;  // π
  Duration time{};          // 0 or more
};
Result<Money> owner_pay(const Prices& prices, std::span<const WorkSpan> spans);

// The full version's "T ln(1-π)/ln(1-r) per GHz-hour" of work. The machine's availability, the target reliability.
Result<Money> owner_pay_for_work(const Prices& prices, double gigahertz_hours, double availability, double reliability);

// A task is concluded when its cancellation reaches the machine, or L hours after it was cancelled if that is earlier.
Instant concluded_at(const Prices& prices, Instant cancelled, std::optional<Instant> cancellation_received);

// ---- storage

// Bytes that lay somewhere for a time of 0 or more.
struct Stored {
  Bytes size;
  Duration time{};
};
Result<Money> storage_charge(const Prices& prices, std::span<const Stored> stored);  // clients
Result<Money> storage_pay(const Prices& prices, std::span<const Stored> stored);     // owners

// The same sums before rounding, in GB-months: what a statement shows as the measured quantity.
Result<double> gigabyte_months(std::span<const Stored> stored);

}  // namespace policies::pricing
