// Goal: hours read and meet as people mean them. Method: texts both ways, texts that must be refused, and intersections
// held against a count of every minute of the day.
#include "policies/terms/daily_window.h"

#include <gtest/gtest.h>

namespace policies::terms {
namespace {

bool covers(const DailyWindow& window, int minute) {
  if (window.crosses_midnight()) return minute >= window.from_minute || minute < window.to_minute;
  return minute >= window.from_minute && minute < window.to_minute;
}

TEST(DailyWindow, ReadsWhatItPrints) {
  for (const char* text : {"23:00-07:00", "00:00-06:30", "18:15-24:00", "always", "12:34-12:33"})
    EXPECT_EQ(daily_window_from(text)->text(), text);
  EXPECT_EQ(*daily_window_from("23:00-07:00"), (DailyWindow{1380, 420}));
  EXPECT_EQ(*daily_window_from("22:00-00:00"), (DailyWindow{1320, 1440}));
  EXPECT_TRUE(daily_window_from("always")->is_always());
}

TEST(DailyWindow, RefusesWhatCouldMeanTwoThings) {
  for (const char* text : {"", "23:00", "23-07", "23:00-7:00", "24:00-07:00", "23:60-07:00", "25:00-07:00", "07:00-24:01", "Always",
                           "23:00-07:00 ", "-1:00-07:00", "23:00_07:00", "aa:bb-cc:dd"})
    EXPECT_EQ(daily_window_from(text).error().code, ErrorCode::InvalidInput) << text;
  for (const char* text : {"07:00-07:00", "00:00-24:00", "00:00-00:00"})
    EXPECT_NE(daily_window_from(text).error().message.find("always"), std::string::npos) << text;
}

TEST(DailyWindow, MeetsInTheSourcesHours) {
  EXPECT_EQ(intersection(*daily_window_from("23:00-07:00"), *daily_window_from("22:00-05:00")),
            (std::vector<DailyWindow>{*daily_window_from("23:00-05:00")}));
}

TEST(DailyWindow, MeetsNowhereOrTwice) {
  EXPECT_TRUE(intersection(*daily_window_from("01:00-02:00"), *daily_window_from("02:00-03:00")).empty());
  EXPECT_EQ(intersection(*daily_window_from("20:00-08:00"), *daily_window_from("07:00-21:00")),
            (std::vector<DailyWindow>{*daily_window_from("07:00-08:00"), *daily_window_from("20:00-21:00")}));
}

TEST(DailyWindow, IntersectionCoversTheMinutesOfBothAndNoOther) {
  std::vector<DailyWindow> some;
  for (const int from : {0, 1, 420, 720, 1380, 1439})
    for (const int to : {1, 420, 421, 720, 1380, 1440})
      if (from != to && from != to % 1440) some.push_back({from, to});
  some.push_back({0, 1440});
  for (const DailyWindow& a : some)
    for (const DailyWindow& b : some) {
      const std::vector<DailyWindow> both = intersection(a, b);
      for (int minute = 0; minute < 1440; ++minute) {
        int times = 0;
        for (const DailyWindow& window : both) times += covers(window, minute) ? 1 : 0;
        ASSERT_EQ(times, covers(a, minute) && covers(b, minute) ? 1 : 0) << a.text() << " and " << b.text() << " at " << minute;
      }
      EXPECT_LE(both.size(), 2U) << a.text() << " and " << b.text();
    }
}

}  // namespace
}  // namespace policies::terms
