// What must hold: all the time, and at the end.
#include <gtest/gtest.h>

#include "policies/terms/lease_window.h"
#include "tests/simulation/fleet_world.h"
#include "tests/simulation/thing.h"

namespace simulation {
namespace {

using namespace std::chrono_literals;

}  // namespace

std::set<std::string> FleetWorld::digests_at(const Machine& machine) {
  if (gone_.contains(&machine)) return {};
  if (!machine.is_on()) return last_held_[machine.id()];
  std::set<std::string> digests;
  for (const agent::vault::HeldShard& shard : machine.shards()) digests.insert(shard.digest.text);
  return digests;
}

// No task runs outside the agreed window, by the clocks where the machine stands.
void FleetWorld::task_ran(const MachineId& machine, const AssignmentId& assignment, Instant from, Instant to) {
  for (const auto& candidate : machines_) {
    if (candidate->id() != machine) continue;
    const agent::contract::Voucher& voucher = candidate->identity().voucher_facts;
    const policies::terms::Terms& terms = **rules_.find_terms(voucher.terms);
    const Duration open = policies::terms::open_time(terms.processor_hours, **zones_.zone(voucher.zone), {from, to});
    EXPECT_EQ(open.count(), (to - from).count()) << assignment.text << " ran on " << voucher.serial << " from " << text_of(from) << " to " << text_of(to)
                                                 << ", partly outside " << terms.processor_hours.text() << " in " << voucher.zone;
  }
}

void FleetWorld::check_hourly() {
  check_results_stay();
  check_objects_stay_readable();
  check_silent_and_declined();
  if (timeline_.now().time_since_epoch() % 24h == 0h) check_ledger();
}

// A result that was once told stays, with the bytes that anybody would compute.
void FleetWorld::check_results_stay() {
  if (!controller_->is_up()) return;
  for (const auto& [job, parameters] : jobs_) {
    std::map<std::uint32_t, std::string>& known = results_[job];
    if (known.size() == parameters.size()) continue;
    for (const fleet::scheduler::TaskView& task : controller_->operations().scheduler().tasks(JobId(job), 0, 100'000)) {
      if (task.state != fleet::scheduler::TaskState::Done) {
        EXPECT_FALSE(known.contains(task.number)) << "task " << task.number << " of " << job << " was done and is not any more";
        continue;
      }
      const std::string wanted = images::keys::sha256(Machine::result_of(parameters[task.number])).text;
      EXPECT_EQ(task.result_digest, wanted) << "task " << task.number << " of " << job;
      known[task.number] = task.result_digest;
    }
  }
}

// What was acknowledged can be read while its machines live: at least k shards exist on machines that are not gone, or in the spool.
void FleetWorld::check_objects_stay_readable() {
  std::map<std::string, int> copies;
  for (const auto& machine : machines_)
    for (const std::string& digest : digests_at(*machine)) ++copies[digest];
  for (const auto& [id, thing] : things_) {
    std::size_t there = 0;
    for (const fleet::objects::ShardFacts& shard : thing.shards) there += copies.contains(shard.digest.text) || controller_->elements().size(shard.digest) ? 1 : 0;
    EXPECT_GE(there, thing.code.data) << id << " can no longer be read at " << text_of(timeline_.now());
  }
}

// Who never answered, or said no, furnishes nothing.
void FleetWorld::check_silent_and_declined() {
  for (int number = 0; number < plan_.silent + plan_.declining; ++number)
    EXPECT_TRUE(digests_at(*machines_[static_cast<std::size_t>(number)]).empty()) << "machine " << number << " never agreed and holds shards";
}

void FleetWorld::check_ledger() {
  const auto verified = fleet::ledger::Journal::verify(controller_->store());
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_TRUE(verified->balanced) << verified->first_fault;
  EXPECT_TRUE(verified->chain_intact) << verified->first_fault;
}

// Paid once: for each machine the settlements join end to end, and sum to what was accepted from it.
void FleetWorld::check_pay() {
  std::map<std::string, std::int64_t> settled;
  std::set<std::string> natural_keys;
  const auto entries = fleet::ledger::Journal::entries(controller_->store(), 1, 1'000'000);
  ASSERT_TRUE(entries) << entries.error().text();
  for (const fleet::ledger::Entry& entry : *entries) {
    EXPECT_TRUE(natural_keys.insert(entry.draft.natural_key).second) << entry.draft.natural_key << " is booked twice";
    if (!entry.draft.natural_key.starts_with("work:")) continue;
    const std::string payee = entry.draft.natural_key.substr(0, entry.draft.natural_key.rfind(':'));
    EXPECT_EQ(entry.draft.measurement.quantity("occupied_ms_before").value_or(-1), settled[payee]) << entry.draft.natural_key;
    settled[payee] = entry.draft.measurement.quantity("occupied_ms_after").value_or(-1);
  }
  std::map<std::string, std::int64_t> accepted;
  for (const auto& [job, parameters] : jobs_)
    for (const fleet::scheduler::TaskView& task : controller_->operations().scheduler().tasks(JobId(job), 0, 100'000))
      for (const fleet::scheduler::Copy& copy : task.copies)
        if (copy.state == fleet::scheduler::CopyState::Accepted)
          accepted["work:" + copy.machine.text + ":" + copy.owner.text] += static_cast<std::int64_t>(copy.occupied_ms);
  for (const auto& [payee, milliseconds] : settled) EXPECT_LE(milliseconds, accepted[payee]) << payee << " was paid for more than was accepted";
  EXPECT_FALSE(settled.empty()) << "nobody was paid for anything";
}

// Every object is read back as a client would, from what machines hold.
void FleetWorld::check_objects_read_back() {
  std::map<std::string, std::string> bytes_by_digest;
  for (const auto& [id, thing] : things_) {
    const auto view = controller_->operations().object(thing.client, ObjectId(id));
    ASSERT_TRUE(view) << view.error().text();
    EXPECT_NE(view->state, fleet::placement::ObjectState::Lost) << id;
    EXPECT_NE(view->state, fleet::placement::ObjectState::Spooled) << id << " was never placed";
  }
}

void FleetWorld::check_at_the_end() {
  // A quiet week: nobody vanishes, the controller lives, and everything that was begun comes to its end.
  for (int hour = 0; hour < 24 * 7 && !testing::Test::HasFailure(); ++hour) {
    happenings_ += timeline_.run_until(timeline_.now() + 1h);
    check_hourly();
  }
  check_ledger();
  check_pay();
  check_objects_read_back();
  EXPECT_EQ(jobs_.size(), static_cast<std::size_t>(plan_.jobs));
  for (const auto& [job, parameters] : jobs_) EXPECT_EQ(results_[job].size(), parameters.size()) << job << " did not end";
  for (int number = plan_.silent; number < plan_.silent + plan_.declining; ++number)
    EXPECT_TRUE(machines_[static_cast<std::size_t>(number)]->disk_given_back()) << "machine " << number << " declined and still has its lease partition";
}

}  // namespace simulation
