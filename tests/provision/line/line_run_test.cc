// Goal: the line keeps all its hands busy, hears what they say, and no failure stops another disk. Method: the real crew with
// shell scripts as its program; times are set by hand where they matter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provision/line/display.h"
#include "provision/line/station_record.h"

namespace provision::line {
namespace {

using run::RunEvent;
using run::RunEventKind;
using testing::HasSubstr;
using testing::Not;

const Instant noon = *instant_from("2026-11-21T12:00:00Z");

std::vector<WorkItem> items_of(std::size_t count) {
  std::vector<WorkItem> items;
  for (std::size_t i = 0; i < count; ++i) items.push_back({"order-" + std::to_string(i) + ".yaml", "disk-" + std::to_string(i), ""});
  return items;
}

class NoDisplay final : public LineWatcher {
 public:
  void changed(const LineState& line, std::size_t, const RunEvent*, Instant) override {
    most_at_work = std::max(most_at_work, line.counts().running);
  }
  std::size_t most_at_work = 0;
};

LineState line_of(const std::vector<std::string>& scripts, std::int64_t jobs, NoDisplay& display) {
  ChildCrew crew("/bin/sh");
  const SystemClock clock;
  const auto items = items_of(scripts.size());
  const LineWork work{items, jobs, [&](const WorkItem& item) {
                        return std::vector<std::string>{"-c", scripts[std::stoul(item.disk.substr(5))]};
                      }};
  auto line = run_line(work, crew, clock, display);
  EXPECT_TRUE(line) << line.error().text();
  return *line;
}

const std::string good = R"(printf '{"event":"step","text":"format"}\n{"event":"done","outcome":"changed","machine":"m"}\n')";

TEST(LineRun, GoesOnWhenDisksFailDieOrTalkNonsense) {
  NoDisplay display;
  const LineState line = line_of({good, R"(printf '{"event":"failed","cause":"corrupt","text":"not as planned"}\n'; exit 1)", "echo oh no >&2; kill -9 $$",
                                  R"(printf 'what?\n{"event":"done","outcome":"no-changes","machine":""}')", "exit 0", good},
                                 2, display);
  const auto& disks = line.disks();
  EXPECT_EQ(disks[0].state, DiskState::Finished);
  EXPECT_EQ(disks[0].machine, "m");
  EXPECT_EQ(disks[1].state, DiskState::Failed);
  EXPECT_EQ(disks[1].cause, "corrupt");
  EXPECT_EQ(disks[2].cause, "ended");
  EXPECT_THAT(disks[2].reason, HasSubstr("137"));
  EXPECT_THAT(disks[2].reason, HasSubstr("oh no"));
  EXPECT_EQ(disks[3].state, DiskState::Unchanged) << "a last line without its newline counts";
  EXPECT_EQ(disks[4].state, DiskState::Failed) << "an exit without a word is no success";
  EXPECT_EQ(disks[5].state, DiskState::Finished);
  EXPECT_EQ(display.most_at_work, 2U);
  EXPECT_EQ(line.counts().failed, 3U);
}

TEST(LineRun, FinishesThirtyTwoDisksWithAnyNumberOfJobs) {
  for (const std::int64_t jobs : {1, 7, 64}) {
    NoDisplay display;
    const LineState line = line_of(std::vector<std::string>(32, good), jobs, display);
    EXPECT_EQ(line.counts().finished, 32U);
    EXPECT_EQ(display.most_at_work, static_cast<std::size_t>(std::min<std::int64_t>(jobs, 32)));
  }
}

TEST(LineRun, LeavesNobodyAtWorkWhenItIsGone) {
  std::string folder = testing::TempDir() + "leaseback-crew-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    ChildCrew crew("/bin/sh");
    ASSERT_TRUE(crew.start(0, {"-c", "echo $$ > " + folder + "/pid; echo begun; exec sleep 1000"}));
    CrewWord word;
    while (word.kind != CrewWord::Kind::Line) word = *crew.listen(Duration{100});
    EXPECT_EQ(word.line, "begun");
  }
  EXPECT_NE(std::system(("kill -0 $(cat " + folder + "/pid) 2>/dev/null").c_str()), 0);
  (void)std::system(("rm -r " + folder).c_str());
}

TEST(LineState, TellsRateAndTimeLeftOfTheStepThatMovesBytes) {
  LineState line(items_of(1));
  line.started(0, noon);
  line.told(0, {RunEventKind::Step, "write the image", {}, {}, {}, {}, {}}, noon + std::chrono::seconds(5));
  line.told(0, {RunEventKind::Moved, {}, mebibytes(100), mebibytes(400), {}, {}, {}}, noon + std::chrono::seconds(15));
  const DiskProgress& disk = line.disks()[0];
  EXPECT_NEAR(disk.rate, 10.0 * 1024 * 1024, 1);
  ASSERT_TRUE(disk.left);
  EXPECT_EQ(*disk.left, std::chrono::seconds(30));
  const std::string picture = picture_of(line, 120, noon + std::chrono::seconds(15));
  EXPECT_THAT(picture, HasSubstr("100.0 MiB of 400.0 MiB  10.0 MiB/s  30.0 s left"));
  line.told(0, {RunEventKind::Step, "read back", {}, {}, {}, {}, {}}, noon + std::chrono::seconds(20));
  EXPECT_FALSE(line.disks()[0].left);
  line.told(0, {RunEventKind::Done, {}, {}, {}, "changed", "m", {}}, noon + std::chrono::seconds(21));
  EXPECT_EQ(line.disks()[0].took, std::chrono::seconds(21));
  line.gone(0, 1, "", noon);
  EXPECT_EQ(line.disks()[0].state, DiskState::Finished) << "what was told before counts";
}

TEST(Display, NeverMovesTheCursorForWhatComesFromOutsideAndKeepsItsWidth) {
  LineState line({{"o.yaml", "evil\x1b[2Jdisk", ""}, {"p.yaml", "p", ""}});
  line.started(0, noon);
  line.told(0, {RunEventKind::Step, std::string(500, 'x') + "\n\r", {}, {}, {}, {}, {}}, noon);
  std::string drawn;
  DrawnLine display([&](const std::string& text) { drawn += text; }, 60);
  display.changed(line, 0, nullptr, noon);
  display.changed(line, 0, nullptr, noon + Duration{10});
  display.waited(line, noon + Duration{600});
  EXPECT_THAT(drawn, Not(HasSubstr("[2Jdisk\x1b")));
  EXPECT_THAT(drawn, Not(HasSubstr("evil\x1b")));
  const std::string picture = picture_of(line, 60, noon);
  for (std::size_t at = 0, end = 0; at < picture.size(); at = end + 1) {
    end = picture.find('\n', at);
    EXPECT_LE(end - at, 60U);
  }
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\n'), 4) << "drawn twice: the change that came at once waits";
}

TEST(StationRecord, CountsOutcomesTimesAndCauses) {
  std::vector<Attempt> attempts;
  for (int i = 1; i <= 5; ++i) attempts.push_back({"o", "d", "finished", "", "", std::chrono::seconds(i), noon + std::chrono::seconds(i)});
  attempts.push_back({"o", "d", "failed", "corrupt", "first", {}, noon});
  attempts.push_back({"o", "d", "failed", "corrupt", "second", {}, noon + std::chrono::hours(1)});
  attempts.push_back({"o", "d", "failed", "", "who knows", {}, noon});
  run::RunSummary finished;
  finished.what = "apply";
  finished.state = "finished";
  const StationReport report = report_of({finished, finished}, attempts);
  EXPECT_EQ(report.runs.at("apply finished"), 2U);
  EXPECT_EQ(report.attempts, 8U);
  EXPECT_EQ(report.outcomes.at("failed"), 3U);
  EXPECT_EQ(report.causes.at("corrupt").count, 2U);
  EXPECT_EQ(report.causes.at("corrupt").last_reason, "second");
  EXPECT_EQ(report.causes.at("unknown").count, 1U);
  EXPECT_EQ(*report.median, std::chrono::seconds(3));
  EXPECT_EQ(*report.slowest, std::chrono::seconds(5));
  EXPECT_EQ(*report.last, noon + std::chrono::hours(1));
  EXPECT_FALSE(report_of({}, {}).median);
}

}  // namespace
}  // namespace provision::line
