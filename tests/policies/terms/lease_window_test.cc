// Goal: leased hours are those of the wall clock where the machine stands, on every night of the year. Method: nights with and
// without a change of the clocks, worked by hand, in IANA zones of both hemispheres and in zones that the tests make up; and
// a whole year of minutes against a plain definition.
#include "policies/terms/lease_window.h"

#include <gtest/gtest.h>

#include "policies/terms/iana_zone.h"

namespace policies::terms {
namespace {

Instant utc(const char* text) { return *instant_from(text); }
DailyWindow hours(const char* text) { return *daily_window_from(text); }
Span span(const char* from, const char* to) { return {utc(from), utc(to)}; }

const Zone& iana(const char* name) {
  static const IanaZoneRules rules;
  return **rules.zone(name);
}

// UTC until `change`, then UTC plus `offset` for ever.
class OneChange final : public Zone {
 public:
  OneChange(Instant change, std::chrono::seconds before, std::chrono::seconds after) : change_(change), before_(before), after_(after) {}
  OffsetSpan span_at(Instant instant) const override {
    if (instant < change_) return {utc("1970-01-01T00:00:00Z"), change_, before_};
    return {change_, utc("9999-12-31T00:00:00Z"), after_};
  }

 private:
  Instant change_;
  std::chrono::seconds before_;
  std::chrono::seconds after_;
};

TEST(LeaseWindow, CrossesMidnight) {
  // Chicago is 6 hours behind UTC in January.
  EXPECT_EQ(openings(hours("23:00-07:00"), iana("America/Chicago"), span("2026-01-10T12:00:00Z", "2026-01-12T12:00:00Z")),
            (std::vector<Span>{span("2026-01-10T12:00:00Z", "2026-01-10T13:00:00Z"), span("2026-01-11T05:00:00Z", "2026-01-11T13:00:00Z"),
                               span("2026-01-12T05:00:00Z", "2026-01-12T12:00:00Z")}));
}

TEST(LeaseWindow, IncludesItsFirstInstantAndNotItsLast) {
  const Zone& zone = iana("America/Chicago");
  EXPECT_FALSE(is_open(hours("23:00-07:00"), zone, utc("2026-01-11T04:59:59.999Z")));
  EXPECT_TRUE(is_open(hours("23:00-07:00"), zone, utc("2026-01-11T05:00:00Z")));
  EXPECT_TRUE(is_open(hours("23:00-07:00"), zone, utc("2026-01-11T12:59:59.999Z")));
  EXPECT_FALSE(is_open(hours("23:00-07:00"), zone, utc("2026-01-11T13:00:00Z")));
}

// 2026-03-08, 02:00 -> 03:00 in Chicago: the night has seven hours.
TEST(LeaseWindow, LosesAnHourInTheSpringOfChicago) {
  const Span night = span("2026-03-07T18:00:00Z", "2026-03-08T18:00:00Z");
  EXPECT_EQ(openings(hours("23:00-07:00"), iana("America/Chicago"), night),
            (std::vector<Span>{span("2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z")}));
  EXPECT_EQ(open_time(hours("23:00-07:00"), iana("America/Chicago"), night), std::chrono::hours(7));
}

// 2026-11-01, 02:00 -> 01:00 in Chicago: the night has nine hours.
TEST(LeaseWindow, GainsAnHourInTheAutumnOfChicago) {
  EXPECT_EQ(openings(hours("23:00-07:00"), iana("America/Chicago"), span("2026-10-31T18:00:00Z", "2026-11-01T18:00:00Z")),
            (std::vector<Span>{span("2026-11-01T04:00:00Z", "2026-11-01T13:00:00Z")}));
}

// 2026-03-29, 02:00 -> 03:00 and 2026-10-25, 03:00 -> 02:00 in Warsaw, an hour ahead of UTC in winter.
TEST(LeaseWindow, FollowsBothChangesOfWarsaw) {
  EXPECT_EQ(openings(hours("22:00-05:00"), iana("Europe/Warsaw"), span("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z")),
            (std::vector<Span>{span("2026-03-28T21:00:00Z", "2026-03-29T03:00:00Z")}));
  EXPECT_EQ(openings(hours("22:00-05:00"), iana("Europe/Warsaw"), span("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z")),
            (std::vector<Span>{span("2026-10-24T20:00:00Z", "2026-10-25T04:00:00Z")}));
}

// In Sydney the clocks go forward in October (2026-10-04, 02:00 -> 03:00) and back in April (2026-04-05, 03:00 -> 02:00).
TEST(LeaseWindow, FollowsBothChangesOfSydney) {
  EXPECT_EQ(openings(hours("23:00-07:00"), iana("Australia/Sydney"), span("2026-10-03T06:00:00Z", "2026-10-04T06:00:00Z")),
            (std::vector<Span>{span("2026-10-03T13:00:00Z", "2026-10-03T20:00:00Z")}));
  EXPECT_EQ(openings(hours("23:00-07:00"), iana("Australia/Sydney"), span("2026-04-04T06:00:00Z", "2026-04-05T06:00:00Z")),
            (std::vector<Span>{span("2026-04-04T12:00:00Z", "2026-04-04T21:00:00Z")}));
}

// The clocks of Lord Howe move by half an hour only: 2026-10-04, 02:00 -> 02:30, offset +10:30 -> +11.
TEST(LeaseWindow, FollowsAChangeOfHalfAnHour) {
  EXPECT_EQ(openings(hours("01:00-04:00"), iana("Australia/Lord_Howe"), span("2026-10-03T06:00:00Z", "2026-10-04T06:00:00Z")),
            (std::vector<Span>{span("2026-10-03T14:30:00Z", "2026-10-03T17:00:00Z")}));
}

TEST(LeaseWindow, BeginsWhenTheClockJumpsOverItsBeginning) {
  // 02:30 is skipped on 2026-03-08 in Chicago; the first clock at or after it shows 03:00, which is 08:00 UTC.
  EXPECT_EQ(openings(hours("02:30-04:00"), iana("America/Chicago"), span("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z")),
            (std::vector<Span>{span("2026-03-08T08:00:00Z", "2026-03-08T09:00:00Z")}));
}

TEST(LeaseWindow, DoesNotOpenWhenTheClockJumpsOverAllOfIt) {
  EXPECT_TRUE(openings(hours("02:10-02:50"), iana("America/Chicago"), span("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z")).empty());
  EXPECT_TRUE(openings(hours("02:10-03:00"), iana("America/Chicago"), span("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z")).empty());
}

TEST(LeaseWindow, ClosesTheFirstTimeTheClockShowsItsEnd) {
  // 01:30 is shown twice on 2026-11-01 in Chicago: at 06:30 and at 07:30 UTC.
  EXPECT_EQ(openings(hours("23:00-01:30"), iana("America/Chicago"), span("2026-11-01T00:00:00Z", "2026-11-01T18:00:00Z")),
            (std::vector<Span>{span("2026-11-01T04:00:00Z", "2026-11-01T06:30:00Z")}));
  EXPECT_EQ(openings(hours("01:15-01:45"), iana("America/Chicago"), span("2026-11-01T00:00:00Z", "2026-11-01T18:00:00Z")),
            (std::vector<Span>{span("2026-11-01T06:15:00Z", "2026-11-01T06:45:00Z")}));
  // One that opens before and closes after the repeated hour has all of it.
  EXPECT_EQ(openings(hours("01:30-03:00"), iana("America/Chicago"), span("2026-11-01T00:00:00Z", "2026-11-01T18:00:00Z")),
            (std::vector<Span>{span("2026-11-01T06:30:00Z", "2026-11-01T09:00:00Z")}));
}

TEST(LeaseWindow, SurvivesAChangeAtMidnightAndALostDay) {
  // A made-up place jumps from 00:00 to 01:00 on 2026-06-02.
  const OneChange jump(utc("2026-06-02T00:00:00Z"), std::chrono::seconds(0), std::chrono::hours(1));
  EXPECT_EQ(openings(hours("00:00-02:00"), jump, span("2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z")),
            (std::vector<Span>{span("2026-06-02T00:00:00Z", "2026-06-02T01:00:00Z")}));
  // Samoa had no 30 December 2011: the offset went from -10 to +14.
  EXPECT_EQ(open_time(hours("10:00-12:00"), iana("Pacific/Apia"), span("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z")),
            std::chrono::hours(4));
}

TEST(LeaseWindow, SaysWhenItNextChanges) {
  const Zone& zone = iana("America/Chicago");
  const WindowState open = state_at(hours("23:00-07:00"), zone, utc("2026-03-08T06:00:00Z"));
  EXPECT_TRUE(open.open);
  EXPECT_EQ(open.until, utc("2026-03-08T12:00:00Z"));
  const WindowState closed = state_at(hours("23:00-07:00"), zone, utc("2026-03-08T12:00:00Z"));
  EXPECT_FALSE(closed.open);
  EXPECT_EQ(closed.until, utc("2026-03-09T04:00:00Z"));
}

TEST(LeaseWindow, AlwaysAndNeverDoNotChange) {
  const Zone& zone = iana("Europe/Warsaw");
  const WindowState always = state_at(DailyWindow{}, zone, utc("2026-03-08T06:00:00Z"));
  EXPECT_TRUE(always.open);
  EXPECT_FALSE(always.until.has_value());
  const WindowState never = state_at(std::vector<DailyWindow>{}, zone, utc("2026-03-08T06:00:00Z"));
  EXPECT_FALSE(never.open);
  EXPECT_FALSE(never.until.has_value());
  EXPECT_EQ(openings(DailyWindow{}, zone, span("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")).size(), 1U);
}

TEST(LeaseWindow, SeveralWindowsAreTheirUnion) {
  const std::vector<DailyWindow> two = {hours("01:00-03:00"), hours("02:00-04:00")};
  EXPECT_EQ(openings(two, iana("UTC"), span("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
            (std::vector<Span>{span("2026-01-01T01:00:00Z", "2026-01-01T04:00:00Z")}));
  // Adjoining over midnight: together they never close.
  const std::vector<DailyWindow> whole = {hours("00:00-12:00"), hours("12:00-24:00")};
  EXPECT_EQ(openings(whole, iana("America/Chicago"), span("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")).size(), 1U);
  EXPECT_FALSE(state_at(whole, iana("America/Chicago"), utc("2026-06-01T00:00:00Z")).until.has_value());
}

TEST(LeaseWindow, AnEmptySpanHasNoOpening) {
  EXPECT_TRUE(openings(DailyWindow{}, iana("UTC"), span("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z")).empty());
  EXPECT_TRUE(openings(DailyWindow{}, iana("UTC"), span("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")).empty());
}

// The plain definition: away from the days of a change, a minute is open when the wall clock shows an hour of the window.
TEST(LeaseWindow, AgreesWithTheWallClockAllYear) {
  for (const char* name : {"America/Chicago", "Europe/Warsaw", "Australia/Sydney", "Asia/Kolkata", "Pacific/Kiritimati", "America/St_Johns"}) {
    const Zone& zone = iana(name);
    const DailyWindow night = hours("23:00-07:00");
    const Span year = span("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    const std::vector<Span> open = openings(night, zone, year);
    std::size_t next_open = 0;
    for (Instant at = year.from; at < year.to; at += std::chrono::minutes(7)) {
      while (next_open < open.size() && open[next_open].to <= at) ++next_open;
      const bool said = next_open < open.size() && open[next_open].from <= at;
      const Instant wall = at + zone.span_at(at).offset;
      const auto minute = std::chrono::floor<std::chrono::minutes>(wall - std::chrono::floor<std::chrono::days>(wall)).count();
      ASSERT_EQ(said, minute >= 1380 || minute < 420) << name << " " << text_of(at);
    }
  }
}

TEST(IanaZone, RefusesWhatIsNoZone) {
  const IanaZoneRules rules;
  for (const char* name : {"", "America/Nowhere", "america/chicago", "../../etc/passwd", "/etc/passwd", "Chicago"})
    EXPECT_EQ(rules.zone(name).error().code, ErrorCode::NotFound) << name;
  EXPECT_EQ(rules.zone(std::string(5000, 'x')).error().code, ErrorCode::NotFound);
  EXPECT_LT(rules.zone(std::string(5000, 'x')).error().message.size(), 200U);
}

TEST(IanaZone, GivesTheSameZoneForTheSameName) {
  const IanaZoneRules rules;
  EXPECT_EQ(*rules.zone("Europe/Warsaw"), *rules.zone("Europe/Warsaw"));
}

TEST(IanaZone, KnowsTheClocksOfALongAgreement) {
  // Ten years from an order of 2026.
  EXPECT_EQ(iana("America/Chicago").span_at(utc("2036-07-01T00:00:00Z")).offset, std::chrono::hours(-5));
  EXPECT_EQ(iana("America/Chicago").span_at(utc("2036-12-01T00:00:00Z")).offset, std::chrono::hours(-6));
}

TEST(Zone, TellsLocalTime) {
  EXPECT_EQ(local_text(iana("America/Chicago"), utc("2026-11-22T05:00:00Z")), "2026-11-21 23:00");
  EXPECT_EQ(local_text_with_offset(iana("America/Chicago"), utc("2026-11-22T05:00:00Z")), "Sat 2026-11-21 23:00 -06:00");
  EXPECT_EQ(local_text_with_offset(iana("Asia/Kolkata"), utc("2026-11-22T05:00:00Z")), "Sun 2026-11-22 10:30 +05:30");
}

}  // namespace
}  // namespace policies::terms
