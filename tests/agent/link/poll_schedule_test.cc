// Goal: machines are quick after traffic, patient in silence, and never in step. Method: sequences of answers and silences, with
// the bounds of every wait checked.
#include "agent/link/poll_schedule.h"

#include "agent/link/http.h"

namespace agent::link {
namespace {

PollLimits limits(double jitter) { return {Duration(1'000), Duration(300'000), Duration(3'600'000), jitter}; }

TEST(PollSchedule, IsQuickAfterTraffic) {
  PollSchedule schedule(limits(0.0), 1);
  for (int i = 0; i < 20; ++i) schedule.after_silence();
  EXPECT_EQ(schedule.after_answer(Duration(0), true), Duration(1'000));
  EXPECT_EQ(schedule.after_answer(Duration(0), true), Duration(1'000));
}

TEST(PollSchedule, DoublesUpToTheIntervalWithoutTraffic) {
  PollSchedule schedule(limits(0.0), 1);
  Duration expected(1'000);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(schedule.after_answer(Duration(0), false), expected);
    expected = std::min(expected * 2, Duration(300'000));
  }
}

TEST(PollSchedule, DoublesUpToTheLimitInSilence) {
  PollSchedule schedule(limits(0.0), 1);
  Duration expected(1'000);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(schedule.after_silence(), expected);
    expected = std::min(expected * 2, Duration(3'600'000));
  }
}

TEST(PollSchedule, ComesBackToTheIntervalWhenTheControllerAnswersAgain) {
  PollSchedule schedule(limits(0.0), 1);
  for (int i = 0; i < 20; ++i) schedule.after_silence();
  EXPECT_EQ(schedule.after_answer(Duration(0), false), Duration(300'000));
}

TEST(PollSchedule, KeepsTheIntervalThatTheControllerSet) {
  PollSchedule schedule(limits(0.0), 1);
  schedule.after_answer(Duration(20'000), true);
  Duration last(0);
  for (int i = 0; i < 10; ++i) last = schedule.after_answer(Duration(0), false);
  EXPECT_EQ(last, Duration(20'000));
  for (int i = 0; i < 30; ++i) last = schedule.after_answer(Duration(99'000'000), false);
  EXPECT_EQ(last, Duration(3'600'000)) << "more than the largest interval";
  EXPECT_EQ(schedule.after_answer(Duration(1), false), Duration(1'000)) << "less than the smallest";
}

TEST(PollSchedule, VariesEveryWaitWithinItsBounds) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    PollSchedule schedule(limits(0.1), seed);
    PollSchedule plain(limits(0.0), seed);
    for (int i = 0; i < 40; ++i) {
      const Duration exact = plain.after_silence();
      const Duration varied = schedule.after_silence();
      ASSERT_GE(varied.count(), exact.count() * 9 / 10 - 1) << "seed " << seed;
      ASSERT_LE(varied.count(), exact.count() * 11 / 10 + 1) << "seed " << seed;
    }
  }
}

TEST(PollSchedule, SpreadsAFleetThatWasSwitchedOnAtOnce) {
  std::map<std::int64_t, int> per_bucket;
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    PollSchedule schedule(limits(0.1), seed);
    Duration at(0);
    for (int i = 0; i < 8; ++i) at += schedule.after_silence();
    ++per_bucket[at.count() / 1'000];
  }
  for (const auto& [second, machines] : per_bucket) EXPECT_LT(machines, 200) << "in second " << second;
}

TEST(Endpoint, ReadsAddressesAndRefusesOthers) {
  EXPECT_EQ(endpoint_from("https://fleet.example")->port, 8443);
  EXPECT_EQ(endpoint_from("https://fleet.example:443/")->host, "fleet.example");
  EXPECT_EQ(endpoint_from("https://127.0.0.1:9000")->port, 9000);
  EXPECT_EQ(endpoint_from("https://[::1]:9000")->host, "::1");
  for (const char* bad : {"", "http://fleet.example", "https://", "https://:1", "https://a:0", "https://a:65536", "https://a:1x", "https://a/b", "https://a b",
                          "https://[::1", "https://[::1]9", "https://user@host"})
    EXPECT_FALSE(endpoint_from(bad)) << bad;
}

}  // namespace
}  // namespace agent::link
