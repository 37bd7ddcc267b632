#include "fleet/placement/placement.h"

#include <algorithm>
#include <charconv>

#include "fleet/placement/model.h"
#include "fleet/store/record.h"
#include "policies/vocabulary/hex.h"

namespace fleet::placement {
namespace {

constexpr std::size_t object_id_bytes_max = 128;
constexpr std::size_t sealed_facts_bytes_max = 64 * 1024;

Error unknown(const ObjectId& object) {
  return Error{ErrorCode::NotFound, "there is no object " + object.text.substr(0, object_id_bytes_max), {}};
}

Done check(const ObjectOrder& order, std::uint32_t shards_max) {
  const auto wrong = [](std::string message) -> Done { return Error{ErrorCode::InvalidInput, std::move(message), {}}; };
  if (order.object.empty() || order.object.text.size() > object_id_bytes_max || order.object.text.find('/') != std::string::npos)
    return wrong("an object's id must have 1 to 128 bytes and no '/'");
  if (order.client.empty()) return wrong("an object needs its client");
  if (order.sealed_facts.size() > sealed_facts_bytes_max) return wrong("sealed facts may have 64 KiB");
  if (order.data_shards < 1 || order.total_shards < 2 || order.data_shards > order.total_shards || order.total_shards > shards_max)
    return wrong("a code of " + std::to_string(order.data_shards) + " of " + std::to_string(order.total_shards) +
                 "; lawful are 1 <= data <= total, 2 <= total <= " + std::to_string(shards_max));
  if (order.shards.size() != order.total_shards) return wrong("an object of " + std::to_string(order.total_shards) + " shards must list each of them");
  std::set<std::uint32_t> seen;
  for (const ShardOrder& shard : order.shards) {
    if (shard.index >= order.total_shards || !seen.insert(shard.index).second) return wrong("shards must be numbered from 0, each once");
    if (!is_sha256_hex(shard.digest.text)) return wrong("shard " + std::to_string(shard.index) + " has no SHA-256 digest");
    if (shard.size.count == 0) return wrong("shard " + std::to_string(shard.index) + " is empty");
  }
  return {};
}

bool is_same(const ObjectOrder& order, const ObjectRow& row) {
  if (order.client != row.client || order.sealed_facts != row.sealed_facts || order.data_shards != row.data_shards || order.total_shards != row.total_shards)
    return false;
  return std::all_of(order.shards.begin(), order.shards.end(), [&](const ShardOrder& shard) {
    return row.shards[shard.index].digest == shard.digest && row.shards[shard.index].size == shard.size;
  });
}

}  // namespace

Placement::Placement(Settings settings) : model_(std::make_unique<Model>(settings)) {}
Placement::~Placement() = default;
Placement::Placement(Placement&&) noexcept = default;
Placement& Placement::operator=(Placement&&) noexcept = default;

Done Placement::load(store::Store& store) {
  auto model = std::make_unique<Model>(model_->settings);
  Done wrong;
  const auto keep_first = [&wrong](std::string_view what, std::string_view key, const Error& error) {
    if (wrong) wrong = Error(error).within("reading " + std::string(what) + " " + std::string(key));
  };
  Done scanned = store.scan(store::Table::Objects, "", [&](std::string_view key, std::string_view value) {
    Result<ObjectRow> row = object_from(value);
    if (!row) return keep_first("object", key, row.error());
    model->objects.emplace(ObjectId(std::string(key)), std::move(*row));
  });
  if (!scanned) return scanned.error().within("loading objects");
  scanned = store.scan(store::Table::Shards, "", [&](std::string_view key, std::string_view value) {
    Result<ShardRow> row = shard_from(value);
    if (!row) return keep_first("shard", key, row.error());
    const std::size_t slash = key.rfind('/');
    std::uint32_t index = 0;
    std::from_chars(key.data() + slash + 1, key.data() + key.size(), index);
    ShardRow* known = model->shard({ObjectId(std::string(key.substr(0, slash))), index});
    if (known == nullptr) return keep_first("shard", key, Error{ErrorCode::Corrupt, "its object is not there", {}});
    known->spooled = row->spooled;
    known->holdings = std::move(row->holdings);
  });
  if (!scanned) return scanned.error().within("loading shards");
  scanned = store.scan(store::Table::Allocations, "", [&](std::string_view key, std::string_view value) {
    const auto read_meter = [&](auto& meters, auto meter_key) {
      const Result<Meter> meter = meter_from(value);
      if (!meter) return keep_first("meter", key, meter.error());
      meters[std::move(meter_key)] = *meter;
    };
    constexpr std::string_view of_client = "meter/client/";
    constexpr std::string_view of_machine = "meter/machine/";
    if (key.starts_with("disk/")) {
      Result<Allocation> allocation = allocation_from(value);
      if (!allocation) return keep_first("allocation", key, allocation.error());
      model->allocations[allocation->machine].emplace(allocation->number, *allocation);
    } else if (key.starts_with(of_client)) {
      read_meter(model->client_meters, PartyId(std::string(key.substr(of_client.size()))));
    } else if (key.starts_with(of_machine)) {
      const std::size_t slash = key.find('/', of_machine.size());
      read_meter(model->machine_meters, MachineMeterKey{MachineId(std::string(key.substr(of_machine.size(), slash - of_machine.size()))),
                                                        PartyId(std::string(key.substr(slash + 1)))});
    }
  });
  if (!scanned) return scanned.error().within("loading allocations");
  if (!wrong) return wrong;
  const Result<std::string> counter = store.get(store::Table::Settings, "placement");
  if (counter) {
    store::RecordReader reader(*counter);
    model->last_request = reader.count("last_request");
    if (Done done = reader.outcome(); !done) return done.error().within("reading the counter of requests");
  } else if (counter.error().code != ErrorCode::NotFound) {
    return counter.error();
  }
  model->rebuild_indexes();
  model_ = std::move(model);
  return {};
}

void Placement::set_machine(const MachineFacts& facts) {
  MachineRow& row = model_->machines[facts.machine];
  const bool went_away = row.known && row.facts.online && !facts.online;
  const bool improved = !row.known || (facts.online && !row.facts.online) || (facts.leased && !row.facts.leased) || facts.room > row.facts.room ||
                        facts.lease_ends_at != row.facts.lease_ends_at;
  if (!row.known) {
    model_->names.push_back(facts.machine);
    std::sort(model_->names.begin(), model_->names.end());  // the order of telling must not matter
  }
  row.facts = facts;
  row.known = true;
  if (went_away) model_->attention.insert(row.fetching.begin(), row.fetching.end());
  if (improved) model_->wake_hungry();
}

void Placement::give_up_machine(const MachineId& machine, Instant now, store::Batch& batch, const std::string& because) {
  const auto found = model_->machines.find(machine);
  if (found == model_->machines.end()) return;
  MachineRow& row = found->second;
  const std::set<ShardKey> shards = row.shards;
  for (const ShardKey& key : shards) {
    model_->drop(key, machine, because, now, batch);
    model_->attention.insert(key.object);
  }
  row.draining = false;
}

void Placement::drain(const MachineId& machine) {
  MachineRow& row = model_->machines[machine];
  if (row.draining) return;
  row.draining = true;
  for (const ShardKey& key : row.shards) model_->attention.insert(key.object);
}

void Placement::stop_draining(const MachineId& machine) {
  MachineRow& row = model_->machines[machine];
  if (!row.draining) return;
  row.draining = false;
  for (const ShardKey& key : row.shards) model_->attention.insert(key.object);
  model_->wake_hungry();
}

bool Placement::is_empty(const MachineId& machine) const {
  const MachineRow* row = std::as_const(*model_).machine(machine);
  if (row == nullptr) return true;
  return std::all_of(row->shards.begin(), row->shards.end(), [&](const ShardKey& key) {
    const std::vector<HoldingRow>& holdings = model_->shard(key)->holdings;
    return std::all_of(holdings.begin(), holdings.end(), [&](const HoldingRow& held) {
      return held.holding.machine != machine || (held.holding.state == HoldingState::Deleting && held.holding.request != 0);
    });
  });
}

Done Placement::add(ObjectOrder order, Instant now, store::Batch& batch) {
  if (Done done = check(order, model_->settings.shards_max); !done) return done;
  if (const ObjectRow* known = model_->object(order.object)) {
    if (!known->deleting && is_same(order, *known)) return {};
    return Error{ErrorCode::AlreadyExists, "object " + order.object.text + " is there already" + (known->deleting ? ", being deleted" : ""), {}};
  }
  ObjectRow row;
  row.client = order.client;
  row.sealed_facts = std::move(order.sealed_facts);
  row.data_shards = order.data_shards;
  row.total_shards = order.total_shards;
  row.created_at = now;
  row.shards.resize(order.total_shards);
  for (ShardOrder& shard : order.shards) {
    row.shards[shard.index].digest = std::move(shard.digest);
    row.shards[shard.index].size = shard.size;
  }
  model_->client_meter(row.client, now).rate_kib += row.charged_kib();
  model_->write_client_meter(row.client, batch);
  ObjectRow& kept = model_->objects.emplace(order.object, std::move(row)).first->second;
  model_->write_object(order.object, batch);
  for (std::uint32_t i = 0; i < kept.shards.size(); ++i) {
    model_->set_spooled(kept.shards[i], true);
    model_->write_shard({order.object, i}, batch);
  }
  model_->attention.insert(order.object);
  return {};
}

Done Placement::remove(const ObjectId& object, Instant now, store::Batch& batch) {
  ObjectRow* row = model_->object(object);
  if (row == nullptr) return unknown(object);
  if (row->deleting) return {};
  row->deleting = true;
  row->wanted_until.reset();
  model_->client_meter(row->client, now).rate_kib -= row->charged_kib();
  model_->write_client_meter(row->client, batch);
  model_->end_rebuild(object);
  for (std::uint32_t i = 0; i < row->shards.size(); ++i) {
    model_->end_fetch({object, i});
    for (HoldingRow& held : row->shards[i].holdings)
      if (held.holding.state != HoldingState::Deleting) model_->retire({object, i}, held, now, batch);
    model_->set_spooled(row->shards[i], false);
    model_->write_shard({object, i}, batch);
  }
  model_->write_object(object, batch);
  model_->attention.insert(object);
  return {};
}

Result<Retrieval> Placement::retrieve(const ObjectId& object, Instant now) {
  ObjectRow* row = model_->object(object);
  if (row == nullptr || row->deleting) return unknown(object);
  const ObjectView view = model_->view_of(object, *row);
  if (view.readable < row->data_shards)
    return Error{ErrorCode::Unavailable, std::to_string(view.readable) + " of the " + std::to_string(row->data_shards) +
                                             " shards that are needed can be read now; try again when more machines are on", {}};
  Retrieval retrieval;
  for (std::uint32_t i = 0; i < row->shards.size(); ++i)
    if (row->shards[i].spooled) retrieval.ready.push_back({i, row->shards[i].digest, row->shards[i].size});
  const auto ready = static_cast<std::uint32_t>(retrieval.ready.size());
  retrieval.waiting = row->data_shards > ready ? row->data_shards - ready : 0;
  row->wanted_until = now + model_->settings.retrieval_kept;
  model_->attention.insert(object);
  return retrieval;
}

Done Placement::rebuilt(const ObjectId& object, std::uint32_t index, store::Batch& batch) {
  ObjectRow* row = model_->object(object);
  if (row == nullptr || row->deleting || index >= row->shards.size()) return unknown(object);
  ShardRow& shard = row->shards[index];
  const auto expected = std::find(row->rebuild_expects.begin(), row->rebuild_expects.end(), shard.digest);
  if (expected == row->rebuild_expects.end())
    return Error{ErrorCode::NotFound, "nobody waits for shard " + object.text + "/" + std::to_string(index), {}};
  model_->set_spooled(shard, true);
  model_->expect(shard.digest, -1);
  row->rebuild_expects.erase(expected);
  if (row->rebuild_expects.empty()) model_->end_rebuild(object);
  model_->write_shard({object, index}, batch);
  model_->attention.insert(object);
  return {};
}

}  // namespace fleet::placement
