// Goal: whatever machines do and whenever the controller dies, work is accepted once, paid once, and checked by another owner.
// Method: random histories from seeds (assignments, right and wrong and late results, failures, lost machines, stops, crashes that
// lose what was not committed), played against the real scheduler; invariants after each step; at the end everything settles.
#include <map>
#include <set>

#include "policies/vocabulary/random.h"
#include "tests/fleet/scheduler/fleet_of_three.h"

namespace tests::scheduling {
namespace {
using namespace std::chrono_literals;

constexpr std::uint64_t truth = 42;

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), seed_(seed) {
    for (int i = 0; i < 9; ++i) {
      MachineFacts facts = machine("m" + std::to_string(i), "owner" + std::to_string(i % 6));
      facts.queue_max = 1 + static_cast<std::uint32_t>(random_.below(4));
      liar_[facts.machine] = i == 8;
      room_.add(facts);
    }
  }

  void play() {
    for (int step = 0; step < 600 && !::testing::Test::HasFatalFailure(); ++step) {
      now_ += Duration(random_.below(120000));
      act();
      check();
    }
    finish();
  }

 private:
  void act() {
    switch (random_.below(12)) {
      case 0: submit(); break;
      case 1:
      case 2:
      case 3: take(room_.scheduler.assign(any_machine(), now_, room_.batch)); commit(); break;
      case 4: take(room_.scheduler.schedule(now_, random_.below(1000), room_.batch)); commit(); break;
      case 5:
      case 6:
      case 7:
      case 8: report(); break;
      case 9: hear(room_.scheduler.expire(now_, room_.batch)); commit(); break;
      case 10: rare(); break;
      default: settle(); break;
    }
  }

  void rare() {
    switch (random_.below(5)) {
      case 0: hear(room_.scheduler.give_up_machine(any_machine(), now_, room_.batch)); commit(); break;
      case 1: steer(&Scheduler::resume); break;
      case 2:
        if (!jobs_.empty()) {
          Result<Consequences> out = room_.scheduler.stop(jobs_[random_.below(jobs_.size())], "test", now_, room_.batch);
          if (out) hear(*out);
        }
        commit();
        break;
      case 3:
        if (random_.below(3) == 0) steer(&Scheduler::remove);
        break;
      default: crash(); break;
    }
  }

  void steer(Result<Consequences> (Scheduler::*change)(const JobId&, Instant, Batch&)) {
    if (jobs_.empty()) return;
    const Result<Consequences> out = (room_.scheduler.*change)(jobs_[random_.below(jobs_.size())], now_, room_.batch);
    if (out) hear(*out);
    commit();
  }

  void submit() {
    const Result<JobId> job = room_.scheduler.submit(job_of(1 + random_.below(12), 1.0 + static_cast<double>(random_.below(5)) / 2), now_, room_.batch);
    ASSERT_TRUE(job.has_value());
    jobs_.push_back(*job);
    commit();
  }

  void take(const std::vector<Assignment>& given) {
    for (const Assignment& assignment : given) pending_given_.push_back(assignment);
  }
  void hear(const Consequences& out) {
    for (const Copy& copy : out.accepted) pending_accepted_.push_back(copy);
  }

  // The daemon acts on what is durable; a crash before the commit undoes it all.
  void commit() {
    if (random_.below(25) == 0) return crash();
    room_.keep();
    for (const Assignment& assignment : pending_given_) {
      ASSERT_TRUE(given_.emplace(assignment.assignment, assignment).second) << "seed " << seed_ << ": " << assignment.assignment.text << " given twice";
      out_.push_back(assignment);
    }
    for (const Copy& copy : pending_accepted_) {
      ASSERT_TRUE(accepted_.emplace(copy.assignment, copy).second) << "seed " << seed_ << ": " << copy.assignment.text << " accepted twice";
      occupied_[{copy.machine, copy.owner}] += copy.occupied_ms;
    }
    for (const WorkDone& work : pending_work_) {
      std::uint64_t& settled = settled_[{work.machine, work.owner}];
      ASSERT_EQ(work.occupied_ms_before, settled) << "seed " << seed_;
      settled = work.occupied_ms_after;
    }
    forget_pending();
  }

  void crash() {
    forget_pending();
    room_.restart();
    std::erase_if(jobs_, [this](const JobId& job) { return !room_.scheduler.job(job).has_value(); });
  }

  void forget_pending() {
    pending_given_.clear();
    pending_accepted_.clear();
    pending_work_.clear();
  }

  void report() {
    if (out_.empty()) return;
    const std::size_t index = random_.below(out_.size());
    const Assignment assignment = out_[index];
    const std::uint64_t luck = random_.below(20);
    Report said = done(assignment, liar_[assignment.machine] ? random_.below(5) : truth, now_ - 60s, now_ - 60s + Duration(random_.below(60000)));
    if (luck == 0) said = word(assignment, ReportKind::Stopped, "owner");
    if (luck == 1) said = word(assignment, ReportKind::Refused, "full");
    if (luck == 2) said = word(assignment, ReportKind::Running, "");
    const Result<Consequences> out = room_.scheduler.report(said, now_, room_.batch);
    // Only a removed job's assignments are unknown.
    if (!out) {
      ASSERT_EQ(out.error().code, ErrorCode::NotFound) << "seed " << seed_ << " " << out.error().text();
    } else {
      hear(*out);
    }
    commit();
    // Now and then a word is said again, later: a retransmission.
    if (random_.below(4) != 0 && index < out_.size()) out_.erase(out_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void settle() {
    pending_work_ = room_.scheduler.settle(room_.batch).work;
    commit();
  }

  MachineId any_machine() { return room_.machines[random_.below(room_.machines.size())].machine; }

  void check() {
    for (const MachineFacts& facts : room_.machines) {
      const std::vector<Copy> held = room_.scheduler.held_by(facts.machine);
      ASSERT_LE(held.size(), facts.queue_max) << "seed " << seed_;
    }
    for (const JobId& job : jobs_) {
      const JobView view = *room_.scheduler.job(job);
      const std::vector<TaskView> tasks = room_.scheduler.tasks(job, 0, 1000);
      ASSERT_EQ(view.tasks.total(), tasks.size()) << "seed " << seed_;
      for (const TaskView& task : tasks) check(view, task);
    }
  }

  void check(const JobView& job, const TaskView& task) {
    std::multiset<PartyId> voices;
    std::size_t accepted = 0;
    for (const Copy& copy : task.copies) {
      if (copy.state == CopyState::Assigned || copy.state == CopyState::Reported || copy.state == CopyState::Accepted || copy.state == CopyState::Rejected)
        voices.insert(copy.owner);
      if (copy.state != CopyState::Accepted) continue;
      ++accepted;
      ASSERT_EQ(copy.result_digest, task.result_digest) << "seed " << seed_;
    }
    for (const PartyId& owner : voices) ASSERT_EQ(voices.count(owner), 1U) << "seed " << seed_ << ": one owner has two voices in " << job.job.text << "/" << task.number;
    ASSERT_EQ(task.state == TaskState::Done, accepted > 0) << "seed " << seed_;
    // One liar cannot make a checked task wrong.
    if (task.state == TaskState::Done && job.copies >= 2) {
      ASSERT_EQ(task.result_digest, digest_of(truth)) << "seed " << seed_;
    }
  }

  // Honest machines end whatever is open; then every accepted millisecond was settled exactly once.
  void finish() {
    for (const JobId& job : jobs_) static_cast<void>(room_.scheduler.resume(job, now_, room_.batch).has_value());
    room_.keep();
    for (int round = 0; round < 2000; ++round) {
      now_ += 90min;
      hear(room_.scheduler.expire(now_, room_.batch));
      for (const Assignment& assignment : room_.scheduler.schedule(now_, 1, room_.batch)) {
        const Result<Consequences> out = room_.scheduler.report(done(assignment, truth, now_, now_ + 1s), now_ + 1s, room_.batch);
        ASSERT_TRUE(out.has_value());
        hear(*out);
      }
      room_.keep();
      for (const Copy& copy : pending_accepted_) {
        ASSERT_TRUE(accepted_.emplace(copy.assignment, copy).second) << "seed " << seed_;
        occupied_[{copy.machine, copy.owner}] += copy.occupied_ms;
      }
      forget_pending();
      bool open = false;
      for (const JobView& view : room_.scheduler.jobs()) open = open || view.state == JobState::Running;
      if (!open) break;
    }
    for (const JobView& view : room_.scheduler.jobs()) ASSERT_NE(view.state, JobState::Running) << "seed " << seed_ << ": " << view.job.text << " never ends";
    room_.restart();
    for (const WorkDone& work : room_.scheduler.settle(room_.batch).work) settled_[{work.machine, work.owner}] = work.occupied_ms_after;
    std::erase_if(occupied_, [](const auto& item) { return item.second == 0; });
    std::erase_if(settled_, [](const auto& item) { return item.second == 0; });
    ASSERT_EQ(settled_, occupied_) << "seed " << seed_;
    ASSERT_FALSE(accepted_.empty()) << "seed " << seed_;
  }

  using WorkKey = std::pair<MachineId, PartyId>;
  Random random_;
  std::uint64_t seed_;
  Room room_;
  Instant now_ = start;
  std::map<MachineId, bool> liar_;
  std::vector<JobId> jobs_;
  std::vector<Assignment> out_;
  std::map<AssignmentId, Assignment> given_;
  std::map<AssignmentId, Copy> accepted_;
  std::map<WorkKey, std::uint64_t> occupied_;
  std::map<WorkKey, std::uint64_t> settled_;
  std::vector<Assignment> pending_given_;
  std::vector<Copy> pending_accepted_;
  std::vector<WorkDone> pending_work_;
};

TEST(SchedulerHistories, AcceptOncePayOnceAndCheckByAnotherOwner) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFatalFailure(); ++seed) History(seed).play();
}

TEST(SchedulerHistories, AreTheSameForTheSameCalls) {
  const auto run = [] {
    Room room;
    for (int i = 0; i < 5; ++i) room.add(machine("m" + std::to_string(i), "o" + std::to_string(i)));
    room.submit(job_of(30, 2));
    std::string trace;
    for (std::uint64_t round = 0; round < 20; ++round)
      for (const Assignment& given : room.scheduler.schedule(start + Duration(round), round, room.batch)) {
        trace += given.assignment.text + ">" + given.machine.text + " ";
        room.report(done(given, 1, start, start), start + Duration(round));
      }
    return trace;
  };
  EXPECT_EQ(run(), run());
  EXPECT_FALSE(run().empty());
}

TEST(SchedulerHistories, DispatchDoesNotWalkTwoHundredThousandTasks) {
  // Work is counted in records written, not in time: each step writes what it changes, however long the queue.
  Room room;
  for (int i = 0; i < 20; ++i) room.add(machine("m" + std::to_string(i), "o" + std::to_string(i)));
  room.submit(job_of(200000, 2));
  std::size_t given = 0;
  for (int round = 0; round < 500; ++round)
    for (const Assignment& assignment : room.scheduler.schedule(start, static_cast<std::uint64_t>(round), room.batch)) {
      ++given;
      static_cast<void>(room.scheduler.report(done(assignment, 1, start, start), start, room.batch).has_value());
    }
  EXPECT_EQ(given, 500U * 20U * 4U);
  // One record when given, one when reported or decided twice, one per task done, one for the job.
  EXPECT_LE(room.batch.size(), given * 3 + given / 2 + 10);
}

}  // namespace
}  // namespace tests::scheduling
