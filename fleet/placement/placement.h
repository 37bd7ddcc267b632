// Where shards go, and what is done when machines leave. Decides purely: the same calls with the same values give the same answers.
//
// Rules: the shards of an object lie on distinct machines of distinct owners; only on leased machines with room, that are online
// and whose lease ends late enough. A machine that is offline has lost nothing: only a given-up machine, or one that itself says
// that a shard is missing or corrupt, makes a shard count as gone. The object with the fewest shards above k is served first.
//
// The model is in memory; each call that changes it appends the changed records (Table::Objects, Shards, Allocations, and one
// counter in Settings) to `batch`, and the caller makes them durable before it acts on the answer. load() rebuilds the model.
// Not thread-safe: one event loop owns it.
#pragma once

#include <memory>

#include "fleet/placement/object.h"
#include "fleet/store/store.h"
#include "policies/vocabulary/result.h"

namespace fleet::placement {

struct Settings {
  Duration lease_left_min = std::chrono::hours(24 * 14);  // a machine whose lease ends sooner gets no new shard
  Duration order_patience = std::chrono::minutes(10);     // then an unanswered order is given to another machine
  Duration retrieval_kept = std::chrono::minutes(15);     // how long shards fetched for a client stay in the spool
  std::uint32_t retrieval_extra = 1;                      // shards asked for beyond k when a client reads: one silent machine delays nobody
  std::uint32_t shards_max = 255;                         // n at most
  std::uint32_t repairs_max = 64;                         // objects under repair at one time
};

class Placement {
 public:
  explicit Placement(Settings settings);
  ~Placement();
  Placement(Placement&&) noexcept;
  Placement& operator=(Placement&&) noexcept;

  // Replaces the model by what the store holds. Machines are told again by set_machine.
  Done load(store::Store& store);

  // --- machines
  void set_machine(const MachineFacts& facts);
  // Lost, or released: what it holds counts as gone and its allocations end. When it comes back, its inventory is stale: see reconcile.
  void give_up_machine(const MachineId& machine, Instant now, store::Batch& batch, const std::string& because = "the machine was given up");
  // Everything it holds is to be moved elsewhere: plan() does it, step by step. Nothing new goes to it. Not recorded
  // here: the registry knows who drains, and says so again after load(). Again is no error.
  void drain(const MachineId& machine);
  void stop_draining(const MachineId& machine);
  // True when the machine holds nothing more that anybody counts on, and was told to delete the rest.
  [[nodiscard]] bool is_empty(const MachineId& machine) const;

  // --- objects
  // InvalidInput when k, n or the shards do not fit each other; AlreadyExists for another object under that id (the same order
  // again is no error and changes nothing).
  Done add(ObjectOrder order, Instant now, store::Batch& batch);
  // Every shard is deleted everywhere; the orders come from plan(). NotFound.
  Done remove(const ObjectId& object, Instant now, store::Batch& batch);
  // The client wants it: plan() fetches shards until k are in the spool, where they stay for a while. NotFound; Unavailable when fewer than
  // k shards can be had from machines that are online now.
  Result<Retrieval> retrieve(const ObjectId& object, Instant now);

  // --- news
  // A word from a machine. What is stale or repeated changes nothing. After Sent, the caller has checked that the element is there.
  void status(const Status& status, Instant now, store::Batch& batch);
  // A whole inventory: what is not ours any more is to be deleted; what we count on and is not listed is gone.
  void reconcile(const MachineId& machine, std::vector<HeldItem> inventory, Instant now, store::Batch& batch);
  // The missing shard lies in the spool now. NotFound when it is no longer wanted.
  Done rebuilt(const ObjectId& object, std::uint32_t index, store::Batch& batch);

  // --- deciding
  // All that should be ordered now: placing, fetching, rebuilding, moving, deleting. Call it after news and when next_due() comes.
  Orders plan(Instant now, std::uint64_t seed, store::Batch& batch);
  [[nodiscard]] std::optional<Instant> next_due() const;

  // --- measurements for the ledger
  // What clients stored and machines held since the last settlement; handed out exactly once, across crashes, if the batch is made durable with
  // the entries that are booked from it.
  Settlement settle(Instant now, store::Batch& batch);

  // --- views
  [[nodiscard]] std::optional<ObjectView> object(const ObjectId& object) const;
  [[nodiscard]] std::vector<ObjectView> objects_of(const PartyId& client) const;
  [[nodiscard]] std::vector<ObjectId> objects() const;
  [[nodiscard]] std::vector<ShardView> shards_on(const MachineId& machine) const;
  [[nodiscard]] std::vector<Allocation> allocations_of(const MachineId& machine) const;  // past and present, by number
  [[nodiscard]] Bytes allocated_on(const MachineId& machine) const;
  // True while placement counts on these bytes being in the controller's elements.
  [[nodiscard]] bool spool_needs(const Digest& element) const;

 private:
  struct Model;
  std::unique_ptr<Model> model_;
};

}  // namespace fleet::placement
