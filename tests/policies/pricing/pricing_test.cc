// Goal: every amount is the one that the source's formula gives. Method: each formula on numbers worked by hand (the working
// stands beside the number), its ends, and every argument out of its range.
#include "policies/pricing/pricing.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace policies::pricing {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Prices prices() {
  Prices p;
  p.id = PricesId("standard");
  p.transfer_per_leg_and_gigabyte = 0.02;
  p.per_megahertz_hour = 0.00005;
  p.per_gigahertz_hour_of_work = 0.05;
  p.storage_price_per_gigabyte_month = 0.05;
  p.storage_pay_per_gigabyte_month = 0.004;
  return p;
}

std::int64_t cents(const Result<Money>& money) { return money->minor_units(); }

TEST(ClusterRate, IsBasePlusPowerToItsExponent) {
  // 1^1.155 = 1: 4.5 + 0.296
  EXPECT_DOUBLE_EQ(*cluster_rate(prices(), 1), 4.796);
  // 10^1.155 = 14.28894: 4.5 + 0.296 * 14.28894 = 4.5 + 4.22953
  EXPECT_NEAR(*cluster_rate(prices(), 10), 8.72953, 0.00001);
  // 0.1^1.155 = 0.0699842: 4.5 + 0.0207153
  EXPECT_NEAR(*cluster_rate(prices(), 0.1), 4.520715, 0.000001);
}

TEST(ClusterRate, CostsMoreAboveTheThreshold) {
  // 100^1.155 = 204.1738; 200^1.155 = 2^1.155 * 204.1738 = 2.226841 * 204.1738 = 454.6626
  // at 100: 4.5 + 0.296 * 204.1738 = 64.93544
  EXPECT_NEAR(*cluster_rate(prices(), 100), 64.93544, 0.0001);
  // at 200: 4.5 + 0.296 * (204.1738 + 1.5 * (454.6626 - 204.1738)) = 4.5 + 0.296 * 579.907 = 176.1525
  EXPECT_NEAR(*cluster_rate(prices(), 200), 176.1525, 0.001);
}

TEST(ClusterRate, GrowsWithoutAJumpAtTheThreshold) {
  EXPECT_NEAR(*cluster_rate(prices(), 100), *cluster_rate(prices(), 100.000001), 0.00001);
}

TEST(ClusterRate, OwesNothingWhenNothingRuns) { EXPECT_EQ(*cluster_rate(prices(), 0), 0); }

TEST(ClusterRate, RefusesPowerThatIsNone) {
  for (const double bad : {-1.0, nan, infinity}) EXPECT_EQ(cluster_rate(prices(), bad).error().code, ErrorCode::InvalidInput);
}

TEST(ClusterCharge, CountsEachSampleAsAQuarterHour) {
  // 4 * 4.796 / 4 = 4.796
  EXPECT_EQ(cents(cluster_charge(prices(), std::array{1.0, 1.0, 1.0, 1.0})), 480);
  // 4.796 / 4 = 1.199
  EXPECT_EQ(cents(cluster_charge(prices(), std::array{1.0})), 120);
  // nothing ran in the second quarter: (4.796 + 8.72953) / 4 = 3.38138
  EXPECT_EQ(cents(cluster_charge(prices(), std::array{1.0, 0.0, 10.0})), 338);
  EXPECT_EQ(cents(cluster_charge(prices(), {})), 0);
}

TEST(ClusterCharge, RoundsOnceAndNotEachSample) {
  // 1000 samples of 1.199 are 1199.00; rounded one by one they would be 1200.00.
  EXPECT_EQ(cents(cluster_charge(prices(), std::vector<double>(1000, 1.0))), 119900);
}

TEST(TransferCharge, FollowsTheLegsOfFigureSeven) {
  // r = 0.99, pi = 0.9: ln(0.01)/ln(0.1) = 2, so 3 legs: 0.02 * 100 * 3 = 6.00
  EXPECT_EQ(cents(transfer_charge(prices(), std::array{Transfer{100, 0.99, 0.9}})), 600);
  // r = pi: one copy, 2 legs: 0.02 * 100 * 2
  EXPECT_EQ(cents(transfer_charge(prices(), std::array{Transfer{100, 0.7, 0.7}})), 400);
  // r = 0.75, pi = 0.5: ln(0.25)/ln(0.5) = 2; together with the first: 6.00 + 0.02 * 1 * 3
  EXPECT_EQ(cents(transfer_charge(prices(), std::array{Transfer{100, 0.99, 0.9}, Transfer{1, 0.75, 0.5}})), 606);
}

TEST(TransferCharge, RefusesProbabilitiesAtTheirEnds) {
  for (const double bad : {0.0, 1.0, -0.1, 1.1, nan}) {
    EXPECT_FALSE(transfer_charge(prices(), std::array{Transfer{1, bad, 0.5}})) << bad;
    EXPECT_FALSE(transfer_charge(prices(), std::array{Transfer{1, 0.5, bad}})) << bad;
  }
  EXPECT_FALSE(transfer_charge(prices(), std::array{Transfer{-1, 0.5, 0.5}}));
}

TEST(ReliabilityPremium, IsPaidForWhatIsAboveTheBaseline) {
  // R = 0.9, r = 0.99: 0.00005 * 1000 MHz * 10 nodes * (2 - 1) = 0.50 an hour
  EXPECT_NEAR(*reliability_premium_rate(prices(), 1000, 10, 0.99), 0.5, 1e-12);
  EXPECT_EQ(cents(reliability_premium(prices(), 1000, 10, 0.99, std::chrono::hours(3))), 150);
  // r = 0.999: three times the logarithm: 1.00 an hour
  EXPECT_EQ(cents(reliability_premium(prices(), 1000, 10, 0.999, std::chrono::minutes(30))), 50);
}

TEST(ReliabilityPremium, IsNothingAtTheBaselineAndRefusedBelow) {
  EXPECT_NEAR(*reliability_premium_rate(prices(), 1000, 10, 0.9), 0, 1e-12);
  EXPECT_EQ(reliability_premium_rate(prices(), 1000, 10, 0.89).error().code, ErrorCode::InvalidInput);
  EXPECT_FALSE(reliability_premium(prices(), 1000, 10, 0.99, Duration(-1)));
}

TEST(ExpectedHours, AddsComputingAndMoving) {
  // 10 GFh / (2 GF * 0.5) + 4 GB / (8 GB/h * 0.25) = 10 + 2
  EXPECT_DOUBLE_EQ(*expected_hours({10, 4}, {2, 8, 0.5, 0.25}), 12);
  EXPECT_DOUBLE_EQ(*expected_hours({0, 0}, {2, 8, 0.5, 0.25}), 0);
}

TEST(RequestedHours, AddsComputingAndMoving) {
  // 10 / 1 + 4 / 2
  EXPECT_DOUBLE_EQ(*requested_hours({10, 4}, {1, 2}), 12);
}

TEST(ExpectedHours, RefusesMachinesThatAreNone) {
  EXPECT_FALSE(expected_hours({1, 1}, {0, 8, 0.5, 0.25}));
  EXPECT_FALSE(expected_hours({1, 1}, {2, 0, 0.5, 0.25}));
  EXPECT_FALSE(expected_hours({1, 1}, {2, 8, 0, 0.25}));
  EXPECT_FALSE(expected_hours({1, 1}, {2, 8, 0.5, 1.01}));
  EXPECT_FALSE(expected_hours({-1, 1}, {2, 8, 0.5, 0.25}));
  EXPECT_FALSE(requested_hours({1, nan}, {1, 1}));
}

TEST(Candidate, MeetsTheRequestedTime) {
  const MachineProfile machine{2, 8, 0.5, 0.25};  // T_E = 12 for {10, 4}
  EXPECT_TRUE(*is_candidate(TaskSize{10, 4}, machine, {1, 2}, 0));             // T_R = 12
  EXPECT_TRUE(*is_candidate(TaskSize{10, 4}, machine, {1.1, 2}, 0.1));         // T_R = 11.09, ratio 1.082
  EXPECT_FALSE(*is_candidate(TaskSize{10, 4}, machine, {1.1, 2}, 0.05));
  EXPECT_FALSE(*is_candidate(TaskSize{10, 4}, machine, {0.5, 2}, 0.1));        // T_R = 22: far too good a machine
}

TEST(Candidate, WithoutASizeMatchesSpeedAndBandwidthEach) {
  const MachineProfile machine{2, 8, 0.5, 0.25};  // a_c C = 1, a_b B = 2
  EXPECT_TRUE(*is_candidate(std::nullopt, machine, {1, 2}, 0));
  EXPECT_FALSE(*is_candidate(std::nullopt, machine, {2, 2}, 0.5));
  EXPECT_FALSE(*is_candidate(std::nullopt, machine, {1, 4}, 0.5));
}

TEST(BandwidthNeeded, JustMeetsTheRequestedTime) {
  // w = 10, d = 4, C a_c = 2, C_v = 1, B_v = 2: 2 * (4*1*2) / (10*2*(2-1) + 4*2*1) = 16 / 28
  const double bandwidth = *bandwidth_needed({10, 4}, 2, {1, 2});
  EXPECT_DOUBLE_EQ(bandwidth, 16.0 / 28.0);
  EXPECT_NEAR(*expected_hours({10, 4}, {2, bandwidth, 1, 1}), *requested_hours({10, 4}, {1, 2}), 1e-12);
}

TEST(BandwidthNeeded, RefusesAProcessorThatAloneTakesTooLong) {
  // T_R = 12; 10 GFh at 0.8 GF are 12.5 h.
  EXPECT_EQ(bandwidth_needed({10, 4}, 0.8, {1, 2}).error().code, ErrorCode::InvalidInput);
  EXPECT_TRUE(bandwidth_needed({10, 4}, 0.84, {1, 2}));
  EXPECT_FALSE(bandwidth_needed({10, 0}, 2, {1, 2}));
}

TEST(WeightedAvailability, WeighsByTimeSpent) {
  // w/C = 10/2 = 5, d/B = 8/8 = 1: (0.6 * 5 + 0.3 * 1) / 6 = 0.55
  EXPECT_NEAR(*weighted_availability({10, 8}, {2, 8, 0.6, 0.3}), 0.55, 1e-12);
  EXPECT_NEAR(*weighted_availability({10, 0}, {2, 8, 0.6, 0.3}), 0.6, 1e-12);
  EXPECT_NEAR(*weighted_availability({0, 8}, {2, 8, 0.6, 0.3}), 0.3, 1e-12);
  EXPECT_FALSE(weighted_availability({0, 0}, {2, 8, 0.6, 0.3}));
}

TEST(GroupReliability, IsThatOfAnyOneSucceeding) {
  // 1 - 0.5 * 0.4 = 0.8
  EXPECT_DOUBLE_EQ(*group_reliability(std::array{0.5, 0.6}), 0.8);
  EXPECT_DOUBLE_EQ(*group_reliability({}), 0);
  EXPECT_DOUBLE_EQ(*group_reliability(std::array{0.2, 1.0}), 1);
  EXPECT_FALSE(group_reliability(std::array{0.5, 1.2}));
  EXPECT_FALSE(group_reliability(std::array{nan}));
}

TEST(CopiesNeeded, SolvesForTheReliability) {
  EXPECT_NEAR(*copies_needed(0.99, 0.9), 2, 1e-12);
  // ln(0.1)/ln(0.5) = 3.3219
  EXPECT_NEAR(*copies_needed(0.9, 0.5), 3.321928, 1e-6);
  EXPECT_NEAR(1 - std::pow(1 - 0.5, *copies_needed(0.9, 0.5)), 0.9, 1e-12);
  EXPECT_EQ(*copies_needed(0.5, 0.9), 1);
  EXPECT_FALSE(copies_needed(1, 0.5));
  EXPECT_FALSE(copies_needed(0.5, 0));
}

TEST(CopiesOfTask, AverageToN) {
  for (const double n : {1.0, 1.25, 2.5, 3.321928, 7.0}) {
    std::int64_t total = 0;
    for (std::int64_t task = 0; task < 1000; ++task) {
      const std::int64_t copies = *copies_of_task(n, task);
      EXPECT_GE(copies, static_cast<std::int64_t>(std::floor(n)));
      EXPECT_LE(copies, static_cast<std::int64_t>(std::ceil(n)));
      total += copies;
    }
    EXPECT_EQ(total, static_cast<std::int64_t>(std::floor(1000 * n))) << n;
  }
  EXPECT_FALSE(copies_of_task(0.5, 0));
  EXPECT_FALSE(copies_of_task(nan, 0));
  EXPECT_FALSE(copies_of_task(2, -1));
}

TEST(OwnerPay, IsByTimeSpeedAndAvailability) {
  // pi = R = 0.9: 0.00005 * 1000 = 0.05 an hour, 8 hours: 0.40
  EXPECT_NEAR(*owner_rate(prices(), 1000, 0.9), 0.05, 1e-12);
  EXPECT_EQ(cents(owner_pay(prices(), std::array{WorkSpan{1000, 0.9, std::chrono::hours(8)}})), 40);
  // pi = 0.5: ln(0.5)/ln(0.1) = 0.30103, so 0.0150515 an hour; 100 hours: 1.50515
  EXPECT_EQ(cents(owner_pay(prices(), std::array{WorkSpan{1000, 0.5, std::chrono::hours(100)}})), 151);
}

TEST(OwnerPay, AddsUpSpansTooSmallForACent) {
  // 3600 spans of one second at 0.05 an hour are 0.05; each alone would round to nothing.
  EXPECT_EQ(cents(owner_pay(prices(), std::vector<WorkSpan>(3600, WorkSpan{1000, 0.9, std::chrono::seconds(1)}))), 5);
}

TEST(OwnerPay, RefusesWhatHasNoLogarithmAndTimeThatRunsBackwards) {
  EXPECT_FALSE(owner_rate(prices(), 1000, 1));
  EXPECT_FALSE(owner_rate(prices(), 1000, 0));
  EXPECT_FALSE(owner_rate(prices(), -1, 0.5));
  EXPECT_FALSE(owner_pay(prices(), std::array{WorkSpan{1000, 0.5, Duration(-1)}}));
}

TEST(OwnerPay, BringsAMeasuredAvailabilityIntoThePayableRange) {
  EXPECT_EQ(*payable_availability(prices(), 1.0), 0.99);
  EXPECT_EQ(*payable_availability(prices(), 0.0), 0.01);
  EXPECT_EQ(*payable_availability(prices(), 0.42), 0.42);
  EXPECT_FALSE(payable_availability(prices(), nan));
}

TEST(OwnerPay, ForWorkIsByGigahertzHours) {
  // T = 0.05, pi = 0.5, r = 0.75: ln(0.5)/ln(0.25) = 0.5; 40 GHz-hours: 0.05 * 40 * 0.5 = 1.00
  EXPECT_EQ(cents(owner_pay_for_work(prices(), 40, 0.5, 0.75)), 100);
  EXPECT_FALSE(owner_pay_for_work(prices(), -1, 0.5, 0.75));
  EXPECT_FALSE(owner_pay_for_work(prices(), 1, 0.5, 1));
}

TEST(Conclusion, IsTheNoticeOrTheLimitWhicheverIsFirst) {
  const Instant cancelled = *instant_from("2026-11-21T23:00:00Z");
  const Instant limit = *instant_from("2026-11-22T00:00:00Z");
  EXPECT_EQ(concluded_at(prices(), cancelled, std::nullopt), limit);
  EXPECT_EQ(concluded_at(prices(), cancelled, cancelled + std::chrono::minutes(5)), cancelled + std::chrono::minutes(5));
  EXPECT_EQ(concluded_at(prices(), cancelled, cancelled + std::chrono::hours(5)), limit);
}

TEST(Storage, IsByGigabyteMonth) {
  // 100 GB for 730 h: 100 GB-months: 5.00 to pay, 0.40 earned
  const std::array month{Stored{Bytes{100'000'000'000}, std::chrono::hours(730)}};
  EXPECT_DOUBLE_EQ(*gigabyte_months(month), 100);
  EXPECT_EQ(cents(storage_charge(prices(), month)), 500);
  EXPECT_EQ(cents(storage_pay(prices(), month)), 40);
  // 3 MB for a day is next to nothing, a thousand of them are 3 GB-days: 3 * 24/730 * 0.05 = 0.0049
  EXPECT_EQ(cents(storage_charge(prices(), std::vector<Stored>(1000, Stored{Bytes{3'000'000}, std::chrono::hours(24)}))), 0);
  // ... and 3000 of them 0.0148
  EXPECT_EQ(cents(storage_charge(prices(), std::vector<Stored>(3000, Stored{Bytes{3'000'000}, std::chrono::hours(24)}))), 1);
  EXPECT_FALSE(storage_pay(prices(), std::array{Stored{Bytes{1}, Duration(-1)}}));
}

TEST(Prices, NameTheirRule) { EXPECT_EQ(prices().rule_name(), "standard v1"); }

}  // namespace
}  // namespace policies::pricing
