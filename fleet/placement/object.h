// The words of placement: objects, their shards, who holds them, and the orders that move them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"

namespace fleet::placement {
using namespace policies::vocabulary;

struct ShardOrder {
  std::uint32_t index = 0;
  Digest digest;
  Bytes size;
};

// An object whose shards lie in the spool (the controller's elements).
struct ObjectOrder {
  ObjectId object;
  PartyId client;
  std::string sealed_facts;   // base64, unreadable to us
  std::uint32_t data_shards = 0;   // k
  std::uint32_t total_shards = 0;  // n; one ShardOrder per index below n
  std::vector<ShardOrder> shards;
};

enum class ObjectState {
  Spooled,    // durable with the controller; not yet on all its machines
  Stored,     // all n shards are held
  Degraded,   // fewer than n are held, at least k can still be had; nothing can be done at the moment
  Repairing,  // the same, and the missing shards are being rebuilt or moved
  Lost,       // fewer than k shards exist
  Deleting,   // gone for the client; machines are being told
};
enum class ShardState { Spooled, Sent, Held, Retrieving, Missing };
std::string_view name_of(ObjectState state);  // "spooled", ...
std::string_view name_of(ShardState state);

enum class HoldingState {
  Sent,      // the machine was told to fetch it
  Held,      // the machine says that it is durable there
  Deleting,  // the machine was told to delete it
};

struct Holding {
  MachineId machine;
  HoldingState state = HoldingState::Sent;
  std::uint64_t request = 0;   // of the latest order about it
  Instant since;
  std::uint64_t allocation = 0;
};

struct ShardView {
  ShardId shard;  // "<object>/<index>"
  std::uint32_t index = 0;
  Digest digest;
  Bytes size;
  ShardState state = ShardState::Spooled;
  bool spooled = false;  // its bytes are in the controller's elements now
  std::vector<Holding> holdings;
};

struct ObjectView {
  ObjectId object;
  PartyId client;
  std::string sealed_facts;
  ObjectState state = ObjectState::Spooled;
  std::uint32_t data_shards = 0;
  std::uint32_t total_shards = 0;
  Instant created_at;
  std::vector<ShardView> shards;
  std::uint32_t held = 0;      // shards on machines that were not given up
  std::uint32_t readable = 0;  // shards held by machines that are online now, or spooled
  [[nodiscard]] Bytes stored_bytes() const;  // sum over all shards: what storage is charged on
};

// What placement must know of a machine. Kept in memory only: the registry is its truth.
struct MachineFacts {
  MachineId machine;
  PartyId owner;
  std::string network;    // e.g. the address block; shards of an object avoid sharing one where they can
  bool leased = false;    // may take new shards
  bool online = false;    // was heard within the time that counts as online
  Bytes room;             // what its vault may hold in all
  std::optional<Instant> lease_ends_at;  // nothing: open end
};

enum class OrderKind { Store, Send, Delete };
// A message to a machine, except for the ticket.
struct ShardMove {
  OrderKind kind = OrderKind::Store;
  std::uint64_t request = 0;
  MachineId machine;
  ShardId shard;
  Digest digest;
  Bytes size;
};

// Work for the controller itself: decode `have` (all in the spool), encode `missing`, put each as an element, then call
// rebuilt() for each.
struct Rebuild {
  ObjectId object;
  std::uint32_t data_shards = 0;
  std::uint32_t total_shards = 0;
  std::vector<ShardOrder> have;     // exactly k
  std::vector<ShardOrder> missing;
};

struct Orders {
  std::vector<ShardMove> moves;
  std::vector<Rebuild> rebuilds;
  std::vector<Digest> spool_free;        // elements that placement no longer needs
  std::vector<ObjectId> changed;         // objects whose state is another than before
};

// A word from a machine about one order.
enum class StatusKind { Stored, Sent, Deleted, Missing, Corrupt, Refused, Failed };
struct Status {
  MachineId machine;
  ShardId shard;
  StatusKind kind = StatusKind::Stored;
  Digest digest;
  std::uint64_t request = 0;
  std::string reason;
};

struct HeldItem {
  ShardId shard;
  Digest digest;
  Bytes size;
};

// D2: which portion of which machine was given to what, since when, until when.
struct Allocation {
  std::uint64_t number = 0;
  MachineId machine;
  Bytes portion;
  std::string to;  // "shard <object>/<index>"
  PartyId client;
  Instant since;
  std::optional<Instant> until;
  std::string ended_because;
};

struct Retrieval {
  std::vector<ShardOrder> ready;   // in the spool now
  std::uint32_t waiting = 0;       // how many more are needed to have k
};

// What a client has stored (data shards only: copies are ours to pay for), as running totals in KiB-seconds before and after a
// settlement; whole seconds, sizes rounded up to KiB per shard. The charge is the price of `after` less the price of `before`,
// each rounded, so that no fraction of a cent is ever lost.
struct StorageUsed {
  PartyId client;
  std::uint32_t settlement = 0;  // running number per client, from 0: part of the natural key
  std::uint64_t kib_seconds_before = 0;
  std::uint64_t kib_seconds_after = 0;
};

// The same for the shards that a machine held.
struct StorageFurnished {
  MachineId machine;
  PartyId owner;
  std::uint32_t settlement = 0;  // per machine and owner
  std::uint64_t kib_seconds_before = 0;
  std::uint64_t kib_seconds_after = 0;
};

struct Settlement {
  std::vector<StorageUsed> used;
  std::vector<StorageFurnished> furnished;
};

}  // namespace fleet::placement
