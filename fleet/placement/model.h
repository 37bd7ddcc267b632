// Placement's inside: what it keeps in memory, and the steps that its parts share. Nobody else includes this.
#pragma once

#include <map>
#include <set>
#include <tuple>

#include "fleet/placement/placement.h"
#include "policies/vocabulary/random.h"

namespace fleet::placement {

struct ShardKey {
  ObjectId object;
  std::uint32_t index = 0;
  auto operator<=>(const ShardKey&) const = default;
};
ShardId shard_id(const ShardKey& key);
// Nothing when the text is not "<object>/<index>".
std::optional<ShardKey> shard_key_from(const ShardId& shard);

// A copy of a shard on a machine. request 0 of a Deleting one: the order is still to be given.
struct HoldingRow {
  Holding holding;
  PartyId owner;
};

// A shard that a machine was asked to send to the spool. In memory only: after a crash it is asked again.
struct Fetch {
  MachineId machine;
  std::uint64_t request = 0;
  Instant since;
};

struct ShardRow {
  Digest digest;
  Bytes size;
  bool spooled = false;
  std::vector<HoldingRow> holdings;
  std::optional<Fetch> fetch;
  Instant fetch_not_before;  // after a machine failed to send it

  [[nodiscard]] bool is_held() const;
};

struct ObjectRow {
  PartyId client;
  std::string sealed_facts;
  std::uint32_t data_shards = 0;
  std::uint32_t total_shards = 0;
  Instant created_at;
  bool stored_once = false;  // all its shards were held at some time: from then on the spool is not its home
  bool deleting = false;
  std::vector<ShardRow> shards;

  std::optional<Instant> wanted_until;    // by the client; in memory only
  std::optional<Instant> rebuild_since;   // the controller was asked to rebuild; in memory only
  std::vector<Digest> rebuild_expects;
  ObjectState shown = ObjectState::Spooled;
  std::optional<Instant> due;

  [[nodiscard]] std::uint32_t held() const;
  [[nodiscard]] std::uint32_t available() const;  // held by somebody, or spooled
  [[nodiscard]] std::uint64_t charged_kib() const;
};

struct MachineRow {
  MachineFacts facts;
  bool known = false;
  bool draining = false;
  Instant not_before;  // a machine that refused or failed gets nothing new for a while
  std::set<ShardKey> shards;
  std::set<ObjectId> fetching;
  Bytes allocated;
};

// A running total that grows by `rate_kib` each second.
struct Meter {
  std::uint64_t total = 0;
  std::uint64_t rate_kib = 0;
  Instant until;
  std::uint64_t settled = 0;
  std::uint32_t settlements = 0;
  void advance(Instant now);
};
using MachineMeterKey = std::pair<MachineId, PartyId>;

struct Placement::Model {
  explicit Model(Settings the_settings) : settings(the_settings) {}

  Settings settings;
  std::map<ObjectId, ObjectRow> objects;
  std::map<MachineId, MachineRow> machines;
  std::vector<MachineId> names;  // of all known machines: where a search for room starts is drawn from these
  std::map<MachineId, std::map<std::uint64_t, Allocation>> allocations;
  std::map<PartyId, Meter> client_meters;
  std::map<MachineMeterKey, Meter> machine_meters;
  std::map<Digest, std::uint32_t> spool;     // digest -> shards that count on it
  std::map<Digest, std::uint32_t> expected;  // digest -> fetches and rebuilds that will bring it
  std::uint64_t last_request = 0;
  bool requests_given = false;

  std::set<ObjectId> attention;  // to be looked at by the next plan()
  std::set<ObjectId> hungry;     // would go on if some machine had room, or were online
  std::set<ObjectId> repairing;
  std::set<std::pair<std::int64_t, ObjectId>> repairs_waiting;  // shards above k; the most endangered first
  std::set<std::pair<Instant, ObjectId>> due;
  std::vector<ShardMove> stale;  // copies that nobody counts on
  std::vector<Digest> freed;     // spool bytes let go since the last plan()

  // --- finding
  ObjectRow* object(const ObjectId& id);
  ShardRow* shard(const ShardKey& key);
  [[nodiscard]] const MachineRow* machine(const MachineId& id) const;
  [[nodiscard]] bool is_online(const MachineId& id) const;
  [[nodiscard]] bool is_draining(const MachineId& id) const;
  [[nodiscard]] bool may_take(const MachineRow& row, Bytes size, Instant now) const;
  [[nodiscard]] ObjectState state_of(const ObjectRow& row) const;
  [[nodiscard]] ShardView view_of(const ShardKey& key, const ShardRow& row) const;
  [[nodiscard]] ObjectView view_of(const ObjectId& id, const ObjectRow& row) const;

  // --- keeping records
  void write_object(const ObjectId& id, store::Batch& batch) const;
  void write_shard(const ShardKey& key, store::Batch& batch);
  void write_allocation(const Allocation& allocation, store::Batch& batch) const;

  // --- steps
  std::uint64_t next_request();
  void set_spooled(ShardRow& row, bool spooled);
  void expect(const Digest& digest, int change);
  void begin_fetch(const ShardKey& key, const MachineId& from, Instant now, Orders& orders);
  void end_fetch(const ShardKey& key);
  void end_rebuild(const ObjectId& id);
  void add_holding(const ShardKey& key, MachineRow& machine, Instant now, Orders& orders, store::Batch& batch);
  Allocation& open_allocation(const ShardKey& key, MachineRow& holder, std::uint64_t number, Instant now);
  void confirm(const ShardKey& key, HoldingRow& holding, Instant now, store::Batch& batch);
  // The holding becomes Deleting: its order is given by the next plan().
  void retire(const ShardKey& key, HoldingRow& holding, Instant now, store::Batch& batch);
  // A machine that was given up has come back with a shard that nobody else has: it counts again.
  bool adopt(const ShardKey& key, MachineRow& holder, const HeldItem& item, Instant now, store::Batch& batch);
  // The holding is no more; its allocation ends.
  void drop(const ShardKey& key, const MachineId& machine, std::string because, Instant now, store::Batch& batch);
  Meter& client_meter(const PartyId& client, Instant now);
  Meter& machine_meter(const MachineMeterKey& key, Instant now);
  void write_client_meter(const PartyId& client, store::Batch& batch) const;
  void write_machine_meter(const MachineMeterKey& key, store::Batch& batch) const;
  void wake_hungry();
  void set_due(const ObjectId& id, ObjectRow& row, std::optional<Instant> when);
  void rebuild_indexes();

  // --- planning (plan.cc)
  void plan_object(const ObjectId& id, Instant now, Random& random, Orders& orders, store::Batch& batch);
  void plan_deletion(const ObjectId& id, ObjectRow& row, Orders& orders, store::Batch& batch);
  void plan_holdings(const ObjectId& id, ObjectRow& row, Instant now, store::Batch& batch);
  void plan_fetches(const ObjectId& id, ObjectRow& row, Instant now, Random& random, Orders& orders);
  void plan_stores(const ObjectId& id, ObjectRow& row, Instant now, Random& random, Orders& orders, store::Batch& batch);
  void order_deletes(const ObjectId& id, ObjectRow& row, Orders& orders, store::Batch& batch);
  void plan_spool(const ObjectId& id, ObjectRow& row, Instant now, store::Batch& batch);
  MachineRow* place_for(const ObjectRow& row, std::uint32_t index, Instant now, Random& random);
  [[nodiscard]] std::optional<Instant> earliest_due(const ObjectId& id, const ObjectRow& row, Instant now) const;
};

// records.cc: the values of Table::Objects, Shards and Allocations.
std::string object_record(const ObjectRow& row);
Result<ObjectRow> object_from(std::string_view text);
std::string shard_record(const ShardRow& row);
Result<ShardRow> shard_from(std::string_view text);
std::string allocation_record(const Allocation& allocation);
Result<Allocation> allocation_from(std::string_view text);
std::string meter_record(const Meter& meter);
Result<Meter> meter_from(std::string_view text);

}  // namespace fleet::placement
