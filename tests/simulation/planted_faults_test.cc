// Goal: the invariants of the simulation can fail, and a seed repeats. Method: a small fleet lives well; then one fault that the
// design does not bear is planted, and the check that is there for it must say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/fleet_world.h"

namespace simulation {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

Plan small_plan() {
  Plan plan;
  plan.machines = 12;
  plan.days = 6;
  plan.quiet_days = 1;
  plan.silent = 1;
  plan.declining = 1;
  plan.lying = 0;
  plan.vanishing = 0;
  plan.objects = 3;
  plan.objects_removed = 0;
  plan.jobs = 2;
  plan.tasks_a_job = 12;
  return plan;
}

void roll_back(tests::fakes::MemoryStore& store, const tests::fakes::MemoryStore& to, fleet::store::Table table) {
  tests::fakes::MemoryStore older(to);
  fleet::store::Batch batches[1];
  static_cast<void>(store.scan(table, "", [&](std::string_view key, std::string_view) { batches[0].push_back({table, std::string(key), {}}); }).has_value());
  static_cast<void>(older.scan(table, "", [&](std::string_view key, std::string_view value) {
    batches[0].push_back({table, std::string(key), std::string(value)});
  }).has_value());
  ASSERT_TRUE(store.commit(batches));
}

class PlantedFault : public testing::Test {
 protected:
  void live_well(Duration span) {
    world.live(span);
    ASSERT_THAT(world.findings(), IsEmpty());
  }
  void expect_finding(const std::string& words) const { EXPECT_THAT(world.findings(), Contains(HasSubstr(words))); }

  FleetWorld world{small_plan()};
};

TEST_F(PlantedFault, TaskThatWorksOnInTheMorningIsFound) {
  for (int number = 0; number < world.plan().machines; ++number) world.machine(number).become_deaf();
  world.live(24h * 6);
  expect_finding("partly outside 23:00-07:00");
}

TEST_F(PlantedFault, TaskThatWorksOnThoughItsOwnerPausedItIsFound) {
  for (int number = 0; number < world.plan().machines; ++number) world.machine(number).become_deaf();
  live_well(24h * 3);
  for (int hour = 0; hour < 48 && world.findings().empty(); ++hour) {
    for (int number = 0; number < world.plan().machines; ++number) world.machine(number).set_pause(hour % 2 == 0);
    world.live(1h);
  }
  expect_finding("although its owner had paused work");
}

TEST_F(PlantedFault, ResultThatTheControllerForgetsIsFound) {
  std::unique_ptr<tests::fakes::MemoryStore> before;
  while (world.figures().tasks_done == 0 && world.timeline().now() < world.timeline().beginning() + 24h * 6) {
    before = std::make_unique<tests::fakes::MemoryStore>(world.controller().store());
    live_well(1h);
  }
  // Only what is known of tasks grows old; the rest stays as it is.
  tests::fakes::MemoryStore forgetful(world.controller().store());
  for (const auto table : {fleet::store::Table::Jobs, fleet::store::Table::Tasks, fleet::store::Table::Assignments})
    roll_back(forgetful, *before, table);
  world.controller().restore(forgetful);
  world.live(1h);
  expect_finding("was done and is not any more");
}

TEST_F(PlantedFault, ResultThatIsWrongIsFound) {
  for (int number = 0; number < world.plan().machines; ++number) world.machine(number).lie();
  world.live(24h * 6);
  expect_finding("has a wrong result");
}

TEST_F(PlantedFault, ShardsThatAreLostOnTooManyMachinesAreFound) {
  live_well(24h * 5);
  for (int number = 0; number < world.plan().machines; ++number) world.machine(number).lose_vault();
  world.live(2h);
  expect_finding("can no longer be read: 0 of its shards exist");
}

TEST_F(PlantedFault, MachineThatFurnishesWithoutConsentIsFound) {
  for (const int number : {0, 1}) world.machine(number).answer_terms(agent::contract::Choice::Accepted);
  world.live(24h * 6);
  // Either of them, whichever is given a shard first.
  expect_finding(" never agreed and holds shards");
}

TEST_F(PlantedFault, LedgerThatWasAlteredIsFound) {
  live_well(24h * 3);
  tests::fakes::MemoryStore& store = world.controller().store();
  fleet::ledger::Entry entry = *fleet::ledger::Journal::entry(store, 1);
  entry.draft.postings.front().amount += Money(1, entry.draft.postings.front().amount.currency());
  store.tamper(fleet::store::Table::Ledger, "000000000001", text_of(entry));
  world.live(24h);
  expect_finding("the journal is broken: entry 000000000001");
}

TEST_F(PlantedFault, WorkThatIsPaidTwiceIsFound) {
  live_well(24h * 6);
  world.come_to_rest();
  ASSERT_THAT(world.findings(), IsEmpty());
  tests::fakes::MemoryStore& store = world.controller().store();
  fleet::ledger::Journal journal(Currency{"USD"});
  ASSERT_TRUE(journal.load(store));
  const auto entries = fleet::ledger::Journal::entries(store, 1, 100'000);
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    if (!entry->draft.natural_key.starts_with("work:")) continue;
    fleet::ledger::Draft again = entry->draft;
    again.natural_key += "0";
    fleet::store::Batch batches[1];
    ASSERT_TRUE(journal.book(again, world.timeline().now(), batches[0]));
    ASSERT_TRUE(store.commit(batches));
    break;
  }
  world.check_end();
  expect_finding("pays again for what was settled before");
  expect_finding(" and is owed ");
}

TEST_F(PlantedFault, WorkThatNobodyDoesIsFound) {
  for (int number = 0; number < world.plan().machines; ++number) world.machine(number).vanish();
  live_well(24h * 6);
  world.check_end();
  expect_finding("did not end");
  expect_finding("is not whole: spooled");
  expect_finding("has not got the disk back");
  expect_finding("nobody was paid");
}

TEST_F(PlantedFault, ObjectThatDoesNotReadBackIsFound) {
  live_well(24h * 5);
  for (int number = 0; number < world.plan().machines; ++number) world.machine(number).vanish();
  world.check_end();
  expect_finding("cannot be read back");
}

TEST_F(PlantedFault, ShardThatNobodyCountsOnIsFound) {
  live_well(24h * 5);
  world.controller().die();
  roll_back(world.controller().store(), tests::fakes::MemoryStore(), fleet::store::Table::Objects);
  roll_back(world.controller().store(), tests::fakes::MemoryStore(), fleet::store::Table::Shards);
  world.controller().start();
  world.check_end();
  expect_finding("are counted on");
}

TEST(SimulationSeed, RepeatsItsWorldExactly) {
  const auto figures_of = [](std::uint64_t seed) {
    Plan plan = small_plan();
    plan.seed = seed;
    FleetWorld world(plan);
    world.live(24h * 5);
    return world.figures();
  };
  EXPECT_EQ(figures_of(5), figures_of(5));
  EXPECT_NE(figures_of(5), figures_of(6));
}

}  // namespace
}  // namespace simulation
