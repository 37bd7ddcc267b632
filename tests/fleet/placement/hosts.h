// Hosts that do what they are told, and a placement that can be started again from its store.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fleet/placement/placement.h"
#include "tests/fakes/memory_store.h"

namespace tests::placing {
using namespace fleet::placement;
using fleet::placement::OrderKind;
using fleet::store::Batch;

inline const Instant start = *instant_from("2026-11-21T12:00:00Z");

inline MachineFacts host(const std::string& name, const std::string& owner) {
  MachineFacts facts;
  facts.machine = MachineId(name);
  facts.owner = PartyId(owner);
  facts.leased = true;
  facts.online = true;
  facts.room = mebibytes(100);
  return facts;
}

inline Digest digest_of(std::uint64_t value) {
  const std::string text = std::to_string(value);
  return Digest(std::string(64 - text.size(), '0') + text);
}

inline ObjectOrder object_of(const std::string& name, std::uint32_t k, std::uint32_t n, std::uint64_t size = 1 << 20) {
  ObjectOrder order;
  order.object = ObjectId(name);
  order.client = PartyId("acme");
  order.sealed_facts = "c2VhbGVk";
  order.data_shards = k;
  order.total_shards = n;
  for (std::uint32_t i = 0; i < n; ++i) order.shards.push_back({i, digest_of(std::hash<std::string>{}(name) % 1000000 * 1000 + i), Bytes{size}});
  return order;
}

struct World {
  World() : placement(Settings()) {}

  void add(const MachineFacts& facts) {
    machines[facts.machine] = facts;
    placement.set_machine(facts);
  }
  void set_online(const std::string& name, bool online) {
    machines[MachineId(name)].online = online;
    placement.set_machine(machines[MachineId(name)]);
  }
  void keep() {
    if (!batch.empty()) {
      EXPECT_TRUE(store.commit(std::span<const Batch>(&batch, 1)).has_value());
    }
    batch.clear();
  }
  void restart() {
    batch.clear();
    placement = Placement(Settings());
    const Done loaded = placement.load(store);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
    for (const auto& [id, facts] : machines) placement.set_machine(facts);
  }
  void put(const ObjectOrder& order) {
    const Done added = placement.add(order, now, batch);
    ASSERT_TRUE(added.has_value()) << added.error().text();
    keep();
  }
  Orders plan() {
    Orders orders = placement.plan(now, ++seed, batch);
    keep();
    return orders;
  }
  void say(const ShardMove& move, StatusKind kind) {
    placement.status({move.machine, move.shard, kind, move.digest, move.request, ""}, now, batch);
    keep();
  }
  // What an honest machine that is online does about an order.
  void obey(const ShardMove& move) {
    if (!machines[move.machine].online) return;
    std::map<ShardId, Digest>& vault = vaults[move.machine];
    switch (move.kind) {
      case OrderKind::Store:
        vault[move.shard] = move.digest;
        say(move, StatusKind::Stored);
        break;
      case OrderKind::Send: say(move, vault.contains(move.shard) ? StatusKind::Sent : StatusKind::Missing); break;
      case OrderKind::Delete:
        vault.erase(move.shard);
        say(move, StatusKind::Deleted);
        break;
    }
  }
  void obey(const Orders& orders) {
    for (const ShardMove& move : orders.moves) obey(move);
    for (const Rebuild& rebuild : orders.rebuilds) {
      EXPECT_EQ(rebuild.have.size(), rebuild.data_shards);
      for (const ShardOrder& shard : rebuild.missing) EXPECT_TRUE(placement.rebuilt(rebuild.object, shard.index, batch).has_value());
      keep();
    }
  }
  // Until nothing is left to order.
  void settle() {
    for (int round = 0; round < 50; ++round) {
      const Orders orders = plan();
      if (orders.moves.empty() && orders.rebuilds.empty()) return;
      obey(orders);
    }
    ADD_FAILURE() << "placement never comes to rest";
  }
  [[nodiscard]] std::vector<HeldItem> inventory(const std::string& name) {
    std::vector<HeldItem> items;
    for (const auto& [shard, digest] : vaults[MachineId(name)]) items.push_back({shard, digest, Bytes{1 << 20}});
    return items;
  }
  [[nodiscard]] ObjectView object(const std::string& name) const { return *placement.object(ObjectId(name)); }
  [[nodiscard]] std::set<std::string> holders(const std::string& name) const {
    std::set<std::string> names;
    for (const ShardView& shard : object(name).shards)
      for (const Holding& holding : shard.holdings)
        if (holding.state == HoldingState::Held) names.insert(holding.machine.text);
    return names;
  }

  fakes::MemoryStore store;
  Placement placement;
  Batch batch;
  Instant now = start;
  std::uint64_t seed = 0;
  std::map<MachineId, MachineFacts> machines;
  std::map<MachineId, std::map<ShardId, Digest>> vaults;
};

}  // namespace tests::placing
