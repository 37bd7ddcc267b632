// Goal: each rule by which work is handed out, checked, taken back and measured. Method: a few machines, and what the scheduler says.
#include "fleet/scheduler/scheduler.h"

#include <set>

#include "tests/fleet/scheduler/fleet_of_three.h"

namespace tests::scheduling {
namespace {
using namespace std::chrono_literals;

struct ThreeOwners : Room {
  explicit ThreeOwners(Settings the_settings = Settings()) : Room(the_settings) {
    add(machine("a", "alice"));
    add(machine("b", "bob"));
    add(machine("c", "carol"));
  }
};

TEST(Scheduler, GivesAMachineNoMoreThanItMayFetchAhead) {
  ThreeOwners room;
  room.submit(job_of(10, 1));
  EXPECT_EQ(room.assign("a").size(), 4U);
  EXPECT_TRUE(room.assign("a").empty());
}

TEST(Scheduler, HandsOverAllThatATaskNeeds) {
  ThreeOwners room;
  JobOrder order = job_of(1, 1);
  order.tasks[0].parameters_json = R"({"x":1})";
  order.priority = 5;
  const JobId job = room.submit(order);
  const std::vector<Assignment> given = room.assign("a");
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].job, job);
  EXPECT_EQ(given[0].task.text, job.text + "/0");
  EXPECT_EQ(given[0].assignment.text, job.text + "/0/0");
  EXPECT_EQ(given[0].entry, "render");
  EXPECT_EQ(given[0].elements.size(), 1U);
  EXPECT_EQ(given[0].order.arguments, std::vector<std::string>{"0"});
  EXPECT_EQ(given[0].order.parameters_json, R"({"x":1})");
  EXPECT_EQ(given[0].priority, 5);
  EXPECT_GT(given[0].deadline, start);
}

TEST(Scheduler, NeverGivesBothCopiesToMachinesOfOneOwner) {
  Room room;
  room.add(machine("a", "alice"));
  room.add(machine("b", "alice"));
  room.add(machine("c", "carol"));
  room.submit(job_of(2, 2));
  EXPECT_EQ(room.assign("a").size(), 2U);
  EXPECT_TRUE(room.assign("b").empty());
  EXPECT_EQ(room.assign("c").size(), 2U);
  EXPECT_TRUE(room.assign("c").empty());
}

TEST(Scheduler, AcceptsAResultWhenASecondOwnerAgreesAndPaysBoth) {
  ThreeOwners room;
  const JobId job = room.submit(job_of(1, 2));
  const Assignment first = room.assign("a").at(0);
  const Assignment second = room.assign("b").at(0);
  const Consequences waiting = room.report(done(first, 1, start + 1s, start + 3s), start + 5s);
  EXPECT_TRUE(waiting.accepted.empty());
  EXPECT_TRUE(waiting.tasks_finished.empty());
  const Consequences agreed = room.report(done(second, 1, start + 1s, start + 2s), start + 6s);
  ASSERT_EQ(agreed.accepted.size(), 2U);
  EXPECT_EQ(agreed.accepted[0].occupied_ms, 2000U);
  EXPECT_EQ(agreed.accepted[1].occupied_ms, 1000U);
  EXPECT_EQ(agreed.jobs_finished, std::vector<JobId>{job});
  EXPECT_EQ(room.scheduler.job(job)->state, JobState::Done);
  EXPECT_EQ(room.scheduler.tasks(job, 0, 10).at(0).result_digest, digest_of(1));
}

TEST(Scheduler, AsksAThirdOwnerWhenTwoDisagreeAndNamesTheOddOne) {
  ThreeOwners room;
  const JobId job = room.submit(job_of(1, 2));
  const Assignment first = room.assign("a").at(0);
  const Assignment second = room.assign("b").at(0);
  EXPECT_TRUE(room.assign("c").empty());
  room.report(done(first, 1, start, start + 1s), start + 1s);
  room.report(done(second, 666, start, start + 1s), start + 1s);
  const std::vector<Assignment> third = room.assign("c", start + 2s);
  ASSERT_EQ(third.size(), 1U);
  const Consequences decided = room.report(done(third[0], 1, start + 2s, start + 3s), start + 3s);
  EXPECT_EQ(decided.accepted.size(), 2U);
  ASSERT_EQ(decided.odd_ones.size(), 1U);
  EXPECT_EQ(decided.odd_ones[0].machine.text, "b");
  EXPECT_EQ(room.scheduler.tasks(job, 0, 1).at(0).result_digest, digest_of(1));
}

TEST(Scheduler, TakesARepeatedResultOnce) {
  ThreeOwners room;
  room.submit(job_of(1, 1));
  const Assignment given = room.assign("a").at(0);
  EXPECT_EQ(room.report(done(given, 1, start, start + 1s), start + 1s).accepted.size(), 1U);
  const Consequences again = room.report(done(given, 1, start, start + 1s), start + 2s);
  EXPECT_TRUE(again.duplicate);
  EXPECT_TRUE(again.accepted.empty());
  EXPECT_EQ(room.scheduler.settle(room.batch).work.at(0).copies_after, 1U);
}

TEST(Scheduler, PaysForNoMoreTimeThanItSawPass) {
  ThreeOwners room;
  room.submit(job_of(1, 1));
  const Assignment given = room.assign("a").at(0);
  const Consequences out = room.report(done(given, 1, start - 500h, start + 500h), start + 3s);
  EXPECT_EQ(out.accepted.at(0).occupied_ms, 3000U);
}

TEST(Scheduler, BelievesOnlyTheMachineThatHasTheAssignment) {
  ThreeOwners room;
  room.submit(job_of(1, 1));
  Report report = done(room.assign("a").at(0), 1, start, start);
  report.machine = MachineId("b");
  EXPECT_EQ(room.scheduler.report(report, start, room.batch).error().code, ErrorCode::PermissionDenied);
  report.machine = MachineId("a");
  report.result_digest = "nonsense";
  EXPECT_EQ(room.scheduler.report(report, start, room.batch).error().code, ErrorCode::InvalidInput);
  for (const char* name : {"", "x", "j00000001", "j00000001/0", "j00000001/0/1", "j00000001/00/0", "j00000001/0/0/0", "//"}) {
    report.assignment = AssignmentId(name);
    EXPECT_EQ(room.scheduler.report(report, start, room.batch).error().code, ErrorCode::NotFound) << name;
  }
  EXPECT_TRUE(room.batch.empty());
}

TEST(Scheduler, GivesOverdueWorkToOthersAndStillTakesALateFirstResultOnce) {
  ThreeOwners room;
  const JobId job = room.submit(job_of(1, 1));
  const Assignment late = room.assign("a").at(0);
  EXPECT_EQ(room.scheduler.next_due(), std::optional(start));  // the first power sample
  room.scheduler.sample(start, room.batch);
  EXPECT_TRUE(room.scheduler.expire(late.deadline - 1ms, room.batch).expired.empty());
  EXPECT_EQ(room.scheduler.expire(late.deadline, room.batch).expired.size(), 1U);
  const Assignment second = room.assign("b", late.deadline).at(0);
  const Consequences counted = room.report(done(late, 1, start, start + 1s), late.deadline + 1s);
  EXPECT_EQ(counted.accepted.size(), 1U);
  ASSERT_EQ(counted.cancelled.size(), 1U);
  EXPECT_EQ(counted.cancelled[0].assignment, second.assignment);
  EXPECT_TRUE(room.report(done(second, 1, late.deadline, late.deadline + 1s), late.deadline + 2s).duplicate);
  EXPECT_EQ(room.scheduler.job(job)->state, JobState::Done);
  EXPECT_EQ(room.scheduler.settle(room.batch).work.size(), 1U);
}

TEST(Scheduler, GivesOneOwnerOneVoiceWhenALateCopyComesBack) {
  Room room;
  room.add(machine("a", "alice"));
  room.add(machine("a2", "alice"));
  room.add(machine("b", "bob"));
  room.submit(job_of(1, 2));
  const Assignment late = room.assign("a").at(0);
  room.scheduler.expire(late.deadline, room.batch);
  const Assignment again = room.assign("a2", late.deadline).at(0);
  const Consequences first = room.report(done(late, 1, start, start + 1s), late.deadline + 1s);
  EXPECT_TRUE(first.accepted.empty());
  ASSERT_EQ(first.cancelled.size(), 1U);
  EXPECT_EQ(first.cancelled[0].assignment, again.assignment);
  EXPECT_TRUE(room.report(done(again, 1, start, start + 1s), late.deadline + 2s).duplicate);
  const Assignment check = room.assign("b", late.deadline).at(0);
  EXPECT_EQ(room.report(done(check, 1, late.deadline, late.deadline + 1s), late.deadline + 3s).accepted.size(), 2U);
}

TEST(Scheduler, GivesAllThatALostMachineHeldToOthersAtOnce) {
  ThreeOwners room;
  room.submit(job_of(3, 1));
  EXPECT_EQ(room.assign("a").size(), 3U);
  EXPECT_EQ(room.scheduler.give_up_machine(MachineId("a"), start, room.batch).expired.size(), 3U);
  EXPECT_TRUE(room.scheduler.held_by(MachineId("a")).empty());
  EXPECT_EQ(room.assign("b").size(), 3U);
}

TEST(Scheduler, GivesWorkOnlyToMachinesThatMayAndCan) {
  const std::vector<std::pair<std::string, std::function<void(MachineFacts&)>>> faults = {
      {"not leased", [](MachineFacts& facts) { facts.leased = false; }},
      {"no sandbox", [](MachineFacts& facts) { facts.sandbox = false; }},
      {"window closed", [](MachineFacts& facts) { facts.window_open = false; }},
      {"too little memory", [](MachineFacts& facts) { facts.memory = mebibytes(100); }},
      {"too slow", [](MachineFacts& facts) { facts.processor_mhz = 300; }},
      {"too seldom there", [](MachineFacts& facts) { facts.processor_available = 0.3; }},
      {"no queue", [](MachineFacts& facts) { facts.queue_max = 0; }},
  };
  for (const auto& [name, fault] : faults) {
    Room room;
    MachineFacts facts = machine("a", "alice");
    room.add(facts);
    JobOrder order = job_of(1, 1);
    order.speed_mhz = 500;
    room.submit(order);
    fault(facts);
    room.scheduler.set_machine(facts);
    EXPECT_TRUE(room.assign("a").empty()) << name;
    room.scheduler.set_machine(machine("a", "alice"));
    EXPECT_EQ(room.assign("a").size(), 1U) << name;
  }
}

TEST(Scheduler, ComparesExpectedWithRequestedTimeWhenTheWorkIsKnown) {
  Room room;
  MachineFacts facts = machine("a", "alice");
  facts.processor_available = 0.5;  // C a_c = 500 MHz
  facts.bandwidth_bytes = 1e6;
  room.add(facts);
  JobOrder order = job_of(1, 1);
  order.work_mhz_seconds = 50000;              // 100 s at 500 MHz
  order.result_bytes_expected = Bytes{9999000};  // with the element of 1000 bytes: 10 s at 1 MB/s
  order.bandwidth_bytes = 1e6;
  order.speed_mhz = 600;  // T_R = 83.3 + 10 = 93.3 s; T_E = 110 s is more than a tenth above
  room.submit(order);
  EXPECT_TRUE(room.assign("a").empty());
  order.speed_mhz = 550;  // T_R = 90.9 + 10 = 100.9 s, and 110 is within a tenth of it
  room.submit(order);
  EXPECT_EQ(room.assign("a").size(), 1U);
}

TEST(Scheduler, ServesHigherPriorityFirstThenTheOlderJob) {
  ThreeOwners room;
  const JobId old = room.submit(job_of(1, 1));
  const JobId second = room.submit(job_of(1, 1));
  JobOrder urgent_order = job_of(1, 1);
  urgent_order.priority = 1;
  const JobId urgent = room.submit(urgent_order);
  const std::vector<Assignment> given = room.assign("a");
  ASSERT_EQ(given.size(), 3U);
  EXPECT_EQ(given[0].job, urgent);
  EXPECT_EQ(given[1].job, old);
  EXPECT_EQ(given[2].job, second);
}

TEST(Scheduler, MakesAsManyCopiesOnAverageAsAsked) {
  Room room;
  for (int i = 0; i < 4; ++i) {
    MachineFacts facts = machine("m" + std::to_string(i), "o" + std::to_string(i));
    facts.queue_max = 100;
    room.add(facts);
  }
  room.submit(job_of(40, 1.5));
  std::size_t copies = 0;
  for (int i = 0; i < 4; ++i) copies += room.assign("m" + std::to_string(i)).size();
  EXPECT_EQ(copies, 60U);
}

TEST(Scheduler, MakesTheCopiesThatTheReliabilityNeeds) {
  ThreeOwners room;  // pi = 0.5
  JobOrder order = job_of(1, 1);
  order.reliability = 0.875;  // 1 - 0.5^3
  const JobId job = room.submit(order);
  EXPECT_NEAR(room.scheduler.job(job)->copies, 3.0, 1e-9);
  order.reliability = 0.999;
  EXPECT_EQ(room.scheduler.submit(order, start, room.batch).error().code, ErrorCode::Refused);
}

TEST(Scheduler, FailsATaskOnceItFailedOnThreeMachinesAndSaysWhy) {
  ThreeOwners room;
  const JobId job = room.submit(job_of(2, 1));
  for (const char* name : {"a", "b", "c"}) {
    for (const Assignment& given : room.assign(name))
      if (given.number == 0)
        room.report(word(given, ReportKind::Failed, std::string("exit 3 on ") + name), start + 1s);
      else
        room.report(done(given, 1, start, start), start + 1s);
  }
  const JobView view = *room.scheduler.job(job);
  EXPECT_EQ(view.state, JobState::Failed);
  EXPECT_EQ(view.tasks.failed, 1U);
  EXPECT_EQ(view.tasks.done, 1U);
  EXPECT_NE(room.scheduler.tasks(job, 0, 1).at(0).reason.find("exit 3 on b"), std::string::npos);
}

TEST(Scheduler, GivesReturnedWorkAgainAndLeavesARefusingMachineAlone) {
  ThreeOwners room;
  room.submit(job_of(1, 1));
  Assignment given = room.assign("a").at(0);
  room.report(word(given, ReportKind::Stopped, "the owner is back"), start + 1s);
  given = room.assign("a", start + 1s).at(0);
  room.report(word(given, ReportKind::Refused, "no space"), start + 2s);
  EXPECT_TRUE(room.assign("a", start + 3s).empty());
  EXPECT_EQ(room.assign("b", start + 3s).size(), 1U);
}

TEST(Scheduler, StopsResumesAndRemovesAJob) {
  ThreeOwners room;
  const JobId job = room.submit(job_of(5, 1));
  const std::vector<Assignment> given = room.assign("a");
  Result<Consequences> stopped = room.scheduler.stop(job, "by its client", start, room.batch);
  ASSERT_TRUE(stopped.has_value());
  EXPECT_EQ(stopped->cancelled.size(), 4U);
  EXPECT_TRUE(room.assign("b").empty());
  // A result that was on its way counts.
  EXPECT_EQ(room.report(done(given[0], 1, start, start), start + 1s).tasks_finished.size(), 1U);
  ASSERT_TRUE(room.scheduler.resume(job, start, room.batch).has_value());
  EXPECT_EQ(room.assign("b").size(), 4U);
  Result<Consequences> removed = room.scheduler.remove(job, start, room.batch);
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->cancelled.size(), 4U);
  EXPECT_EQ(removed->jobs_finished, std::vector<JobId>{job});
  EXPECT_EQ(room.scheduler.job(job)->state, JobState::Removed);
  EXPECT_EQ(room.scheduler.resume(job, start, room.batch).error().code, ErrorCode::Conflict);
  EXPECT_FALSE(room.scheduler.refers_to(Digest(digest_of(7))));
  // What was accepted before is still paid, also after a restart.
  room.keep();
  room.restart();
  EXPECT_EQ(room.scheduler.settle(room.batch).work.at(0).copies_after, 1U);
}

TEST(Scheduler, StopsAJobAtItsHighestCost) {
  ThreeOwners room;
  JobOrder order = job_of(2, 1);
  order.cost_max = Money(300, Currency{"USD"});
  const JobId job = room.submit(order);
  room.assign("a");
  EXPECT_TRUE(room.scheduler.record_spent(job, Money(299, Currency{"USD"}), start, room.batch)->cancelled.empty());
  EXPECT_EQ(room.scheduler.record_spent(job, Money(300, Currency{"USD"}), start, room.batch)->cancelled.size(), 2U);
  EXPECT_EQ(room.scheduler.job(job)->state, JobState::Stopped);
  EXPECT_EQ(room.scheduler.job(job)->reason, "cost limit reached");
  EXPECT_EQ(room.scheduler.resume(job, start, room.batch).error().code, ErrorCode::Refused);
}

TEST(Scheduler, MakesTheSameJobOncePerIdempotencyKey) {
  ThreeOwners room;
  JobOrder order = job_of(1, 1);
  order.idempotency_key = "k1";
  const JobId first = room.submit(order);
  EXPECT_EQ(room.submit(order), first);
  room.restart();
  EXPECT_EQ(room.submit(order), first);
  order.client = PartyId("other");
  EXPECT_NE(room.submit(order), first);
}

TEST(Scheduler, RefusesOrdersWithMissingOrUnlawfulParts) {
  const std::vector<std::pair<std::string, std::function<void(JobOrder&)>>> faults = {
      {"no client", [](JobOrder& order) { order.client = PartyId(); }},
      {"no name", [](JobOrder& order) { order.name.clear(); }},
      {"no tasks", [](JobOrder& order) { order.tasks.clear(); }},
      {"no elements", [](JobOrder& order) { order.elements.clear(); }},
      {"entry not there", [](JobOrder& order) { order.entry = "other"; }},
      {"entry not executable", [](JobOrder& order) { order.elements[0].executable = false; }},
      {"no digest", [](JobOrder& order) { order.elements[0].digest = Digest("x"); }},
      {"a path as name", [](JobOrder& order) { order.elements.push_back({"../x", Digest(digest_of(1)), Bytes{1}, false}); }},
      {"a name twice", [](JobOrder& order) { order.elements.push_back(order.elements[0]); }},
      {"no copies", [](JobOrder& order) { order.copies = 0; }},
      {"copies not a number", [](JobOrder& order) { order.copies = std::numeric_limits<double>::quiet_NaN(); }},
      {"certainty", [](JobOrder& order) { order.reliability = 1; }},
      {"negative speed", [](JobOrder& order) { order.speed_mhz = -1; }},
      {"parameters that are no object", [](JobOrder& order) { order.tasks[0].parameters_json = "[1]"; }},
      {"parameters that are no JSON", [](JobOrder& order) { order.tasks[0].parameters_json = "{"; }},
      {"a zero byte", [](JobOrder& order) { order.tasks[0].arguments = {std::string("a\0b", 3)}; }},
      {"no processor time", [](JobOrder& order) { order.limits.processor_seconds = 0; }},
  };
  for (const auto& [name, fault] : faults) {
    Room room;
    JobOrder order = job_of(1, 1);
    fault(order);
    const Result<JobId> job = room.scheduler.submit(order, start, room.batch);
    ASSERT_FALSE(job.has_value()) << name;
    EXPECT_EQ(job.error().code, ErrorCode::InvalidInput) << name;
    EXPECT_TRUE(room.batch.empty()) << name;
  }
}

TEST(Scheduler, SamplesPowerAtTheFirstLaunchAndEachQuarterOfAnHourThatWorkRuns) {
  ThreeOwners room;
  const JobId job = room.submit(job_of(20, 2));
  EXPECT_TRUE(room.scheduler.sample(start, room.batch).empty());
  room.assign("a");
  room.assign("b");
  const std::vector<PowerSample> first = room.scheduler.sample(start, room.batch);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].job, job);
  EXPECT_EQ(first[0].number, 0U);
  EXPECT_EQ(first[0].power_mhz, 2000U);
  EXPECT_EQ(first[0].copies_permille, 2000U);
  EXPECT_TRUE(room.scheduler.sample(start + 14min, room.batch).empty());
  const std::vector<PowerSample> second = room.scheduler.sample(start + 15min, room.batch);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].number, 1U);
  room.keep();
  room.restart();
  EXPECT_TRUE(room.scheduler.sample(start + 29min, room.batch).empty());
  EXPECT_EQ(room.scheduler.sample(start + 30min, room.batch).at(0).number, 2U);
}

TEST(Scheduler, TakesTheFirstSampleOfAJobThatIsOverBeforeAnybodyAsked) {
  ThreeOwners room;
  room.submit(job_of(1, 1));
  room.report(done(room.assign("a").at(0), 1, start, start), start);
  EXPECT_EQ(room.scheduler.sample(start + 1min, room.batch).at(0).power_mhz, 1000U);
  EXPECT_TRUE(room.scheduler.sample(start + 2h, room.batch).empty());
}

TEST(Scheduler, SettlesWorkAsRunningTotalsAcrossRestarts) {
  ThreeOwners room;
  room.submit(job_of(2, 1));
  const std::vector<Assignment> given = room.assign("a");
  room.report(done(given[0], 1, start, start + 30ms), start + 1s);
  const Settlement first = room.scheduler.settle(room.batch);
  ASSERT_EQ(first.work.size(), 1U);
  EXPECT_EQ(first.work[0].settlement, 0U);
  EXPECT_EQ(first.work[0].occupied_ms_before, 0U);
  EXPECT_EQ(first.work[0].occupied_ms_after, 30U);
  ASSERT_EQ(first.moved.size(), 1U);
  EXPECT_EQ(first.moved[0].after.count, 1010U);
  room.keep();
  room.restart();
  EXPECT_TRUE(room.scheduler.settle(room.batch).work.empty());
  room.report(done(given[1], 2, start, start + 40ms), start + 1s);
  room.restart();
  const Settlement second = room.scheduler.settle(room.batch);
  EXPECT_EQ(second.work.at(0).settlement, 1U);
  EXPECT_EQ(second.work.at(0).occupied_ms_before, 30U);
  EXPECT_EQ(second.work.at(0).occupied_ms_after, 70U);
  EXPECT_EQ(second.moved.at(0).before.count, 1010U);
  EXPECT_EQ(second.moved.at(0).after.count, 1020U);
}

TEST(Scheduler, WritesNothingForAPollThatChangesNothing) {
  ThreeOwners room;
  room.submit(job_of(1, 1));
  room.assign("a");
  room.scheduler.sample(start, room.batch);
  room.batch.clear();
  room.scheduler.assign(MachineId("b"), start, room.batch);
  room.scheduler.expire(start, room.batch);
  room.scheduler.sample(start, room.batch);
  room.scheduler.settle(room.batch);
  room.batch.clear();
  room.scheduler.settle(room.batch);
  EXPECT_TRUE(room.batch.empty());
}

TEST(Scheduler, SaysWhichRecordIsDamaged) {
  ThreeOwners room;
  room.submit(job_of(2, 1));
  room.store.tamper(fleet::store::Table::Tasks, "j00000001/00000001", R"({"wanted":"two"})");
  Scheduler fresh((Settings()));
  const Done loaded = fresh.load(room.store);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::Corrupt);
  EXPECT_NE(loaded.error().text().find("j00000001/00000001"), std::string::npos);
}

}  // namespace
}  // namespace tests::scheduling
