// Goal: each rule by which shards are placed, read back, rebuilt, moved and freed. Method: a few hosts in a made-up world that obey, stay
// silent or fail as the test says.
#include "fleet/placement/placement.h"

#include <set>

#include "tests/fleet/placement/hosts.h"

namespace tests::placing {
namespace {
using namespace std::chrono_literals;

struct FourOwners : World {
  FourOwners() {
    for (const char* name : {"a", "b", "c", "d"}) add(host(name, std::string("owner-") + name));
  }
};

TEST(Placement, PutsShardsOnDistinctMachinesOfDistinctOwners) {
  World world;
  world.add(host("a", "alice"));
  world.add(host("a2", "alice"));
  world.add(host("b", "bob"));
  world.add(host("c", "carol"));
  world.put(object_of("o", 2, 3));
  const Orders orders = world.plan();
  ASSERT_EQ(orders.moves.size(), 3U);
  std::set<PartyId> owners;
  for (const ShardMove& move : orders.moves) {
    EXPECT_EQ(move.kind, OrderKind::Store);
    owners.insert(world.machines[move.machine].owner);
  }
  EXPECT_EQ(owners.size(), 3U);
  world.obey(orders);
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, KeepsTheSpoolUntilEveryShardIsHeld) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  const Orders orders = world.plan();
  world.obey(orders.moves[0]);
  world.obey(orders.moves[1]);
  EXPECT_EQ(world.object("o").state, ObjectState::Spooled);
  EXPECT_TRUE(world.plan().spool_free.empty());
  world.obey(orders.moves[2]);
  const Orders after = world.plan();
  EXPECT_EQ(after.spool_free.size(), 3U);
  EXPECT_EQ(after.changed, std::vector<ObjectId>{ObjectId("o")});
  EXPECT_FALSE(world.placement.spool_needs(object_of("o", 2, 3).shards[0].digest));
}

TEST(Placement, WaitsForOwnersWhenThereAreTooFew) {
  World world;
  world.add(host("a", "alice"));
  world.add(host("b", "bob"));
  world.put(object_of("o", 2, 3));
  world.settle();
  EXPECT_EQ(world.object("o").state, ObjectState::Spooled);
  EXPECT_EQ(world.object("o").held, 2U);
  world.add(host("c", "carol"));
  world.settle();
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, UsesOnlyLeasedOnlineMachinesWithRoomAndTime) {
  const std::vector<std::pair<std::string, std::function<void(MachineFacts&)>>> faults = {
      {"not leased", [](MachineFacts& facts) { facts.leased = false; }},
      {"offline", [](MachineFacts& facts) { facts.online = false; }},
      {"full", [](MachineFacts& facts) { facts.room = kibibytes(100); }},
      {"lease ends soon", [](MachineFacts& facts) { facts.lease_ends_at = start + 24h * 13; }},
  };
  for (const auto& [name, fault] : faults) {
    World world;
    world.add(host("a", "alice"));
    MachineFacts facts = host("b", "bob");
    fault(facts);
    world.add(facts);
    world.put(object_of("o", 1, 2));
    EXPECT_EQ(world.plan().moves.size(), 1U) << name;
    world.add(host("b", "bob"));
    EXPECT_EQ(world.plan().moves.size(), 1U) << name;
  }
}

TEST(Placement, PrefersAnotherNetwork) {
  World world;
  for (const auto& [name, network] : std::map<std::string, std::string>{{"a", "n1"}, {"b", "n1"}, {"c", "n1"}, {"d", "n2"}}) {
    MachineFacts facts = host(name, "owner-" + name);
    facts.network = network;
    world.add(facts);
  }
  for (int i = 0; i < 10; ++i) {
    const std::string name = "o" + std::to_string(i);
    world.put(object_of(name, 1, 2));
    world.settle();
    EXPECT_TRUE(world.holders(name).contains("d")) << name;
  }
}

TEST(Placement, ReadsBackFromMachinesThatAreOnlineAndLetsGoAfterwards) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  world.set_online(*world.holders("o").begin(), false);
  Result<Retrieval> retrieval = world.placement.retrieve(ObjectId("o"), world.now);
  ASSERT_TRUE(retrieval.has_value());
  EXPECT_EQ(retrieval->waiting, 2U);
  const Orders orders = world.plan();
  EXPECT_EQ(orders.moves.size(), 2U);
  EXPECT_TRUE(world.placement.spool_needs(orders.moves[0].digest));
  world.obey(orders);
  retrieval = world.placement.retrieve(ObjectId("o"), world.now);
  EXPECT_EQ(retrieval->ready.size(), 2U);
  EXPECT_EQ(retrieval->waiting, 0U);
  EXPECT_TRUE(world.plan().spool_free.empty());
  world.now = *world.placement.next_due();
  EXPECT_EQ(world.plan().spool_free.size(), 2U);
}

TEST(Placement, SaysWhenTooFewMachinesAreOnlineToRead) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::set<std::string> holders = world.holders("o");
  world.set_online(*holders.begin(), false);
  world.set_online(*holders.rbegin(), false);
  EXPECT_EQ(world.placement.retrieve(ObjectId("o"), world.now).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(world.object("o").state, ObjectState::Stored) << "offline is not lost";
  EXPECT_TRUE(world.plan().moves.empty());
  EXPECT_EQ(world.placement.retrieve(ObjectId("none"), world.now).error().code, ErrorCode::NotFound);
}

TEST(Placement, AsksAnotherMachineWhenOneDoesNotSend) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  world.set_online(*world.holders("o").begin(), false);
  ASSERT_TRUE(world.placement.retrieve(ObjectId("o"), world.now).has_value());
  const Orders orders = world.plan();
  world.obey(orders.moves[0]);
  world.set_online(*world.holders("o").begin(), true);
  world.say(orders.moves[1], StatusKind::Failed);
  const Orders second = world.plan();
  ASSERT_EQ(second.moves.size(), 1U);
  EXPECT_NE(second.moves[0].machine, orders.moves[1].machine);
}

TEST(Placement, AMachineThatFellSilentUnnoticedDelaysNoReader) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  ASSERT_TRUE(world.placement.retrieve(ObjectId("o"), world.now).has_value());
  const Orders orders = world.plan();
  ASSERT_EQ(orders.moves.size(), 3U) << "one more than the two that are needed";
  world.obey(orders.moves[1]);
  world.obey(orders.moves[2]);
  EXPECT_EQ(world.placement.retrieve(ObjectId("o"), world.now)->waiting, 0U) << "the first machine never answered";
}

TEST(Placement, RebuildsTheShardOfAGivenUpMachineOnTheFourth) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::string lost = *world.holders("o").begin();
  world.set_online(lost, false);
  world.machines[MachineId(lost)].leased = false;
  world.placement.set_machine(world.machines[MachineId(lost)]);
  world.placement.give_up_machine(MachineId(lost), world.now, world.batch);
  world.keep();
  EXPECT_EQ(world.object("o").state, ObjectState::Degraded);
  const Orders fetches = world.plan();
  EXPECT_EQ(fetches.moves.size(), 2U);
  EXPECT_EQ(world.object("o").state, ObjectState::Repairing);
  world.obey(fetches);
  const Orders rebuild = world.plan();
  ASSERT_EQ(rebuild.rebuilds.size(), 1U);
  EXPECT_EQ(rebuild.rebuilds[0].have.size(), 2U);
  EXPECT_EQ(rebuild.rebuilds[0].missing.size(), 1U);
  world.obey(rebuild);
  world.settle();
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
  EXPECT_FALSE(world.holders("o").contains(lost));
  for (const ShardView& shard : world.object("o").shards) EXPECT_FALSE(shard.spooled);

  // It comes back: what it holds is stale and freed.
  world.add(host(lost, "owner-" + lost));
  ASSERT_EQ(world.inventory(lost).size(), 1U);
  world.placement.reconcile(MachineId(lost), world.inventory(lost), world.now, world.batch);
  world.settle();
  EXPECT_TRUE(world.inventory(lost).empty());
  EXPECT_EQ(world.object("o").held, 3U);
}

TEST(Placement, TakesBackAReturnedShardThatNobodyElseHas) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::set<std::string> holders = world.holders("o");
  for (const std::string& name : {*holders.begin(), *holders.rbegin()}) {
    world.placement.give_up_machine(MachineId(name), world.now, world.batch);
    world.set_online(name, false);
  }
  world.plan();
  EXPECT_EQ(world.object("o").state, ObjectState::Lost);
  world.set_online(*holders.begin(), true);
  world.placement.reconcile(MachineId(*holders.begin()), world.inventory(*holders.begin()), world.now, world.batch);
  world.settle();
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, DrainsAMachineBeforeItMayGo) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::string leaving = *world.holders("o").begin();
  world.placement.drain(MachineId(leaving));
  EXPECT_FALSE(world.placement.is_empty(MachineId(leaving)));
  for (int round = 0; round < 10; ++round) {
    world.obey(world.plan());
    EXPECT_EQ(world.object("o").state, ObjectState::Stored) << "a drain never lowers the number of copies";
  }
  EXPECT_TRUE(world.placement.is_empty(MachineId(leaving)));
  EXPECT_TRUE(world.inventory(leaving).empty());
  EXPECT_FALSE(world.holders("o").contains(leaving));
  world.put(object_of("p", 1, 4));
  world.settle();
  EXPECT_FALSE(world.holders("p").contains(leaving)) << "nothing new goes to a machine that leaves";
}

TEST(Placement, RebuildsFromOthersWhatADrainingMachineDoesNotSend) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::string leaving = *world.holders("o").begin();
  world.set_online(leaving, false);
  world.placement.drain(MachineId(leaving));
  world.settle();
  EXPECT_EQ(world.holders("o").size(), 3U);
  EXPECT_FALSE(world.holders("o").contains(leaving));
  EXPECT_TRUE(world.placement.is_empty(MachineId(leaving))) << "all that is left has been told to go";
}

TEST(Placement, GivesAnUnansweredOrderToAnotherMachine) {
  FourOwners world;
  world.put(object_of("o", 1, 2));
  const Orders orders = world.plan();
  world.obey(orders.moves[0]);
  world.now = *world.placement.next_due();
  const Orders again = world.plan();
  std::set<OrderKind> kinds;
  for (const ShardMove& move : again.moves) {
    kinds.insert(move.kind);
    if (move.kind == OrderKind::Store) {
      EXPECT_NE(move.machine, orders.moves[1].machine);
    }
    if (move.kind == OrderKind::Delete) {
      EXPECT_EQ(move.machine, orders.moves[1].machine);
    }
  }
  EXPECT_EQ(kinds, (std::set<OrderKind>{OrderKind::Store, OrderKind::Delete}));
  // The late word of the first does not count it twice.
  world.say(orders.moves[1], StatusKind::Stored);
  world.obey(again);
  world.settle();
  EXPECT_EQ(world.holders("o").size(), 2U);
}

TEST(Placement, GivesARefusedShardToAnotherMachineAndLeavesTheFirstAlone) {
  FourOwners world;
  world.put(object_of("o", 1, 2));
  const Orders orders = world.plan();
  world.obey(orders.moves[0]);
  world.say(orders.moves[1], StatusKind::Refused);
  const Orders again = world.plan();
  ASSERT_EQ(again.moves.size(), 1U);
  EXPECT_NE(again.moves[0].machine, orders.moves[1].machine);
  EXPECT_EQ(world.placement.allocations_of(orders.moves[1].machine).at(0).ended_because.find("the machine did not take it"), 0U);
}

TEST(Placement, RepairsWhatAnInventoryDoesNotList) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::string broken = *world.holders("o").begin();
  world.vaults[MachineId(broken)].clear();
  world.placement.reconcile(MachineId(broken), {}, world.now, world.batch);
  EXPECT_EQ(world.object("o").held, 2U);
  world.settle();
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, DoesNotMissInAnInventoryWhatIsStillOnItsWay) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  const Orders orders = world.plan();
  const MachineId machine = orders.moves[0].machine;
  world.placement.reconcile(machine, {}, world.now, world.batch);
  EXPECT_EQ(world.placement.shards_on(machine).size(), 1U);
  world.obey(orders);
  EXPECT_TRUE(world.plan().moves.empty());
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, TakesAnInventoryForTheAnswerThatWasLost) {
  FourOwners world;
  world.put(object_of("o", 1, 2));
  const Orders orders = world.plan();
  for (const ShardMove& move : orders.moves) {
    world.vaults[move.machine][move.shard] = move.digest;
    world.placement.reconcile(move.machine, world.inventory(move.machine.text), world.now, world.batch);
  }
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, TreatsCorruptShardsAsGone) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  ASSERT_TRUE(world.placement.retrieve(ObjectId("o"), world.now).has_value());
  const Orders orders = world.plan();
  world.say(orders.moves[0], StatusKind::Corrupt);
  EXPECT_EQ(world.object("o").held, 2U);
  world.obey(orders.moves[1]);
  world.obey(orders.moves[2]);
  world.settle();
  EXPECT_EQ(world.object("o").state, ObjectState::Stored);
}

TEST(Placement, DeletesAnObjectEverywhereAndForgetsItOnlyThen) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  const std::string away = *world.holders("o").begin();
  world.set_online(away, false);
  ASSERT_TRUE(world.placement.remove(ObjectId("o"), world.now, world.batch).has_value());
  world.keep();
  EXPECT_TRUE(world.placement.objects_of(PartyId("acme")).empty());
  EXPECT_EQ(world.placement.add(object_of("o", 2, 3), world.now, world.batch).error().code, ErrorCode::AlreadyExists);
  world.obey(world.plan());
  EXPECT_EQ(world.object("o").state, ObjectState::Deleting);
  world.restart();
  world.set_online(away, true);
  world.placement.reconcile(MachineId(away), world.inventory(away), world.now, world.batch);
  world.settle();
  EXPECT_FALSE(world.placement.object(ObjectId("o")).has_value());
  for (const auto& [machine, vault] : world.vaults) EXPECT_TRUE(vault.empty());
  std::size_t records = 0;
  EXPECT_TRUE(world.store.scan(fleet::store::Table::Shards, "", [&](std::string_view, std::string_view) { ++records; }).has_value());
  EXPECT_TRUE(world.store.scan(fleet::store::Table::Objects, "", [&](std::string_view, std::string_view) { ++records; }).has_value());
  EXPECT_EQ(records, 0U);
}

TEST(Placement, RepairsTheMostEndangeredObjectFirst) {
  World world;
  for (int i = 0; i < 8; ++i) world.add(host("m" + std::to_string(i), "o" + std::to_string(i)));
  world.put(object_of("safe", 2, 6));
  world.put(object_of("weak", 2, 3));
  world.settle();
  // One shard of each is gone: 3 above k are left of the one, none of the other.
  std::string shared;
  for (const std::string& name : world.holders("weak"))
    if (world.holders("safe").contains(name)) shared = name;
  ASSERT_FALSE(shared.empty());
  world.placement.give_up_machine(MachineId(shared), world.now, world.batch);
  const Orders orders = world.plan();
  ASSERT_FALSE(orders.moves.empty());
  EXPECT_TRUE(orders.moves.front().shard.text.starts_with("weak/"));
}

TEST(Placement, RecordsWhichPortionOfWhichMachineWasGivenToWhat) {
  FourOwners world;
  world.put(object_of("o", 1, 2));
  world.settle();
  const MachineId holder(*world.holders("o").begin());
  const std::vector<Allocation> open = world.placement.allocations_of(holder);
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].portion, mebibytes(1));
  EXPECT_TRUE(open[0].to.starts_with("shard o/"));
  EXPECT_EQ(open[0].client.text, "acme");
  EXPECT_EQ(open[0].since, start);
  EXPECT_FALSE(open[0].until.has_value());
  EXPECT_EQ(world.placement.allocated_on(holder), mebibytes(1));
  world.now += 1h;
  world.placement.give_up_machine(holder, world.now, world.batch);
  world.keep();
  EXPECT_EQ(world.placement.allocated_on(holder).count, 0U);
  world.restart();
  const std::vector<Allocation> closed = world.placement.allocations_of(holder);
  EXPECT_EQ(closed.at(0).until, std::optional(start + 1h));
  EXPECT_EQ(closed.at(0).ended_because, "the machine was given up");
  EXPECT_EQ(world.placement.allocated_on(holder).count, 0U);
}

TEST(Placement, MeasuresStorageInWholeSecondsAcrossRestarts) {
  FourOwners world;
  world.put(object_of("o", 2, 3));  // 2 data shards of 1,024 KiB
  world.settle();
  world.now += 1h;
  Settlement first = world.placement.settle(world.now, world.batch);
  world.keep();
  ASSERT_EQ(first.used.size(), 1U);
  EXPECT_EQ(first.used[0].kib_seconds_after, 2048U * 3600);
  ASSERT_EQ(first.furnished.size(), 3U);
  EXPECT_EQ(first.furnished[0].kib_seconds_after, 1024U * 3600);
  world.now += 90min;
  world.restart();
  ASSERT_TRUE(world.placement.remove(ObjectId("o"), world.now, world.batch).has_value());
  world.now += 10h;
  const Settlement second = world.placement.settle(world.now, world.batch);
  EXPECT_EQ(second.used.at(0).settlement, 1U);
  EXPECT_EQ(second.used.at(0).kib_seconds_before, 2048U * 3600);
  EXPECT_EQ(second.used.at(0).kib_seconds_after, 2048U * 9000);
  EXPECT_EQ(second.furnished.at(0).kib_seconds_after, 1024U * 9000);
  EXPECT_TRUE(world.placement.settle(world.now, world.batch).used.empty());
}

TEST(Placement, RefusesUnlawfulOrders) {
  const std::vector<std::pair<std::string, std::function<void(ObjectOrder&)>>> faults = {
      {"no id", [](ObjectOrder& order) { order.object = ObjectId(); }},
      {"slash", [](ObjectOrder& order) { order.object = ObjectId("a/b"); }},
      {"no client", [](ObjectOrder& order) { order.client = PartyId(); }},
      {"one host", [](ObjectOrder& order) { order.total_shards = 1; order.data_shards = 1; order.shards.resize(1); }},
      {"k above n", [](ObjectOrder& order) { order.data_shards = 4; }},
      {"no data", [](ObjectOrder& order) { order.data_shards = 0; }},
      {"a shard missing", [](ObjectOrder& order) { order.shards.pop_back(); }},
      {"an index twice", [](ObjectOrder& order) { order.shards[1].index = 0; }},
      {"no digest", [](ObjectOrder& order) { order.shards[1].digest = Digest("x"); }},
      {"empty shard", [](ObjectOrder& order) { order.shards[1].size = Bytes{0}; }},
  };
  for (const auto& [name, fault] : faults) {
    World world;
    ObjectOrder order = object_of("o", 2, 3);
    fault(order);
    const Done added = world.placement.add(order, start, world.batch);
    ASSERT_FALSE(added.has_value()) << name;
    EXPECT_EQ(added.error().code, ErrorCode::InvalidInput) << name;
    EXPECT_TRUE(world.batch.empty()) << name;
  }
}

TEST(Placement, TakesTheSameOrderTwiceAndAnotherNever) {
  World world;
  world.put(object_of("o", 2, 3));
  EXPECT_TRUE(world.placement.add(object_of("o", 2, 3), start, world.batch).has_value());
  EXPECT_TRUE(world.batch.empty());
  EXPECT_EQ(world.placement.add(object_of("o", 1, 2), start, world.batch).error().code, ErrorCode::AlreadyExists);
}

TEST(Placement, WritesNothingWhenThereIsNothingToDo) {
  FourOwners world;
  world.put(object_of("o", 2, 3));
  world.settle();
  world.placement.plan(world.now, 1, world.batch);
  EXPECT_TRUE(world.batch.empty());
  EXPECT_FALSE(world.placement.next_due().has_value());
}

}  // namespace
}  // namespace tests::placing
