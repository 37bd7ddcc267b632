// One look at each object that needs one: what to fetch, rebuild, store and delete next.
#include <algorithm>

#include "fleet/placement/model.h"
#include "fleet/store/record.h"

namespace fleet::placement {
namespace {

constexpr std::size_t choices_max = 32;

bool is_good(const HoldingRow& row, HoldingState state, bool draining) { return row.holding.state == state && !draining; }

}  // namespace

// A shard's copies: one good one is kept, the rest go; an order that nobody answered is given up.
void Placement::Model::plan_holdings(const ObjectId& id, ObjectRow& row, Instant now, store::Batch& batch) {
  for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
    ShardRow& shard = row.shards[i];
    const ShardKey key{id, i};
    if (shard.fetch && (!is_online(shard.fetch->machine) || now - shard.fetch->since >= settings.order_patience)) {
      shard.fetch_not_before = now + std::chrono::minutes(1);
      end_fetch(key);
    }
    const HoldingRow* kept = nullptr;
    for (const HoldingRow& held : shard.holdings)
      if (kept == nullptr && is_good(held, HoldingState::Held, is_draining(held.holding.machine))) kept = &held;
    for (HoldingRow& held : shard.holdings) {
      if (&held == kept || held.holding.state == HoldingState::Deleting) continue;
      const bool unanswered = held.holding.state == HoldingState::Sent && now - held.holding.since >= settings.order_patience;
      const bool leaving = held.holding.state == HoldingState::Sent && is_draining(held.holding.machine);
      if (kept != nullptr || unanswered || leaving) retire(key, held, now, batch);
    }
  }
}

void Placement::Model::order_deletes(const ObjectId& id, ObjectRow& row, Orders& orders, store::Batch& batch) {
  for (std::uint32_t i = 0; i < row.shards.size(); ++i)
    for (HoldingRow& held : row.shards[i].holdings) {
      if (held.holding.state != HoldingState::Deleting || held.holding.request != 0) continue;
      held.holding.request = next_request();
      orders.moves.push_back({OrderKind::Delete, held.holding.request, held.holding.machine, shard_id({id, i}), row.shards[i].digest, row.shards[i].size});
      write_shard({id, i}, batch);
    }
}

void Placement::Model::plan_deletion(const ObjectId& id, ObjectRow& row, Orders& orders, store::Batch& batch) {
  order_deletes(id, row, orders, batch);
  const bool gone = std::all_of(row.shards.begin(), row.shards.end(), [](const ShardRow& shard) { return shard.holdings.empty(); });
  if (!gone) return;
  for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
    write_shard({id, i}, batch);
    batch.back().value.reset();
  }
  batch.push_back({store::Table::Objects, id.text, std::nullopt});
  set_due(id, row, std::nullopt);
  repairing.erase(id);
  orders.changed.push_back(id);
  objects.erase(id);
}

MachineRow* Placement::Model::place_for(const ObjectRow& row, std::uint32_t index, Instant now, Random& random) {
  std::set<MachineId> machines_used;
  std::set<PartyId> owners_used;
  std::set<std::string> networks_used;
  for (std::uint32_t i = 0; i < row.shards.size(); ++i)
    for (const HoldingRow& held : row.shards[i].holdings) {
      machines_used.insert(held.holding.machine);
      // A shard may move from one machine of an owner to another; a second shard may not join it there, not even for a while.
      if (i == index || held.holding.state == HoldingState::Deleting) continue;
      owners_used.insert(held.owner);
      if (const MachineRow* holder = machine(held.holding.machine); holder != nullptr && !holder->facts.network.empty())
        networks_used.insert(holder->facts.network);
    }
  MachineRow* best = nullptr;
  double best_score = -1;
  std::size_t seen = 0;
  const std::size_t start = names.empty() ? 0 : random.below(names.size());
  for (std::size_t step = 0; step < names.size() && seen < choices_max; ++step) {
    MachineRow& candidate = machines.at(names[(start + step) % names.size()]);
    if (!may_take(candidate, row.shards[index].size, now) || machines_used.contains(candidate.facts.machine) || owners_used.contains(candidate.facts.owner))
      continue;
    ++seen;
    const bool apart = candidate.facts.network.empty() || !networks_used.contains(candidate.facts.network);
    const double free = 1.0 - static_cast<double>(candidate.allocated.count) / static_cast<double>(std::max<std::uint64_t>(1, candidate.facts.room.count));
    const double score = (apart ? 1.0 : 0.0) + free;
    if (score > best_score) {
      best_score = score;
      best = &candidate;
    }
  }
  return best;
}

void Placement::Model::plan_stores(const ObjectId& id, ObjectRow& row, Instant now, Random& random, Orders& orders, store::Batch& batch) {
  for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
    const ShardRow& shard = row.shards[i];
    const bool placed = std::any_of(shard.holdings.begin(), shard.holdings.end(), [this](const HoldingRow& held) {
      return held.holding.state != HoldingState::Deleting && !is_draining(held.holding.machine);
    });
    if (placed || !shard.spooled) continue;
    if (MachineRow* taker = place_for(row, i, now, random))
      add_holding({id, i}, *taker, now, orders, batch);
    else
      hungry.insert(id);
  }
}

void Placement::Model::plan_fetches(const ObjectId& id, ObjectRow& row, Instant now, Random& random, Orders& orders) {
  std::vector<std::uint32_t> missing;   // no bytes, and nobody who could send just these
  std::vector<std::uint32_t> moving;    // to be fetched from a machine that is leaving
  std::vector<std::pair<std::uint32_t, MachineId>> sources;
  std::uint32_t in_spool = 0;
  std::uint32_t coming = 0;
  for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
    const ShardRow& shard = row.shards[i];
    if (shard.spooled) ++in_spool;
    if (shard.fetch) ++coming;
    bool at_home = shard.spooled;
    bool leaving_online = false;
    for (const HoldingRow& held : shard.holdings) {
      const bool draining = is_draining(held.holding.machine);
      if (is_good(held, HoldingState::Held, draining)) at_home = true;
      if (held.holding.state != HoldingState::Held || !is_online(held.holding.machine) || shard.spooled || shard.fetch || now < shard.fetch_not_before) continue;
      sources.emplace_back(i, held.holding.machine);
      leaving_online = leaving_online || draining;
    }
    if (at_home || shard.fetch) continue;
    (leaving_online ? moving : missing).push_back(i);
  }
  random.shuffle(std::span(sources));
  const bool rebuild_wanted = !missing.empty() && row.available() >= row.data_shards;
  const bool client_wants = row.wanted_until && *row.wanted_until > now;
  const auto fetch = [&](std::uint32_t index, const MachineId& from) {
    begin_fetch({id, index}, from, now, orders);
    ++coming;
  };
  for (const std::uint32_t index : moving)
    for (const auto& [shard, from] : sources)
      if (shard == index && !row.shards[index].fetch) fetch(index, from);
  std::set<std::uint32_t> reachable;
  for (const auto& [shard, from] : sources)
    if (!row.shards[shard].fetch) reachable.insert(shard);
  if ((rebuild_wanted || client_wants) && in_spool + coming + reachable.size() < row.data_shards) {
    // Too many of its machines are away: it waits without holding up other repairs.
    hungry.insert(id);
    repairing.erase(id);
    return;
  }
  if (rebuild_wanted && !repairing.contains(id) && repairing.size() >= settings.repairs_max) {
    repairs_waiting.insert({std::int64_t{row.available()} - std::int64_t{row.data_shards}, id});
    if (!client_wants) return;
  } else if (rebuild_wanted) {
    repairing.insert(id);
  }
  if (rebuild_wanted || client_wants) {
    const std::uint32_t asked = row.data_shards + (client_wants && in_spool < row.data_shards ? settings.retrieval_extra : 0);
    for (const auto& [shard, from] : sources)
      if (in_spool + coming < asked && !row.shards[shard].fetch) fetch(shard, from);
  }
  if (!rebuild_wanted || in_spool < row.data_shards || row.rebuild_since || !repairing.contains(id)) return;
  Rebuild rebuild{id, row.data_shards, row.total_shards, {}, {}};
  for (std::uint32_t i = 0; i < row.shards.size() && rebuild.have.size() < row.data_shards; ++i)
    if (row.shards[i].spooled) rebuild.have.push_back({i, row.shards[i].digest, row.shards[i].size});
  for (const std::uint32_t i : missing) {
    rebuild.missing.push_back({i, row.shards[i].digest, row.shards[i].size});
    row.rebuild_expects.push_back(row.shards[i].digest);
    expect(row.shards[i].digest, +1);
  }
  row.rebuild_since = now;
  orders.rebuilds.push_back(std::move(rebuild));
}

// Lets go of spooled bytes that lie safely elsewhere and that nobody is waiting for.
void Placement::Model::plan_spool(const ObjectId& id, ObjectRow& row, Instant now, store::Batch& batch) {
  const bool client_wants = row.wanted_until && *row.wanted_until > now;
  const auto at_home = [this](const ShardRow& shard) {
    return std::any_of(shard.holdings.begin(), shard.holdings.end(),
                       [this](const HoldingRow& held) { return is_good(held, HoldingState::Held, is_draining(held.holding.machine)); });
  };
  const bool unsettled = std::any_of(row.shards.begin(), row.shards.end(), [&](const ShardRow& shard) { return !at_home(shard); });
  const bool rebuilding = repairing.contains(id) && unsettled;
  if (!unsettled) {
    repairing.erase(id);
    end_rebuild(id);
  }
  if (client_wants || !row.stored_once || rebuilding) return;
  for (std::uint32_t i = 0; i < row.shards.size(); ++i) {
    ShardRow& shard = row.shards[i];
    if (!shard.spooled || !at_home(shard)) continue;
    set_spooled(shard, false);
    write_shard({id, i}, batch);
  }
}

std::optional<Instant> Placement::Model::earliest_due(const ObjectId& id, const ObjectRow& row, Instant now) const {
  std::optional<Instant> when;
  const auto consider = [&](Instant moment) {
    if (moment > now) when = when ? std::min(*when, moment) : moment;
  };
  if (hungry.contains(id)) consider(now + settings.order_patience);
  if (row.wanted_until) consider(*row.wanted_until);
  if (row.rebuild_since) consider(*row.rebuild_since + settings.order_patience);
  for (const ShardRow& shard : row.shards) {
    if (shard.fetch) consider(shard.fetch->since + settings.order_patience);
    consider(shard.fetch_not_before);
    for (const HoldingRow& held : shard.holdings)
      if (held.holding.state == HoldingState::Sent) consider(held.holding.since + settings.order_patience);
  }
  return when;
}

void Placement::Model::plan_object(const ObjectId& id, Instant now, Random& random, Orders& orders, store::Batch& batch) {
  ObjectRow* row = object(id);
  if (row == nullptr) return;
  hungry.erase(id);
  if (row->deleting) return plan_deletion(id, *row, orders, batch);
  if (row->wanted_until && *row->wanted_until <= now) row->wanted_until.reset();
  if (row->rebuild_since && now - *row->rebuild_since >= settings.order_patience) end_rebuild(id);
  plan_holdings(id, *row, now, batch);
  plan_spool(id, *row, now, batch);
  plan_fetches(id, *row, now, random, orders);
  plan_stores(id, *row, now, random, orders, batch);
  order_deletes(id, *row, orders, batch);
  set_due(id, *row, earliest_due(id, *row, now));
  if (const ObjectState state = state_of(*row); state != row->shown) {
    row->shown = state;
    orders.changed.push_back(id);
  }
}

Orders Placement::plan(Instant now, std::uint64_t seed, store::Batch& batch) {
  Model& model = *model_;
  Orders orders;
  Random random(seed);
  while (!model.due.empty() && model.due.begin()->first <= now) {
    const ObjectId id = model.due.begin()->second;
    model.set_due(id, *model.object(id), std::nullopt);
    model.attention.insert(id);
  }
  std::vector<std::pair<std::int64_t, ObjectId>> order;
  for (const ObjectId& id : model.attention)
    if (const ObjectRow* row = model.object(id); row != nullptr)
      order.emplace_back(std::int64_t{row->available()} - std::int64_t{row->data_shards}, id);
  model.attention.clear();
  std::sort(order.begin(), order.end());
  for (const auto& [margin, id] : order) model.plan_object(id, now, random, orders, batch);
  while (model.repairing.size() < model.settings.repairs_max && !model.repairs_waiting.empty()) {
    const ObjectId id = model.repairs_waiting.begin()->second;
    model.repairs_waiting.erase(model.repairs_waiting.begin());
    model.plan_object(id, now, random, orders, batch);
  }
  for (ShardMove& move : model.stale) {
    move.request = model.next_request();
    orders.moves.push_back(std::move(move));
  }
  model.stale.clear();
  for (Digest& digest : model.freed)
    if (!model.spool.contains(digest) && !model.expected.contains(digest)) orders.spool_free.push_back(std::move(digest));
  model.freed.clear();
  if (model.requests_given) {
    model.requests_given = false;
    batch.push_back({store::Table::Settings, "placement", "{\"last_request\":" + std::to_string(model.last_request) + "}"});
  }
  return orders;
}

std::optional<Instant> Placement::next_due() const {
  if (model_->due.empty()) return std::nullopt;
  return model_->due.begin()->first;
}

}  // namespace fleet::placement
