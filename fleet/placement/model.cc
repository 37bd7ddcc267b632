#include "fleet/placement/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fleet::placement {
namespace {

constexpr std::uint64_t bytes_per_kib = 1024;

std::uint64_t kib_of(Bytes size) { return (size.count + bytes_per_kib - 1) / bytes_per_kib; }

}  // namespace

ShardId shard_id(const ShardKey& key) { return ShardId(fmt::format("{}/{}", key.object.text, key.index)); }

std::optional<ShardKey> shard_key_from(const ShardId& shard) {
  const std::size_t slash = shard.text.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  ShardKey key{ObjectId(shard.text.substr(0, slash)), 0};
  const char* end = shard.text.data() + shard.text.size();
  const auto [rest, failed] = std::from_chars(shard.text.data() + slash + 1, end, key.index);
  if (failed != std::errc() || rest != end || shard_id(key) != shard) return std::nullopt;
  return key;
}

bool ShardRow::is_held() const {
  return std::any_of(holdings.begin(), holdings.end(), [](const HoldingRow& row) { return row.holding.state == HoldingState::Held; });
}

std::uint32_t ObjectRow::held() const {
  return static_cast<std::uint32_t>(std::count_if(shards.begin(), shards.end(), [](const ShardRow& row) { return row.is_held(); }));
}

std::uint32_t ObjectRow::available() const {
  return static_cast<std::uint32_t>(
      std::count_if(shards.begin(), shards.end(), [](const ShardRow& row) { return row.spooled || row.is_held(); }));
}

std::uint64_t ObjectRow::charged_kib() const {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < data_shards && i < shards.size(); ++i) sum += kib_of(shards[i].size);
  return sum;
}

void Meter::advance(Instant now) {
  if (now <= until) return;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now - until);
  total += rate_kib * static_cast<std::uint64_t>(seconds.count());
  until += seconds;  // what is left of a second counts next time
}

ObjectRow* Placement::Model::object(const ObjectId& id) {
  const auto found = objects.find(id);
  return found == objects.end() ? nullptr : &found->second;
}

ShardRow* Placement::Model::shard(const ShardKey& key) {
  ObjectRow* row = object(key.object);
  return row == nullptr || key.index >= row->shards.size() ? nullptr : &row->shards[key.index];
}

const MachineRow* Placement::Model::machine(const MachineId& id) const {
  const auto found = machines.find(id);
  return found == machines.end() ? nullptr : &found->second;
}

bool Placement::Model::is_online(const MachineId& id) const {
  const MachineRow* row = machine(id);
  return row != nullptr && row->known && row->facts.online;
}

bool Placement::Model::is_draining(const MachineId& id) const {
  const MachineRow* row = machine(id);
  return row != nullptr && row->draining;
}

bool Placement::Model::may_take(const MachineRow& row, Bytes size, Instant now) const {
  const MachineFacts& facts = row.facts;
  if (!row.known || row.draining || !facts.leased || !facts.online || now < row.not_before) return false;
  if (facts.lease_ends_at && *facts.lease_ends_at - now < settings.lease_left_min) return false;
  return row.allocated + size <= facts.room;
}

std::uint64_t Placement::Model::next_request() {
  requests_given = true;
  return ++last_request;
}

void Placement::Model::set_spooled(ShardRow& row, bool spooled) {
  if (row.spooled == spooled) return;
  row.spooled = spooled;
  std::uint32_t& count = spool[row.digest];
  if (spooled) {
    ++count;
  } else if (--count == 0) {
    spool.erase(row.digest);
    freed.push_back(row.digest);
  }
}

void Placement::Model::expect(const Digest& digest, int change) {
  std::uint32_t& count = expected[digest];
  count = static_cast<std::uint32_t>(static_cast<int>(count) + change);
  if (count == 0) expected.erase(digest);
}

void Placement::Model::begin_fetch(const ShardKey& key, const MachineId& from, Instant now, Orders& orders) {
  ShardRow& row = *shard(key);
  row.fetch = Fetch{from, next_request(), now};
  expect(row.digest, +1);
  machines[from].fetching.insert(key.object);
  orders.moves.push_back({OrderKind::Send, row.fetch->request, from, shard_id(key), row.digest, row.size});
}

void Placement::Model::end_fetch(const ShardKey& key) {
  ObjectRow& row = *object(key.object);
  ShardRow& shard = row.shards[key.index];
  if (!shard.fetch) return;
  const MachineId from = shard.fetch->machine;
  shard.fetch.reset();
  expect(shard.digest, -1);
  const bool more = std::any_of(row.shards.begin(), row.shards.end(),
                                [&](const ShardRow& other) { return other.fetch && other.fetch->machine == from; });
  if (!more) machines[from].fetching.erase(key.object);
}

void Placement::Model::end_rebuild(const ObjectId& id) {
  ObjectRow& row = *object(id);
  for (const Digest& digest : row.rebuild_expects) expect(digest, -1);
  row.rebuild_expects.clear();
  row.rebuild_since.reset();
}

Allocation& Placement::Model::open_allocation(const ShardKey& key, MachineRow& holder, std::uint64_t number, Instant now) {
  const ObjectRow& row = *object(key.object);
  const Bytes size = row.shards[key.index].size;
  holder.allocated += size;
  holder.shards.insert(key);
  Allocation allocation{number, holder.facts.machine, size, "shard " + shard_id(key).text, row.client, now, std::nullopt, ""};
  return allocations[holder.facts.machine].insert_or_assign(number, std::move(allocation)).first->second;
}

void Placement::Model::add_holding(const ShardKey& key, MachineRow& taker, Instant now, Orders& orders, store::Batch& batch) {
  ShardRow& shard = *this->shard(key);
  HoldingRow added;
  added.owner = taker.facts.owner;
  added.holding = {taker.facts.machine, HoldingState::Sent, next_request(), now, 0};
  added.holding.allocation = added.holding.request;
  write_allocation(open_allocation(key, taker, added.holding.allocation, now), batch);
  orders.moves.push_back({OrderKind::Store, added.holding.request, taker.facts.machine, shard_id(key), shard.digest, shard.size});
  shard.holdings.push_back(std::move(added));
  write_shard(key, batch);
}

void Placement::Model::confirm(const ShardKey& key, HoldingRow& held, Instant now, store::Batch& batch) {
  held.holding.state = HoldingState::Held;
  held.holding.since = now;
  const MachineMeterKey meter_key{held.holding.machine, held.owner};
  machine_meter(meter_key, now).rate_kib += kib_of(shard(key)->size);
  write_machine_meter(meter_key, batch);
  write_shard(key, batch);
  ObjectRow& row = *object(key.object);
  if (!row.stored_once && !row.deleting && row.held() == row.total_shards) {
    row.stored_once = true;
    write_object(key.object, batch);
  }
}

bool Placement::Model::adopt(const ShardKey& key, MachineRow& holder, const HeldItem& item, Instant now, store::Batch& batch) {
  ObjectRow* row = object(key.object);
  if (row == nullptr || row->deleting || key.index >= row->shards.size() || !holder.known || !holder.facts.leased) return false;
  ShardRow& shard = row->shards[key.index];
  if (shard.digest != item.digest || shard.spooled || !shard.holdings.empty()) return false;
  for (const ShardRow& other : row->shards)
    for (const HoldingRow& held : other.holdings)
      if (held.holding.machine == holder.facts.machine || held.owner == holder.facts.owner) return false;
  HoldingRow added;
  added.owner = holder.facts.owner;
  added.holding = {holder.facts.machine, HoldingState::Sent, next_request(), now, 0};
  added.holding.allocation = added.holding.request;
  write_allocation(open_allocation(key, holder, added.holding.allocation, now), batch);
  shard.holdings.push_back(std::move(added));
  confirm(key, shard.holdings.back(), now, batch);
  return true;
}

void Placement::Model::retire(const ShardKey& key, HoldingRow& held, Instant now, store::Batch& batch) {
  if (held.holding.state == HoldingState::Held) {
    const MachineMeterKey meter_key{held.holding.machine, held.owner};
    machine_meter(meter_key, now).rate_kib -= kib_of(shard(key)->size);
    write_machine_meter(meter_key, batch);
  }
  held.holding.state = HoldingState::Deleting;
  held.holding.request = 0;
  held.holding.since = now;
  write_shard(key, batch);
}

void Placement::Model::drop(const ShardKey& key, const MachineId& id, std::string because, Instant now, store::Batch& batch) {
  ShardRow& row = *shard(key);
  const auto found = std::find_if(row.holdings.begin(), row.holdings.end(), [&](const HoldingRow& held) { return held.holding.machine == id; });
  invariant(found != row.holdings.end(), "a holding is dropped once");
  retire(key, *found, now, batch);
  MachineRow& holder = machines[id];
  holder.allocated = holder.allocated - row.size;
  holder.shards.erase(key);
  const auto allocation = allocations[id].find(found->holding.allocation);
  if (allocation != allocations[id].end()) {
    allocation->second.until = now;
    allocation->second.ended_because = std::move(because);
    write_allocation(allocation->second, batch);
  }
  if (row.fetch && row.fetch->machine == id) end_fetch(key);
  row.holdings.erase(found);
  write_shard(key, batch);
}

Meter& Placement::Model::client_meter(const PartyId& client, Instant now) {
  Meter& meter = client_meters.try_emplace(client, Meter{0, 0, now, 0, 0}).first->second;
  meter.advance(now);
  return meter;
}

Meter& Placement::Model::machine_meter(const MachineMeterKey& key, Instant now) {
  Meter& meter = machine_meters.try_emplace(key, Meter{0, 0, now, 0, 0}).first->second;
  meter.advance(now);
  return meter;
}

void Placement::Model::write_object(const ObjectId& id, store::Batch& batch) const {
  batch.push_back({store::Table::Objects, id.text, object_record(objects.at(id))});
}
void Placement::Model::write_shard(const ShardKey& key, store::Batch& batch) {
  batch.push_back({store::Table::Shards, fmt::format("{}/{:05}", key.object.text, key.index), shard_record(*shard(key))});
}
void Placement::Model::write_allocation(const Allocation& allocation, store::Batch& batch) const {
  batch.push_back({store::Table::Allocations, fmt::format("disk/{}/{:012}", allocation.machine.text, allocation.number), allocation_record(allocation)});
}
void Placement::Model::write_client_meter(const PartyId& client, store::Batch& batch) const {
  batch.push_back({store::Table::Allocations, "meter/client/" + client.text, meter_record(client_meters.at(client))});
}
void Placement::Model::write_machine_meter(const MachineMeterKey& key, store::Batch& batch) const {
  batch.push_back({store::Table::Allocations, "meter/machine/" + key.first.text + "/" + key.second.text, meter_record(machine_meters.at(key))});
}

void Placement::Model::wake_hungry() {
  attention.merge(hungry);
  hungry.clear();
}

void Placement::Model::set_due(const ObjectId& id, ObjectRow& row, std::optional<Instant> when) {
  if (row.due == when) return;
  if (row.due) due.erase({*row.due, id});
  row.due = when;
  if (when) due.insert({*when, id});
}

void Placement::Model::rebuild_indexes() {
  for (auto& [id, row] : objects) {
    attention.insert(id);
    row.shown = state_of(row);
    if (!row.deleting) client_meters[row.client].rate_kib += row.charged_kib();
    for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
      ShardRow& shard = row.shards[i];
      if (shard.spooled) ++spool[shard.digest];
      for (const HoldingRow& held : shard.holdings) {
        MachineRow& holder = machines[held.holding.machine];
        holder.shards.insert({id, i});
        holder.allocated += shard.size;
        if (held.holding.state == HoldingState::Held) machine_meters[{held.holding.machine, held.owner}].rate_kib += kib_of(shard.size);
      }
    }
  }
}

ObjectState Placement::Model::state_of(const ObjectRow& row) const {
  if (row.deleting) return ObjectState::Deleting;
  if (row.held() == row.total_shards) return ObjectState::Stored;
  if (row.available() < row.data_shards) return ObjectState::Lost;
  if (!row.stored_once) return ObjectState::Spooled;
  const bool working = row.rebuild_since || std::any_of(row.shards.begin(), row.shards.end(), [](const ShardRow& shard) {
                         return shard.fetch || (!shard.is_held() && !shard.holdings.empty());
                       });
  return working ? ObjectState::Repairing : ObjectState::Degraded;
}

ShardView Placement::Model::view_of(const ShardKey& key, const ShardRow& row) const {
  ShardView view;
  view.shard = shard_id(key);
  view.index = key.index;
  view.digest = row.digest;
  view.size = row.size;
  view.spooled = row.spooled;
  bool sent = false;
  for (const HoldingRow& held : row.holdings) {
    view.holdings.push_back(held.holding);
    sent = sent || held.holding.state == HoldingState::Sent;
  }
  if (row.fetch)
    view.state = ShardState::Retrieving;
  else if (row.is_held())
    view.state = ShardState::Held;
  else if (sent)
    view.state = ShardState::Sent;
  else
    view.state = row.spooled ? ShardState::Spooled : ShardState::Missing;
  return view;
}

ObjectView Placement::Model::view_of(const ObjectId& id, const ObjectRow& row) const {
  ObjectView view;
  view.object = id;
  view.client = row.client;
  view.sealed_facts = row.sealed_facts;
  view.state = state_of(row);
  view.data_shards = row.data_shards;
  view.total_shards = row.total_shards;
  view.created_at = row.created_at;
  view.held = row.held();
  for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
    const ShardRow& shard = row.shards[i];
    view.shards.push_back(view_of({id, i}, shard));
    const bool reachable = std::any_of(shard.holdings.begin(), shard.holdings.end(), [this](const HoldingRow& held) {
      return held.holding.state == HoldingState::Held && is_online(held.holding.machine);
    });
    if (shard.spooled || reachable) ++view.readable;
  }
  return view;
}

}  // namespace fleet::placement
