// Goal: all programs of a rehearsal agree on the time that a file says. Method: a real clock that the test moves by
// hand.
#include "images/files/stepped_clock.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "images/files/posix_files.h"

namespace images::files {
namespace {

using policies::vocabulary::text_of;

class HandClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return at; }
  Instant at = *instant_from("2026-11-21T08:00:00Z");
};

class SteppedClockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "leaseback-clock-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/clock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  PosixFiles files_;
  HandClock real_;
  std::string folder_;
  std::string path_;
};

TEST_F(SteppedClockTest, RunsAtItsRateFromWhatItShowed) {
  ASSERT_TRUE(set_stepped_clock(files_, real_, path_, *instant_from("2027-01-31T22:00:00Z"), 60));
  const auto clock = SteppedClock::open(path_, real_);
  ASSERT_TRUE(clock);
  EXPECT_EQ(text_of((*clock)->now()), "2027-01-31T22:00:00Z");
  real_.at += std::chrono::milliseconds(1500);
  EXPECT_EQ(text_of((*clock)->now()), "2027-01-31T22:01:30Z");
}

TEST_F(SteppedClockTest, SeesANewSettingAtTheNextLook) {
  ASSERT_TRUE(set_stepped_clock(files_, real_, path_, *instant_from("2027-01-31T22:00:00Z"), 1));
  const auto clock = SteppedClock::open(path_, real_);
  ASSERT_TRUE(clock);
  for (int i = 1; i <= 9; ++i) {
    const Instant wanted = *instant_from("2027-02-0" + std::to_string(i) + "T00:00:00Z");
    ASSERT_TRUE(set_stepped_clock(files_, real_, path_, wanted, 0));
    EXPECT_EQ((*clock)->now(), wanted);
  }
  real_.at += std::chrono::hours(5);
  EXPECT_EQ(text_of((*clock)->now()), "2027-02-09T00:00:00Z") << "at rate 0 time stands still";
}

TEST_F(SteppedClockTest, KeepsTheLastGoodSettingWhenTheFileBreaks) {
  ASSERT_TRUE(set_stepped_clock(files_, real_, path_, *instant_from("2027-01-31T22:00:00Z"), 1));
  const auto clock = SteppedClock::open(path_, real_);
  ASSERT_TRUE(clock);
  std::ofstream(path_) << "not a clock";
  EXPECT_EQ(text_of((*clock)->now()), "2027-01-31T22:00:00Z");
  std::filesystem::remove(path_);
  EXPECT_EQ(text_of((*clock)->now()), "2027-01-31T22:00:00Z");
  ASSERT_TRUE(set_stepped_clock(files_, real_, path_, *instant_from("2028-01-01T00:00:00Z"), 1));
  EXPECT_EQ(text_of((*clock)->now()), "2028-01-01T00:00:00Z");
}

TEST_F(SteppedClockTest, RefusesToOpenWhatIsNoClock) {
  EXPECT_EQ(SteppedClock::open(path_, real_).error().code, ErrorCode::NotFound);
  for (const char* text :
       {"", "now", "2026-11-21T08:00:00Z 2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z 2026-11-21T08:00:00Z -1",
        "2026-11-21T08:00:00Z 2026-11-21T08:00:00Z nan", "2026-11-21T08:00:00Z 2026-11-21T08:00:00Z 1 2",
        "2026-11-21T08:00:00Z 2026-11-21T08:00:00Z 1000001", "2026-11-21T08:00:00Z x 1"}) {
    std::ofstream(path_) << text;
    EXPECT_EQ(SteppedClock::open(path_, real_).error().code, ErrorCode::InvalidInput) << text;
  }
  EXPECT_EQ(set_stepped_clock(files_, real_, path_, real_.at, -1).error().code, ErrorCode::InvalidInput);
}

TEST(ClockSetting, ReadsWhatItPrints) {
  const ClockSetting setting{*instant_from("2026-11-21T08:00:00.250Z"), *instant_from("2027-01-31T22:00:00Z"), 0.125};
  const Result<ClockSetting> again = clock_setting_from(text_of(setting));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->real, setting.real);
  EXPECT_EQ(again->shown, setting.shown);
  EXPECT_EQ(again->rate, setting.rate);
}

TEST(ClockSetting, StaysWithinTheYearsThatCanBePrinted) {
  const ClockSetting fast{*instant_from("1970-01-02T00:00:00Z"), *instant_from("9999-01-01T00:00:00Z"), 1e6};
  EXPECT_EQ(text_of(shown_at(fast, *instant_from("2026-11-21T08:00:00Z"))), "9999-12-31T00:00:00Z");
  EXPECT_EQ(text_of(shown_at(fast, *instant_from("1970-01-01T00:00:00Z"))), "7261-02-03T00:00:00Z");
  const ClockSetting early{*instant_from("2026-11-21T08:00:00Z"), *instant_from("1970-01-02T00:00:00Z"), 1e6};
  EXPECT_EQ(text_of(shown_at(early, *instant_from("2020-01-01T00:00:00Z"))), "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace images::files
