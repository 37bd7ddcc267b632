// The values of Table::Objects, Table::Shards and Table::Allocations. Fields are only ever added.
#include "fleet/placement/model.h"
#include "fleet/store/record.h"

namespace fleet::placement {
namespace {
using boost::json::array;
using boost::json::object;
using store::record_of;
using store::RecordReader;

constexpr std::array<std::string_view, 3> holding_states = {"sent", "held", "deleting"};

}  // namespace

std::string object_record(const ObjectRow& row) {
  array shards;
  for (const ShardRow& shard : row.shards) shards.push_back(object{{"digest", shard.digest.text}, {"size", shard.size.count}});
  return boost::json::serialize(object{{"client", row.client.text},
                                       {"sealed_facts", row.sealed_facts},
                                       {"data_shards", row.data_shards},
                                       {"total_shards", row.total_shards},
                                       {"created_at", record_of(row.created_at)},
                                       {"stored_once", row.stored_once},
                                       {"deleting", row.deleting},
                                       {"shards", std::move(shards)}});
}

Result<ObjectRow> object_from(std::string_view text) {
  RecordReader reader(text);
  ObjectRow row;
  row.client = PartyId(reader.text("client"));
  row.sealed_facts = reader.text("sealed_facts");
  row.data_shards = reader.small("data_shards");
  row.total_shards = reader.small("total_shards");
  row.created_at = reader.instant("created_at");
  row.stored_once = reader.flag("stored_once");
  row.deleting = reader.flag("deleting");
  for (const boost::json::value& item : reader.list("shards")) {
    RecordReader shard(item);
    ShardRow& added = row.shards.emplace_back();
    added.digest = Digest(shard.text("digest"));
    added.size = shard.bytes("size");
    if (Done done = shard.outcome(); !done) return done.error();
  }
  if (Done done = reader.outcome(); !done) return done.error();
  if (row.shards.size() != row.total_shards) return Error{ErrorCode::Corrupt, "an object must list all its shards", {}};
  return row;
}

std::string shard_record(const ShardRow& row) {
  array holdings;
  for (const HoldingRow& held : row.holdings)
    holdings.push_back(object{{"machine", held.holding.machine.text},
                              {"owner", held.owner.text},
                              {"state", std::string(holding_states.at(static_cast<std::size_t>(held.holding.state)))},
                              {"request", held.holding.request},
                              {"since", record_of(held.holding.since)},
                              {"allocation", held.holding.allocation}});
  return boost::json::serialize(object{{"spooled", row.spooled}, {"holdings", std::move(holdings)}});
}

Result<ShardRow> shard_from(std::string_view text) {
  RecordReader reader(text);
  ShardRow row;
  row.spooled = reader.flag("spooled");
  for (const boost::json::value& item : reader.list("holdings")) {
    RecordReader held(item);
    HoldingRow& added = row.holdings.emplace_back();
    added.holding.machine = MachineId(held.text("machine"));
    added.owner = PartyId(held.text("owner"));
    const std::string state = held.text("state");
    added.holding.request = held.count("request");
    added.holding.since = held.instant("since");
    added.holding.allocation = held.count("allocation");
    if (Done done = held.outcome(); !done) return done.error();
    const auto known = std::find(holding_states.begin(), holding_states.end(), state);
    if (known == holding_states.end()) return Error{ErrorCode::Corrupt, "'" + state + "' is no state of a holding", {}};
    added.holding.state = static_cast<HoldingState>(known - holding_states.begin());
  }
  if (Done done = reader.outcome(); !done) return done.error();
  return row;
}

std::string allocation_record(const Allocation& allocation) {
  return boost::json::serialize(object{{"number", allocation.number},
                                       {"machine", allocation.machine.text},
                                       {"portion", allocation.portion.count},
                                       {"to", allocation.to},
                                       {"client", allocation.client.text},
                                       {"since", record_of(allocation.since)},
                                       {"until", record_of(allocation.until)},
                                       {"ended_because", allocation.ended_because}});
}

Result<Allocation> allocation_from(std::string_view text) {
  RecordReader reader(text);
  Allocation allocation;
  allocation.number = reader.count("number");
  allocation.machine = MachineId(reader.text("machine"));
  allocation.portion = reader.bytes("portion");
  allocation.to = reader.text("to");
  allocation.client = PartyId(reader.text("client"));
  allocation.since = reader.instant("since");
  allocation.until = reader.instant_if_any("until");
  allocation.ended_because = reader.text("ended_because");
  if (Done done = reader.outcome(); !done) return done.error();
  return allocation;
}

std::string meter_record(const Meter& meter) {
  return boost::json::serialize(object{{"kib_seconds", meter.total},
                                       {"until", record_of(meter.until)},
                                       {"settled", meter.settled},
                                       {"settlements", meter.settlements}});
}

Result<Meter> meter_from(std::string_view text) {
  RecordReader reader(text);
  Meter meter;
  meter.total = reader.count("kib_seconds");
  meter.until = reader.instant("until");
  meter.settled = reader.count("settled");
  meter.settlements = reader.small("settlements");
  if (Done done = reader.outcome(); !done) return done.error();
  return meter;
}

}  // namespace fleet::placement
