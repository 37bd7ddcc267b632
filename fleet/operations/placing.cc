// What placement wants moved becomes messages with tickets; what it wants rebuilt is rebuilt here, without any key.
#include "agent/contract/messages.pb.h"
#include "fleet/objects/objects.h"
#include "fleet/operations/world.h"

namespace fleet::operations {
namespace {

// Rebuilding makes room for more orders; each round ends some of them.
constexpr int rounds_max = 64;

contract::Message message_of(const placement::ShardMove& move, const std::string& ticket) {
  contract::Message message;
  switch (move.kind) {
    case placement::OrderKind::Store: {
      contract::StoreShard& order = *message.mutable_store_shard();
      order.set_request(move.request);
      order.set_shard(move.shard.text);
      order.set_digest(move.digest.text);
      order.set_size(move.size.count);
      order.set_ticket(ticket);
      break;
    }
    case placement::OrderKind::Send: {
      contract::SendShard& order = *message.mutable_send_shard();
      order.set_request(move.request);
      order.set_shard(move.shard.text);
      order.set_digest(move.digest.text);
      order.set_ticket(ticket);
      break;
    }
    case placement::OrderKind::Delete: {
      contract::DeleteShard& order = *message.mutable_delete_shard();
      order.set_request(move.request);
      order.set_shard(move.shard.text);
      order.set_digest(move.digest.text);
      break;
    }
  }
  return message;
}

}  // namespace

void Operations::World::rebuild(const placement::Rebuild& wanted, Instant now, store::Batch& batch) {
  const auto object = placement.object(wanted.object);
  if (!object) return;
  const objects::Code code{wanted.data_shards, wanted.total_shards};
  std::vector<objects::ShardFacts> expected;
  for (const placement::ShardView& shard : object->shards) expected.push_back({shard.index, shard.digest, shard.size});
  objects::Shards have;
  std::vector<std::size_t> missing;
  for (const placement::ShardOrder& shard : wanted.have)
    // What cannot be read is left out: rebuild() then says how many are too few.
    if (Result<std::string> bytes = elements.get(shard.digest)) have.emplace(shard.index, *std::move(bytes));
  for (const placement::ShardOrder& shard : wanted.missing) missing.push_back(shard.index);
  const Result<objects::Shards> rebuilt = objects::rebuild(code, expected, have, missing);
  if (!rebuilt) {
    registry.record({.kind = "rebuild-failed", .text = "object " + wanted.object.text + ": " + rebuilt.error().text()}, by_controller(now, ""), batch);
    return;
  }
  for (const placement::ShardOrder& shard : wanted.missing) {
    const Done put = elements.put(shard.digest, rebuilt->at(shard.index));
    if (put && placement.rebuilt(wanted.object, shard.index, batch)) continue;
    if (!put) registry.record({.kind = "rebuild-failed", .text = "object " + wanted.object.text + ": " + put.error().text()}, by_controller(now, ""), batch);
    unneeded.push_back(shard.digest);
  }
}

void Operations::World::place(Instant now, store::Batch& batch) {
  placement_changed = false;
  for (int round = 0; round < rounds_max; ++round) {
    const auto seed = static_cast<std::uint64_t>(now.time_since_epoch().count()) * 1'000 + static_cast<std::uint64_t>(round);
    const placement::Orders wanted = placement.plan(now, seed, batch);
    for (const placement::ShardMove& move : wanted.moves) {
      const contract::TicketAct act = move.kind == placement::OrderKind::Send ? contract::TicketAct::Put : contract::TicketAct::Get;
      send(move.machine, message_of(move, move.kind == placement::OrderKind::Delete ? "" : ticket(move.machine, move.digest, act, move.size, now)));
    }
    for (const Digest& digest : wanted.spool_free) {
      // A client's upload has done its service once its shard is where it belongs.
      if (!scheduler.refers_to(digest)) forget_upload(digest, batch);
      unneeded.push_back(digest);
    }
    for (const ObjectId& id : wanted.changed)
      if (const auto object = placement.object(id))
        registry.record({.kind = "object-" + std::string(name_of(object->state)), .party = object->client, .text = id.text}, by_controller(now, ""), batch);
    if (wanted.rebuilds.empty()) return;
    for (const placement::Rebuild& one : wanted.rebuilds) rebuild(one, now, batch);
  }
}

}  // namespace fleet::operations
