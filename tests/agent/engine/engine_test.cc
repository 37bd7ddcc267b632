// Goal: leased work runs only when it may, ends once, and is never forgotten. Method: the engine over a disk in memory
// and a sandbox in the test's hands; time is a value.
#include "agent/engine/engine.h"

#include "agent/contract/messages.pb.h"
#include "tests/fakes/memory_files.h"
#include "tests/fakes/scripted_sandbox.h"

namespace agent::engine {
namespace {

using sandbox::EndKind;
using tests::fakes::MemoryFiles;
using tests::fakes::ScriptedSandbox;

constexpr Instant start = Instant{Duration{1'800'000'000'000}};
constexpr Duration minute{60'000};
constexpr Duration hour{3'600'000};

class EngineTest : public testing::Test {
 protected:
  EngineTest() { reopen(); }

  void reopen() {
    engine_.reset();
    journal_ = std::make_unique<journal::Journal>(*journal::Journal::open(files_, "/journal", {}));
    engine_.emplace(*Engine::open(files_, *journal_, sandbox_, "/work", settings_));
    sandbox_.ended = [this](const sandbox::TaskEnd& end) { ends_.push_back(end); };
  }

  static std::string program() { return "the program"; }

  static Work work(const std::string& name, Duration deadline = 10 * hour, std::int32_t priority = 0) {
    return {.assignment = AssignmentId{name},
            .task = "job/1",
            .job = "job",
            .elements = {{.name = "tile",
                          .digest = images::keys::sha256(program()),
                          .size = Bytes{program().size()},
                          .ticket = "ticket",
                          .executable = true}},
            .entry = "tile",
            .arguments = {},
            .parameters_json = "{}",
            .memory_max = mebibytes(64),
            .scratch_max = mebibytes(1),
            .result_max = mebibytes(1),
            .processor_max = minute,
            .deadline = start + deadline,
            .priority = priority,
            .result_ticket = "put ticket"};
  }

  // What an owner of the engine does: acts, collects, makes durable.
  void step() {
    for (int round = 0; round < 5; ++round) {
      for (const sandbox::TaskEnd& end : std::exchange(ends_, {})) engine_->task_ended(end, now_, running_);
      engine_->step(presence_, now_, running_);
      Wishes wishes = engine_->take_wishes();
      for (Report& report : wishes.reports) reports_.push_back(std::move(report));
      for (const Wishes::Fetch& fetch : wishes.fetches) fetches_.push_back(fetch);
      for (const Wishes::Upload& upload : wishes.uploads) uploads_.push_back(upload);
      ASSERT_TRUE(journal_->commit());
      engine_->clean_up();
      if (ends_.empty()) return;
    }
  }
  void give_elements() {
    for (const Wishes::Fetch& fetch : std::exchange(fetches_, {}))
      engine_->element_arrived(fetch.digest, program(), now_, running_);
    step();
  }
  void pass(Duration span) {
    now_ += span;
    running_ += span;
    step();
  }
  void run_one(const std::string& name) {
    engine_->accept(work(name), now_);
    step();
    give_elements();
    ASSERT_TRUE(sandbox_.running.contains(AssignmentId{name}));
  }
  std::vector<Outcome> outcomes(const std::string& name) const {
    std::vector<Outcome> found;
    for (const Report& report : reports_) {
      if (report.assignment.text == name) found.push_back(report.outcome);
    }
    return found;
  }

  MemoryFiles files_;
  ScriptedSandbox sandbox_;
  EngineSettings settings_;
  std::unique_ptr<journal::Journal> journal_;
  std::optional<Engine> engine_;
  presence::Presence presence_{
      .window = presence::Window::Open, .owner = presence::Owner::Unknown, .window_changes_at = start + 6 * hour};
  Instant now_ = start;
  Duration running_{0};
  std::vector<sandbox::TaskEnd> ends_;
  std::vector<Report> reports_;
  std::vector<Wishes::Fetch> fetches_;
  std::vector<Wishes::Upload> uploads_;
};

TEST_F(EngineTest, RunsWhatItWasGivenAndReportsEachStage) {
  run_one("a");
  sandbox_.finish(AssignmentId{"a"}, "the result", Duration{1'234});
  step();
  EXPECT_EQ(outcomes("a"), (std::vector{Outcome::Queued, Outcome::Running, Outcome::Done}));
  EXPECT_EQ(reports_.back().result, "the result");
  EXPECT_EQ(reports_.back().result_digest, images::keys::sha256("the result"));
  EXPECT_EQ(reports_.back().processor, Duration{1'234});
  EXPECT_TRUE(engine_->held().empty());
}

TEST_F(EngineTest, FetchesAheadButStartsNothingOutsideTheWindow) {
  presence_.window = presence::Window::Closed;
  presence_.window_changes_at = start + hour;
  engine_->accept(work("a"), now_);
  step();
  give_elements();
  EXPECT_TRUE(sandbox_.started.empty());
  EXPECT_EQ(engine_->cached().size(), 1U);
  now_ = start + hour;
  presence_ = {
      .window = presence::Window::Open, .owner = presence::Owner::Unknown, .window_changes_at = start + 6 * hour};
  step();
  EXPECT_EQ(sandbox_.started.size(), 1U);
}

TEST_F(EngineTest, FetchesAnElementOnceForManyTasks) {
  for (const char* name : {"a", "b", "c"}) engine_->accept(work(name), now_);
  step();
  EXPECT_EQ(fetches_.size(), 1U);
}

TEST_F(EngineTest, AsksTasksToSaveThemselvesBeforeTheWindowClosesAndKillsWhatRemains) {
  run_one("a");
  pass(6 * hour - Duration{10'000});
  EXPECT_TRUE(sandbox_.asked_to_stop.contains(AssignmentId{"a"}));
  EXPECT_TRUE(sandbox_.running.contains(AssignmentId{"a"}));
  presence_.window = presence::Window::Closed;
  presence_.window_changes_at = start + 9 * hour;
  pass(Duration{10'000});
  EXPECT_TRUE(sandbox_.running.empty());
  EXPECT_EQ(engine_->queued(), 1U);
  presence_ = {
      .window = presence::Window::Open, .owner = presence::Owner::Unknown, .window_changes_at = start + 15 * hour};
  pass(3 * hour);
  EXPECT_EQ(sandbox_.started.size(), 2U);
}

TEST_F(EngineTest, StartsNothingRightBeforeTheWindowCloses) {
  now_ = start + 6 * hour - Duration{30'000};
  engine_->accept(work("a"), now_);
  step();
  give_elements();
  EXPECT_TRUE(sandbox_.started.empty());
}

TEST_F(EngineTest, FreezesAtOnceWhenTheOwnerPausesAndGoesOnAfterwards) {
  run_one("a");
  presence_.owner = presence::Owner::Paused;
  step();
  EXPECT_TRUE(sandbox_.frozen.contains(AssignmentId{"a"}));
  presence_.owner = presence::Owner::Unknown;
  pass(minute);
  EXPECT_FALSE(sandbox_.frozen.contains(AssignmentId{"a"}));
  EXPECT_EQ(sandbox_.started.size(), 1U);
}

TEST_F(EngineTest, GivesTheMemoryBackWhenAPauseIsLong) {
  run_one("a");
  presence_.owner = presence::Owner::Paused;
  step();
  EXPECT_LE(engine_->wait(now_, running_), settings_.frozen_max);
  pass(settings_.frozen_max);
  EXPECT_TRUE(sandbox_.running.empty());
  EXPECT_EQ(engine_->queued(), 1U);
}

TEST_F(EngineTest, RunsTheMoreUrgentFirst) {
  engine_->accept(work("low", 2 * hour, 0), now_);
  engine_->accept(work("high", 9 * hour, 5), now_);
  engine_->accept(work("soon", hour, 0), now_);
  step();
  give_elements();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(sandbox_.running.size(), 1U);
    sandbox_.finish(sandbox_.running.begin()->first, "r", Duration{1});
    step();
  }
  const std::vector<AssignmentId> wanted = {AssignmentId{"high"}, AssignmentId{"soon"}, AssignmentId{"low"}};
  EXPECT_EQ(sandbox_.started, wanted);
}

TEST_F(EngineTest, TheSameAssignmentAgainChangesNothingBeforeOrAfterItsEnd) {
  run_one("a");
  engine_->accept(work("a"), now_);
  step();
  sandbox_.finish(AssignmentId{"a"}, "r", Duration{1});
  step();
  engine_->accept(work("a"), now_);
  step();
  EXPECT_EQ(outcomes("a"), (std::vector{Outcome::Queued, Outcome::Running, Outcome::Done}));
  reopen();
  engine_->accept(work("a"), now_);
  step();
  EXPECT_EQ(sandbox_.started.size(), 1U);
  EXPECT_EQ(outcomes("a").size(), 3U);
}

TEST_F(EngineTest, FindsItsQueueAgainAfterACrashAndCountsEarlierProcessorTime) {
  run_one("a");
  sandbox_.finish(
      {.assignment = AssignmentId{"a"}, .kind = EndKind::Unfinished, .exit_code = 75, .processor = Duration{700}});
  step();
  sandbox_.running.clear();
  files_.cut_power();
  reopen();
  step();
  ASSERT_TRUE(sandbox_.running.contains(AssignmentId{"a"}));
  sandbox_.finish(AssignmentId{"a"}, "r", Duration{300});
  step();
  EXPECT_EQ(reports_.back().outcome, Outcome::Done);
  EXPECT_EQ(reports_.back().processor, Duration{1'000});
}

TEST_F(EngineTest, SendsALargeResultApartAndReportsItOnlyOnceItIsThere) {
  run_one("a");
  const std::string large(100'000, 'x');
  sandbox_.finish(AssignmentId{"a"}, large, Duration{1});
  step();
  ASSERT_EQ(uploads_.size(), 1U);
  EXPECT_EQ(uploads_[0].bytes, large);
  EXPECT_EQ(outcomes("a").back(), Outcome::Running);
  files_.cut_power();
  reopen();
  step();
  ASSERT_EQ(uploads_.size(), 2U);
  engine_->result_taken(AssignmentId{"a"}, Error{ErrorCode::Unavailable, "no", {}}, now_, running_);
  pass(minute);
  ASSERT_EQ(uploads_.size(), 3U);
  engine_->result_taken(AssignmentId{"a"}, Done{}, now_, running_);
  step();
  EXPECT_EQ(reports_.back().outcome, Outcome::Done);
  EXPECT_EQ(reports_.back().result_digest, images::keys::sha256(large));
  EXPECT_TRUE(reports_.back().result.empty());
}

TEST_F(EngineTest, ReportsFailuresWithTheirReason) {
  run_one("a");
  sandbox_.finish({.assignment = AssignmentId{"a"},
                   .kind = EndKind::OverLimit,
                   .exit_code = 137,
                   .processor = Duration{9},
                   .reason = "it needed more memory"});
  step();
  EXPECT_EQ(reports_.back().outcome, Outcome::Failed);
  EXPECT_EQ(reports_.back().reason, "it needed more memory");
  EXPECT_EQ(reports_.back().exit_code, 137);
}

TEST_F(EngineTest, GivesBackWhatNeverEnds) {
  run_one("a");
  for (std::uint32_t i = 0; i < settings_.starts_max; ++i) {
    ASSERT_TRUE(sandbox_.running.contains(AssignmentId{"a"})) << i;
    sandbox_.finish({.assignment = AssignmentId{"a"}, .kind = EndKind::Unfinished, .exit_code = 75});
    step();
  }
  EXPECT_EQ(reports_.back().outcome, Outcome::Stopped);
}

TEST_F(EngineTest, GivesBackWhatCannotBeFetched) {
  engine_->accept(work("a"), now_);
  step();
  for (int i = 0; i < 40 && outcomes("a").size() == 1; ++i) {
    for (const Wishes::Fetch& fetch : std::exchange(fetches_, {})) {
      engine_->element_arrived(fetch.digest, Error{ErrorCode::Unavailable, "no answer", {}}, now_, running_);
    }
    pass(minute);
  }
  EXPECT_EQ(outcomes("a"), (std::vector{Outcome::Queued, Outcome::Stopped}));
}

TEST_F(EngineTest, NeverRunsAnElementWithAnotherDigest) {
  engine_->accept(work("a"), now_);
  step();
  for (const Wishes::Fetch& fetch : std::exchange(fetches_, {}))
    engine_->element_arrived(fetch.digest, std::string("another program"), now_, running_);
  step();
  EXPECT_TRUE(sandbox_.started.empty());
  pass(minute);
  give_elements();
  ASSERT_EQ(sandbox_.started.size(), 1U);
  // And what changes in the cache afterwards is fetched again, not run.
  sandbox_.finish({.assignment = AssignmentId{"a"}, .kind = EndKind::Unfinished, .exit_code = 75});
  files_.flip_bit("/work/cache/" + images::keys::sha256(program()).text, 3);
  step();
  EXPECT_EQ(sandbox_.started.size(), 1U);
  pass(Duration{1});
  EXPECT_EQ(fetches_.size(), 1U);
}

TEST_F(EngineTest, RefusesWhatItCannotDo) {
  Work greedy = work("greedy");
  greedy.memory_max = gibibytes(100);
  engine_->accept(greedy, now_);
  engine_->accept(work("late", -minute), now_);
  sandbox_.can.available = false;
  engine_->accept(work("walls"), now_);
  step();
  for (const char* name : {"greedy", "late", "walls"}) EXPECT_EQ(outcomes(name), std::vector{Outcome::Refused}) << name;
}

TEST_F(EngineTest, RefusesMoreThanItsQueueHolds) {
  engine_->set_limits(2, 1);
  for (const char* name : {"a", "b", "c"}) engine_->accept(work(name), now_);
  step();
  EXPECT_EQ(outcomes("c"), std::vector{Outcome::Refused});
}

TEST_F(EngineTest, ACancelledTaskIsKilledAndReportedStopped) {
  run_one("a");
  engine_->cancel(AssignmentId{"a"}, "the job was removed", now_);
  step();
  EXPECT_TRUE(sandbox_.running.empty());
  EXPECT_EQ(reports_.back().outcome, Outcome::Stopped);
  EXPECT_EQ(reports_.back().processor, Duration{5});
  engine_->cancel(AssignmentId{"never heard of"}, "why not", now_);
  step();
  EXPECT_EQ(outcomes("never heard of"), std::vector{Outcome::Stopped});
}

TEST_F(EngineTest, StopsAtTheDeadline) {
  engine_->accept(work("a", 2 * hour), now_);
  step();
  give_elements();
  EXPECT_LE(engine_->wait(now_, running_), 2 * hour);
  pass(2 * hour);
  EXPECT_EQ(reports_.back().outcome, Outcome::Stopped);
  EXPECT_TRUE(engine_->held().empty());
}

TEST_F(EngineTest, GivesBackWhatTheNextWindowWouldBeTooLateFor) {
  presence_.window = presence::Window::Closed;
  presence_.window_changes_at = start + 5 * hour;
  engine_->accept(work("early", 4 * hour), now_);
  engine_->accept(work("late", 6 * hour), now_);
  step();
  EXPECT_EQ(outcomes("early").back(), Outcome::Stopped);
  EXPECT_EQ(outcomes("late").back(), Outcome::Queued);
}

TEST_F(EngineTest, DrainingGivesEverythingBackAndTakesNothingNewEvenAfterARestart) {
  run_one("a");
  engine_->accept(work("b"), now_);
  engine_->drain("the lease ends", now_);
  step();
  EXPECT_EQ(outcomes("a").back(), Outcome::Stopped);
  EXPECT_EQ(outcomes("b").back(), Outcome::Stopped);
  reopen();
  engine_->accept(work("c"), now_);
  step();
  EXPECT_EQ(outcomes("c"), std::vector{Outcome::Refused});
}

TEST_F(EngineTest, AskedAfterRestartItHasNothingToDoForever) {
  EXPECT_EQ(engine_->wait(now_, running_), Duration::max());
  engine_->accept(work("a"), now_);
  step();
  EXPECT_GT(engine_->wait(now_, running_), Duration{0});
}

TEST(Work, IsOnlyTakenWithTheControllersSignature) {
  const images::keys::PrivateKey controller = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  const images::keys::PrivateKey other = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  contract::Assignment message;
  message.set_assignment("a");
  message.set_entry("tile");
  contract::Element& element = *message.add_elements();
  element.set_name("tile");
  element.set_digest(images::keys::sha256("x").text);
  element.set_executable(true);
  const auto sign = [&](const images::keys::PrivateKey& key) {
    message.set_signature(images::keys::base64_of(*key.sign(signed_bytes(message))));
  };
  sign(controller);
  EXPECT_TRUE(work_from(message, controller.public_key()));
  message.set_deadline_ms(1);
  EXPECT_EQ(work_from(message, controller.public_key()).error().code, ErrorCode::Unauthenticated);
  sign(other);
  EXPECT_EQ(work_from(message, controller.public_key()).error().code, ErrorCode::Unauthenticated);
  element.set_name("../tile");
  message.set_entry("../tile");
  sign(controller);
  EXPECT_EQ(work_from(message, controller.public_key()).error().code, ErrorCode::InvalidInput);
}

// A whole night of work, with the power cut at each call that writes, in turn.
TEST(EngineUnderPowerCuts, EachAssignmentIsReportedDoneOnceAndWithOneResult) {
  for (std::uint64_t cut = 1;; ++cut) {
    MemoryFiles files(cut);
    std::map<std::string, std::vector<std::string>>
        ends;  // what was made durable, as the agent's outbox is, with the queue
    bool was_cut = false;
    for (int life = 0; life < 2; ++life) {
      if (life == 0) files.cut_at(cut);
      ScriptedSandbox sandbox;
      std::vector<sandbox::TaskEnd> told;
      sandbox.ended = [&](const sandbox::TaskEnd& end) { told.push_back(end); };
      Result<journal::Journal> journal = journal::Journal::open(files, "/journal", {});
      Result<Engine> engine =
          journal ? Engine::open(files, *journal, sandbox, "/work", {}) : Result<Engine>(journal.error());
      const presence::Presence open{
          .window = presence::Window::Open, .owner = presence::Owner::Unknown, .window_changes_at = Instant::max()};
      for (int round = 0; engine && round < 60 && !files.is_off(); ++round) {
        const Instant now = start + round * minute;
        if (round < 6) {
          const std::string result = round % 2 == 0 ? "small" : std::string(70'000, 'l');
          engine->accept({.assignment = AssignmentId{std::to_string(round)},
                          .task = "",
                          .job = "",
                          .elements = {{.name = "tile",
                                        .digest = images::keys::sha256("p"),
                                        .size = Bytes{1},
                                        .ticket = "",
                                        .executable = true}},
                          .entry = "tile",
                          .arguments = {},
                          .parameters_json = result,
                          .memory_max = {},
                          .scratch_max = {},
                          .result_max = {},
                          .processor_max = {},
                          .deadline = start + 24 * hour,
                          .priority = 0,
                          .result_ticket = "t"},
                         now);
        }
        for (const sandbox::TaskEnd& end : std::exchange(told, {})) engine->task_ended(end, now, round * minute);
        engine->step(open, now, round * minute);
        Wishes wishes = engine->take_wishes();
        for (const Report& report : wishes.reports) {
          if (report.outcome == Outcome::Queued || report.outcome == Outcome::Running) continue;
          const std::string prefix = "outbox/" + report.assignment.text + "/";
          journal->put(prefix + std::to_string(journal->names(prefix).size()),
                       report.outcome == Outcome::Done ? report.result_digest.text : report.reason);
        }
        if (!journal->commit()) break;
        engine->clean_up();
        for (const Wishes::Fetch& fetch : wishes.fetches)
          engine->element_arrived(fetch.digest, std::string("p"), now, round * minute);
        for (const Wishes::Upload& upload : wishes.uploads)
          engine->result_taken(upload.assignment, Done{}, now, round * minute);
        while (!sandbox.running.empty()) {
          const sandbox::TaskSpec spec = sandbox.running.begin()->second;
          sandbox.finish(spec.assignment, spec.parameters_json, Duration{10});
        }
      }
      if (life == 0) {
        was_cut = files.is_off();
        if (!was_cut) break;
        files.power_on();
      }
    }
    Result<journal::Journal> outbox = journal::Journal::open(files, "/journal", {});
    ASSERT_TRUE(outbox);
    for (const std::string& name : outbox->names("outbox/")) ends[name.substr(7, 1)].push_back(*outbox->find(name));
    for (const auto& [assignment, reports] : ends) {
      ASSERT_EQ(reports.size(), 1U) << "cut " << cut << ", assignment " << assignment;
      const std::string result = (assignment[0] - '0') % 2 == 0 ? "small" : std::string(70'000, 'l');
      EXPECT_EQ(reports.front(), images::keys::sha256(result).text) << "cut " << cut;
    }
    if (!was_cut) {
      EXPECT_EQ(ends.size(), 6U);
      EXPECT_GT(cut, 30U);
      break;
    }
    EXPECT_EQ(ends.size(), 6U) << "cut " << cut;
  }
}

}  // namespace
}  // namespace agent::engine
