#include "fleet/client/transfers.h"

#include "fleet/client/pending.h"
#include "policies/vocabulary/hex.h"

namespace fleet::client {
namespace {

namespace keys = images::keys;

constexpr std::size_t object_id_size = 16;

Digest about(std::string_view content, const PutRequest& request) {
  keys::Sha256 sum;
  sum.add(std::to_string(request.name.size()) + " " + request.name + " " + std::to_string(request.code.data) + " " + std::to_string(request.code.total) + " ");
  sum.add(content);
  return sum.finish();
}

Result<PendingPut> sealed_anew(const Home& home, Pending& pending, std::string_view content, const PutRequest& request) {
  const ObjectId id(hex_of(keys::random_bytes(object_id_size)));
  objects::Facts facts{request.name, request.content_type, {}, {}, request.now};
  const Result<objects::SealedObject> sealed = objects::seal_object(id, content, std::move(facts), request.code, home.sealing_secret());
  if (!sealed) return sealed.error();
  for (std::size_t i = 0; i < sealed->shard_bytes.size(); ++i)
    if (const Done written = pending.write_shard(i, sealed->shard_bytes[i]); !written) return written.error();
  PendingPut put{id, sealed->sealed_facts, sealed->code, sealed->shards, {}};
  if (const Done written = pending.write(put); !written) return written.error();
  return put;
}

Done send_shards(Client& client, Pending& pending, PendingPut& put, const Progress& progress) {
  for (const objects::ShardFacts& shard : put.shards) {
    if (put.sent.contains(shard.index)) continue;
    const Result<std::string> bytes = pending.read_shard(shard.index);
    if (!bytes) return bytes.error();
    if (const Done sent = client.put_element(shard.digest, *bytes); !sent) return sent;
    put.sent.insert(shard.index);
    if (const Done written = pending.write(put); !written) return written;
    progress("sent " + std::to_string(put.sent.size()) + " of " + std::to_string(put.shards.size()) + " shards (" + shard.size.text() + " each)");
  }
  return {};
}

Result<ObjectRecord> sent_and_registered(Client& client, Pending& pending, PendingPut& put, const Progress& progress) {
  if (const Done sent = send_shards(client, pending, put, progress); !sent) return sent.error();
  return client.register_object(put.object, {put.sealed_facts, put.code, put.shards, {}});
}

// A record whose shards are gone or damaged (the folder was tidied by hand) is of no use.
bool usable(Pending& pending, const PendingPut& put) {
  for (const objects::ShardFacts& shard : put.shards) {
    const Result<std::string> bytes = pending.read_shard(shard.index);
    if (!bytes || keys::sha256(*bytes) != shard.digest) return false;
  }
  return true;
}

std::string names_of(const OwnObjects& own) {
  std::string names;
  std::size_t shown = 0;
  for (auto object = own.objects.rbegin(); object != own.objects.rend() && shown < 10; ++object, ++shown)
    names += (names.empty() ? "" : ", ") + object->facts.name;
  return names.empty() ? "nothing" : names;
}

}  // namespace

Result<ObjectRecord> put_object(const Home& home, Client& client, std::string_view content, const PutRequest& request, const Progress& progress) {
  const std::string doing = "putting " + request.name;
  Pending pending(home, "put", about(content, request));
  Result<std::optional<PendingPut>> begun = pending.read_put();
  if (!begun) return begun.error().within(doing);
  std::optional<PendingPut> put = *std::move(begun);
  if (put) {
    // The answer may have been lost after the controller took it.
    Result<ObjectRecord> known = client.object(put->object);
    if (!known && known.error().code != ErrorCode::NotFound) return known.error().within(doing);
    if (known) {
      if (const Done finished = pending.finish(put->shards.size()); !finished) return finished.error().within(doing);
      return known;
    }
    if (!usable(pending, *put)) put.reset();
  }
  if (put) {
    progress("going on with object " + put->object.text);
  } else {
    Result<PendingPut> sealed = sealed_anew(home, pending, content, request);
    if (!sealed) return sealed.error().within(doing);
    put = *std::move(sealed);
  }
  const bool resumed = !put->sent.empty();
  Result<ObjectRecord> record = sent_and_registered(client, pending, *put, progress);
  if (!record && resumed && (record.error().code == ErrorCode::NotFound || record.error().code == ErrorCode::Conflict)) {
    // The controller no longer has what was sent long ago.
    put->sent.clear();
    record = sent_and_registered(client, pending, *put, progress);
  }
  if (!record) return record.error().within(doing);
  if (const Done finished = pending.finish(put->shards.size()); !finished) return finished.error().within(doing);
  return record;
}

Result<ObjectRecord> wait_until_stored(Client& client, const ObjectId& id, std::size_t asks, Duration between, const Pause& pause) {
  for (std::size_t i = 0; i < asks; ++i) {
    if (i > 0) pause(between);
    Result<ObjectRecord> record = client.object(id);
    if (!record || record->state == "stored") return record;
  }
  return Error{ErrorCode::Unavailable, "object " + id.text + " is safe with the controller, but not yet on enough machines; see: leaseback object show " + id.text, {}};
}

Result<OwnObjects> own_objects(const Home& home, Client& client) {
  Result<std::vector<ObjectRecord>> records = client.objects();
  if (!records) return records.error();
  OwnObjects own;
  for (ObjectRecord& record : *records) {
    Result<objects::Facts> facts = objects::open_facts(record.object, record.sealed_facts, home.sealing_secret());
    if (facts)
      own.objects.push_back({std::move(record), *std::move(facts)});
    else
      ++own.foreign;
  }
  std::stable_sort(own.objects.begin(), own.objects.end(), [](const OwnObject& a, const OwnObject& b) { return a.facts.put_at < b.facts.put_at; });
  return own;
}

Result<OwnObject> find_object(const Home& home, Client& client, std::string_view name_or_id) {
  Result<OwnObjects> own = own_objects(home, client);
  if (!own) return own.error();
  for (OwnObject& object : own->objects)
    if (object.record.object.text == name_or_id) return std::move(object);
  for (auto object = own->objects.rbegin(); object != own->objects.rend(); ++object)
    if (object->facts.name == name_or_id) return std::move(*object);
  return Error{ErrorCode::NotFound, "there is no object '" + std::string(name_or_id) + "'; there is: " + names_of(*own), {}};
}

Result<std::string> get_object(const Home& home, Client& client, const OwnObject& object, std::size_t asks, Duration between, const Pause& pause,
                               const Progress& progress) {
  const ObjectRecord& record = object.record;
  const std::vector<objects::ShardFacts> expected = facts_of(record.shards);
  objects::Shards have;
  std::uint64_t waiting = 0;
  for (std::size_t i = 0; i < asks; ++i) {
    if (i > 0) pause(between);
    const Result<Retrieval> retrieval = client.retrieve(record.object);
    if (!retrieval) return retrieval.error().within("getting " + object.facts.name);
    waiting = retrieval->waiting;
    for (const Retrieval::Ready& ready : retrieval->ready) {
      if (have.size() == record.code.data || have.contains(ready.index)) continue;
      Result<std::string> bytes = client.get_element(ready.digest);
      // Another shard may do instead of one that is damaged or has just gone.
      if (!bytes && bytes.error().code != ErrorCode::Corrupt && bytes.error().code != ErrorCode::NotFound) return bytes.error().within("getting " + object.facts.name);
      if (!bytes) continue;
      have[ready.index] = *std::move(bytes);
      progress("have " + std::to_string(have.size()) + " of " + std::to_string(record.code.data) + " shards");
    }
    if (have.size() >= record.code.data)
      return objects::open_object(record.object, record.sealed_facts, record.code, expected, have, home.sealing_secret());
  }
  return Error{ErrorCode::Unavailable,
               "only " + std::to_string(have.size()) + " of " + std::to_string(record.code.data) + " shards of " + object.facts.name + " could be read now, " +
                   std::to_string(waiting) + " machines have not answered; try again later", {}};
}

}  // namespace fleet::client
