// Goal: leased work may run exactly in the agreed hours on the wall clock of the machine's zone, and never against a
// pause. Method: a zone with one change of the clocks, and instants around the edges.
#include "agent/presence/presence.h"

namespace agent::presence {
namespace {

using namespace std::chrono;

// One hour ahead of UTC, two from 29 March 2026, 01:00 UTC.
class OneZone final : public policies::terms::ZoneRules, public policies::terms::Zone {
 public:
  [[nodiscard]] Result<const policies::terms::Zone*> zone(std::string_view name) const override {
    if (name != "Test/Zone") return Error{ErrorCode::NotFound, "there is no such zone", {}};
    return static_cast<const policies::terms::Zone*>(this);
  }
  [[nodiscard]] policies::terms::OffsetSpan span_at(Instant instant) const override {
    const Instant change = sys_days(2026y / March / 29d) + 1h;
    const Instant first = sys_days(1970y / January / 1d);
    const Instant last = sys_days(9999y / December / 31d);
    return instant < change ? policies::terms::OffsetSpan{first, change, 1h}
                            : policies::terms::OffsetSpan{change, last, 2h};
  }
};

constexpr const char* terms = R"({"processor_hours": "23:00-07:00", "zone": "Test/Zone"})";

TEST(Presence, FollowsTheAgreedHoursAcrossMidnight) {
  const OneZone zones;
  Result<Calendar> calendar = Calendar::from_terms(terms, zones);
  ASSERT_TRUE(calendar) << calendar.error().text();
  const Instant midnight = sys_days(2026y / January / 10d) - 1h;  // local
  EXPECT_EQ(calendar->at(midnight - 61min).window, Window::Closed);
  EXPECT_EQ(calendar->at(midnight - 61min).window_changes_at, midnight - 1h);
  EXPECT_EQ(calendar->at(midnight - 1h).window, Window::Open);
  EXPECT_EQ(calendar->at(midnight).window_changes_at, midnight + 7h);
  EXPECT_EQ(calendar->at(midnight + 7h).window, Window::Closed);
}

TEST(Presence, TheWindowEndsByTheWallClockOnTheNightOfTheChange) {
  const OneZone zones;
  Result<Calendar> calendar = Calendar::from_terms(terms, zones);
  const Instant evening = sys_days(2026y / March / 28d) + 22h;  // 23:00 local
  EXPECT_EQ(calendar->at(evening).window, Window::Open);
  EXPECT_EQ(calendar->at(evening).window_changes_at, evening + 7h) << "an hour of this night was skipped";
}

TEST(Presence, APauseStopsWorkUntilItsTime) {
  const OneZone zones;
  Result<Calendar> calendar = Calendar::from_terms(terms, zones);
  const Instant night = sys_days(2026y / January / 10d) + 1h;
  EXPECT_TRUE(presence(&*calendar, {}, night).work_may_run());
  const Pause until{.paused = true, .until = night + 1h};
  EXPECT_EQ(presence(&*calendar, until, night).owner, Owner::Paused);
  EXPECT_FALSE(presence(&*calendar, until, night).work_may_run());
  EXPECT_TRUE(presence(&*calendar, until, night + 1h).work_may_run());
  EXPECT_FALSE(presence(&*calendar, {.paused = true, .until = std::nullopt}, night + 24h).work_may_run());
}

TEST(Presence, NothingRunsWhenTheHoursAreNotKnown) {
  EXPECT_FALSE(presence(nullptr, {}, Instant{}).work_may_run());
  const OneZone zones;
  EXPECT_FALSE(Calendar::from_terms("not json", zones));
  EXPECT_FALSE(Calendar::from_terms(R"({"processor_hours": "23:00-07:00", "zone": "Elsewhere"})", zones));
  EXPECT_FALSE(Calendar::from_terms(R"({"zone": "Test/Zone"})", zones));
}

TEST(Presence, APauseReadsBackAsItWasWritten) {
  for (const Pause& pause :
       {Pause{}, Pause{.paused = true, .until = std::nullopt}, Pause{.paused = true, .until = Instant{} + 24h}}) {
    Result<Pause> again = pause_from(text_of(pause) + "\n");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->paused, pause.paused);
    EXPECT_EQ(again->until, pause.until);
  }
  EXPECT_FALSE(pause_from("tomorrow"));
}

}  // namespace
}  // namespace agent::presence
