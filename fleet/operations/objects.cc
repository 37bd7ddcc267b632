// Clients' objects: put, seen, fetched, removed.
#include "fleet/operations/world.h"
#include "policies/vocabulary/hex.h"

namespace fleet::operations {
namespace {

constexpr std::size_t id_max = 128;
constexpr std::size_t sealed_facts_max = 64 << 10;

Error unknown(const ObjectId& id) { return {ErrorCode::NotFound, "no object '" + id.text.substr(0, id_max) + "'", {}}; }

}  // namespace

Result<placement::ObjectView> Operations::put_object(placement::ObjectOrder order, Instant now, store::Batch& batch) {
  World& world = *world_;
  if (order.object.empty() || order.object.text.size() > id_max || order.object.text.find('/') != std::string::npos)
    return Error{ErrorCode::InvalidInput, "an object's id has 1 to 128 bytes without '/'", {}};
  if (order.sealed_facts.size() > sealed_facts_max) return Error{ErrorCode::LimitExceeded, "sealed_facts of more than 64 KiB", {}};
  // The same order again, e.g. because the first answer was lost: placement says whether it is the same.
  const auto known = world.placement.object(order.object);
  if (known && known->client != order.client) return Error{ErrorCode::AlreadyExists, "there is an object '" + order.object.text + "' already", {}};
  if (!known)
    for (const placement::ShardOrder& shard : order.shards) {
      const auto upload = world.uploads.find(shard.digest);
      const bool there = is_sha256_hex(shard.digest.text) && upload != world.uploads.end() && upload->second.owners.contains(order.client);
      if (!there)
        return Error{ErrorCode::Conflict, "shard " + std::to_string(shard.index) + " was not put: PUT /v1/elements/" + shard.digest.text.substr(0, 64) + " first", {}};
      if (upload->second.size != shard.size)
        return Error{ErrorCode::InvalidInput, "shard " + std::to_string(shard.index) + " has " + upload->second.size.text() + ", not " + shard.size.text(), {}};
    }
  const std::vector<placement::ShardOrder> shards = order.shards;
  const PartyId client = order.client;
  const ObjectId id = order.object;
  if (const Done added = world.placement.add(std::move(order), now, batch); !added) return added.error();
  if (!known) {
    for (const placement::ShardOrder& shard : shards) world.readers[shard.digest].insert(client);
    world.registry.record({.kind = "object-put", .party = client, .text = id.text}, {now, "client " + client.text, ""}, batch);
  }
  world.placement_changed = true;
  world.finish(now, batch);
  return object(client, id);
}

Result<placement::ObjectView> Operations::object(const PartyId& client, const ObjectId& id) const {
  auto found = world_->placement.object(id);
  if (!found || found->client != client || found->state == placement::ObjectState::Deleting) return unknown(id);
  return *std::move(found);
}

std::vector<placement::ObjectView> Operations::objects(const PartyId& client) const {
  std::vector<placement::ObjectView> views = world_->placement.objects_of(client);
  std::erase_if(views, [](const placement::ObjectView& view) { return view.state == placement::ObjectState::Deleting; });
  return views;
}

Result<placement::Retrieval> Operations::retrieve(const PartyId& client, const ObjectId& id, Instant now, store::Batch& batch) {
  if (const auto mine = object(client, id); !mine) return mine.error();
  World& world = *world_;
  Result<placement::Retrieval> retrieval = world.placement.retrieve(id, now);
  if (!retrieval) return retrieval;
  world.placement_changed = true;
  world.finish(now, batch);
  return retrieval;
}

Done Operations::remove_object(const PartyId& client, const ObjectId& id, Instant now, store::Batch& batch) {
  const auto mine = object(client, id);
  if (!mine) return mine.error();
  World& world = *world_;
  if (const Done removed = world.placement.remove(id, now, batch); !removed) return removed;
  for (const placement::ShardView& shard : mine->shards) {
    const auto reader = world.readers.find(shard.digest);
    if (reader != world.readers.end()) world.readers.erase(reader);
    world.forget_upload(shard.digest, batch);
  }
  world.registry.record({.kind = "object-removed", .party = client, .text = id.text}, {now, "client " + client.text, ""}, batch);
  world.placement_changed = true;
  world.finish(now, batch);
  return {};
}

}  // namespace fleet::operations
