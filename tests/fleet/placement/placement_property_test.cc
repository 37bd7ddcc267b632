// Goal: whatever machines do and whenever the controller dies, no object is lost while k of its shards exist, owners never hold two
// shards of one object, and what lies on machines reconciles with the records to the byte. Method: random histories from seeds.
#include "policies/vocabulary/random.h"
#include "tests/fleet/placement/hosts.h"

namespace tests::placing {
namespace {
using namespace std::chrono_literals;

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), seed_(seed) {
    for (int i = 0; i < 12; ++i) world_.add(host("m" + std::to_string(i), "owner" + std::to_string(i % 8)));
  }

  void play() {
    for (int step = 0; step < 400 && !::testing::Test::HasFatalFailure(); ++step) {
      world_.now += Duration(random_.below(400000));
      act();
      check();
    }
    finish();
  }

 private:
  void act() {
    switch (random_.below(14)) {
      case 0: add(); break;
      case 1: if (random_.below(4) == 0) remove(); break;
      case 2: toggle(); break;
      case 3: rare(); break;
      case 4: reconcile(any_machine()); break;
      case 5: if (!objects_.empty()) static_cast<void>(world_.placement.retrieve(objects_[random_.below(objects_.size())], world_.now).has_value()); break;
      case 6: if (random_.below(3) == 0) world_.restart(); break;
      case 7:
      case 8: plan(); break;
      default: answer(); break;
    }
  }

  void rare() {
    const MachineId machine = any_machine();
    switch (random_.below(4)) {
      case 0:
        // At most one machine is given up while objects of 2-of-5 recover: more would be a loss that no code survives.
        if (!is_calm()) return;
        world_.placement.give_up_machine(machine, world_.now, world_.batch);
        world_.keep();
        break;
      case 1: world_.placement.drain(machine); break;
      case 2: world_.placement.stop_draining(machine); break;
      default: {
        if (!is_calm()) return;
        // A disk loses everything and the machine says so.
        world_.vaults[machine].clear();
        waiting_.clear();
        reconcile(machine);
      }
    }
  }

  bool is_calm() {
    for (const ObjectId& id : objects_)
      if (world_.placement.object(id)->held + 1 < world_.placement.object(id)->total_shards) return false;
    return true;
  }

  void add() {
    const std::string name = "obj" + std::to_string(++made_);
    ASSERT_TRUE(world_.placement.add(object_of(name, 2, 5, 1 + random_.below(3 << 20)), world_.now, world_.batch).has_value());
    world_.keep();
    objects_.push_back(ObjectId(name));
  }
  void remove() {
    if (objects_.empty()) return;
    const std::size_t index = random_.below(objects_.size());
    ASSERT_TRUE(world_.placement.remove(objects_[index], world_.now, world_.batch).has_value());
    world_.keep();
    objects_.erase(objects_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  void toggle() {
    const MachineId machine = any_machine();
    world_.set_online(machine.text, !world_.machines[machine].online);
  }
  void reconcile(const MachineId& machine) {
    if (!world_.machines[machine].online) return;
    // The inventory is as of now: orders that the machine did not carry out yet are not in it.
    world_.placement.reconcile(machine, world_.inventory(machine.text), world_.now, world_.batch);
    world_.keep();
  }
  void plan() {
    const Orders orders = world_.plan();
    for (const ShardMove& move : orders.moves) waiting_.push_back(move);
    for (const Rebuild& rebuild : orders.rebuilds)
      if (random_.below(5) != 0) {
        for (const ShardOrder& shard : rebuild.missing) static_cast<void>(world_.placement.rebuilt(rebuild.object, shard.index, world_.batch).has_value());
        world_.keep();
      }
  }
  // One machine carries out its oldest order, or says that it cannot.
  void answer() {
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      const ShardMove move = waiting_[i];
      if (!world_.machines[move.machine].online) continue;
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      if (move.kind == OrderKind::Store && random_.below(8) == 0)
        world_.say(move, random_.below(2) == 0 ? StatusKind::Refused : StatusKind::Failed);
      else
        world_.obey(move);
      return;
    }
  }

  MachineId any_machine() { return MachineId("m" + std::to_string(random_.below(world_.machines.size()))); }

  void check() {
    for (const ObjectId& id : objects_) {
      const ObjectView view = *world_.placement.object(id);
      ASSERT_NE(view.state, ObjectState::Lost) << "seed " << seed_ << " " << id.text;
      std::map<PartyId, std::uint32_t> owners;
      for (const ShardView& shard : view.shards)
        for (const Holding& holding : shard.holdings) {
          if (holding.state == HoldingState::Deleting) continue;
          const auto [found, added] = owners.emplace(world_.machines[holding.machine].owner, shard.index);
          ASSERT_EQ(found->second, shard.index) << "seed " << seed_ << ": one owner has two shards of " << id.text;
        }
    }
    for (const auto& [machine, facts] : world_.machines) ASSERT_LE(world_.placement.allocated_on(machine), facts.room) << "seed " << seed_;
  }

  // Everybody is well: every object becomes whole on five distinct owners, and vaults hold exactly what the records say.
  void finish() {
    for (const auto& [machine, facts] : world_.machines) {
      world_.placement.stop_draining(machine);
      world_.set_online(machine.text, true);
    }
    for (const ShardMove& move : waiting_) world_.obey(move);
    for (int round = 0; round < 60; ++round) {
      world_.now += 20min;
      for (const auto& [machine, facts] : world_.machines) reconcile(machine);
      world_.obey(world_.plan());
    }
    for (const ObjectId& id : objects_) {
      const ObjectView view = *world_.placement.object(id);
      ASSERT_EQ(view.state, ObjectState::Stored) << "seed " << seed_ << " " << id.text;
      std::set<PartyId> owners;
      for (const ShardView& shard : view.shards) {
        ASSERT_EQ(shard.holdings.size(), 1U) << "seed " << seed_ << " " << shard.shard.text;
        ASSERT_FALSE(shard.spooled) << "seed " << seed_;
        owners.insert(world_.machines[shard.holdings[0].machine].owner);
        ASSERT_EQ(world_.vaults[shard.holdings[0].machine].at(shard.shard), shard.digest) << "seed " << seed_;
      }
      ASSERT_EQ(owners.size(), 5U) << "seed " << seed_ << " " << id.text;
    }
    ASSERT_EQ(world_.placement.objects().size(), objects_.size()) << "seed " << seed_;
    for (const auto& [machine, vault] : world_.vaults) {
      ASSERT_EQ(vault.size(), world_.placement.shards_on(machine).size()) << "seed " << seed_ << " " << machine.text;
      std::size_t open = 0;
      for (const Allocation& allocation : world_.placement.allocations_of(machine)) open += allocation.until ? 0U : 1U;
      ASSERT_EQ(open, vault.size()) << "seed " << seed_;
    }
  }

  Random random_;
  std::uint64_t seed_;
  World world_;
  int made_ = 0;
  std::vector<ObjectId> objects_;
  std::vector<ShardMove> waiting_;
};

TEST(PlacementHistories, LoseNothingAndReconcileToTheByte) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFatalFailure(); ++seed) History(seed).play();
}

TEST(PlacementHistories, AreTheSameForTheSameCallsInWhateverOrderMachinesAreTold) {
  const auto run = [](bool backwards) {
    World world;
    for (int i = 0; i < 10; ++i) {
      const std::string name = std::to_string(backwards ? 9 - i : i);
      world.add(host("m" + name, "o" + name));
    }
    std::string trace;
    for (int i = 0; i < 20; ++i) {
      world.put(object_of("obj" + std::to_string(i), 2, 4));
      const Orders orders = world.plan();
      for (const ShardMove& move : orders.moves) trace += move.shard.text + ">" + move.machine.text + " ";
      world.obey(orders);
    }
    return trace;
  };
  EXPECT_EQ(run(false), run(true));
}

}  // namespace
}  // namespace tests::placing
