// What the controller does: each use case a function, deterministic, without clock, disk, network or threads.
//
// A call takes `Instant now`, changes the model in memory, and appends to `batch` all that must become durable before its answer
// may leave (fleet/store/committer.h). When a commit fails, or after a crash, this object is dropped and another is load()ed from
// the store: it goes on from what was committed, and nothing that was answered is lost. The only IO is through Elements.
// When a call fails, `batch` holds nothing new of it.
//
// After a commit, hand what take_unneeded() gave before it to erase_elements().
// Not thread-safe: one event loop owns it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/ledger/journal.h"
#include "fleet/operations/answers.h"
#include "fleet/operations/settings.h"
#include "fleet/placement/placement.h"
#include "fleet/registry/registry.h"
#include "fleet/scheduler/scheduler.h"
#include "fleet/store/elements.h"
#include "fleet/store/store.h"
#include "images/keys/keys.h"
#include "policies/loading/loading.h"
#include "policies/terms/zone.h"

namespace fleet::operations {

// The controller's own keys, handed in by main.
struct Keys {
  images::keys::PrivateKey authority;  // issues certificates
  std::string authority_pem;
  images::keys::PrivateKey signing;    // Ed25519: assignments, tickets, release orders, countersignatures
  // P-256: opens what lines seal to us. Without one no escrow is taken and no slot key given.
  std::optional<images::keys::PrivateKey> escrow = std::nullopt;
};

class Operations {
 public:
  // `rules`, `zones` and `elements` outlive this.
  Operations(Settings settings, Keys keys, const policies::loading::Rules& rules, const policies::terms::ZoneRules& zones,
             store::Elements& elements);
  ~Operations();
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  // Builds the model from the store. Call once, first.
  Done load(store::Store& store, Instant now);

  // --- who calls
  [[nodiscard]] registry::Caller who(const KeyId& key) const;

  // --- enrolment (enrolment.cc)
  NonceAnswer nonce(Instant now);
  // `enrolment` is the DSSE of a contract::Enrolment. Unauthenticated: key, nonce or signature do not prove the machine;
  // Refused: no registered line vouches for it, or the terms are not those that were offered; Conflict: another answer was recorded.
  Result<EnrolmentAnswer> enrol(std::string_view enrolment, Instant now, store::Batch& batch);
  // --- the keys of lease partitions (escrow.cc)
  // A line's escrow for a machine that it vouched for; true when it was new. Refused when the line, serial or order is not the
  // voucher's, or it is sealed to another controller; Conflict when other keys were escrowed before.
  Result<bool> import_escrow(std::string_view escrow, const std::string& by, Instant now, store::Batch& batch);
  // The controller-held key of the calling machine's own lease partition. Each hand-out is an event. Refused before its owner has
  // accepted, and once it was ordered to release the partition; NotFound when no escrow came.
  Result<SlotKeyAnswer> slot_key(const MachineId& machine, Instant now, store::Batch& batch);

  // A receipt signed by the machine: kind Released -> the machine is Released. The same again is no error.
  Result<policies::terms::MachineState> take_receipt(std::string_view receipt, Instant now, store::Batch& batch);

  // --- the message channel (messages.cc)
  // One exchange: an encoded frame in, an encoded frame out. An idle one leaves `batch` empty. `network` says where the call came
  // from, as coarse as wanted ("198.51.100.0/24"); may be empty.
  Result<std::string> messages(const MachineId& machine, std::string_view frame, std::string_view network, Instant now,
                               store::Batch& batch);

  // --- the data channel (elements.cc)
  // `ticket` is the DSSE text, empty when none was sent. PermissionDenied without a fitting ticket or ownership.
  Result<ElementPut> put_element(const registry::Caller& caller, const Digest& digest, std::string_view bytes, std::string_view ticket,
                                 Instant now, store::Batch& batch);
  // Bytes from `offset` to the end.
  Result<ElementPart> get_element(const registry::Caller& caller, const Digest& digest, std::uint64_t offset, std::string_view ticket,
                                  Instant now);
  // Elements that became unneeded by what is in batches so far; each is told once.
  std::vector<Digest> take_unneeded();
  // Erases those that are still unneeded. Call it when the batches are durable.
  void erase_elements(const std::vector<Digest>& unneeded);

  // --- clients: objects (objects.cc)
  Result<placement::ObjectView> put_object(placement::ObjectOrder order, Instant now, store::Batch& batch);
  Result<placement::ObjectView> object(const PartyId& client, const ObjectId& object) const;
  std::vector<placement::ObjectView> objects(const PartyId& client) const;
  Result<placement::Retrieval> retrieve(const PartyId& client, const ObjectId& object, Instant now, store::Batch& batch);
  Done remove_object(const PartyId& client, const ObjectId& object, Instant now, store::Batch& batch);

  // --- clients: jobs (jobs.cc)
  Result<scheduler::JobView> submit_job(scheduler::JobOrder order, Instant now, store::Batch& batch);
  Result<scheduler::JobView> job(const PartyId& client, const JobId& job) const;
  std::vector<scheduler::JobView> jobs(const PartyId& client) const;
  Result<std::vector<scheduler::TaskView>> tasks(const PartyId& client, const JobId& job, std::uint32_t from, std::uint32_t count) const;
  Result<scheduler::JobView> stop_job(const PartyId& client, const JobId& job, Instant now, store::Batch& batch);
  Result<scheduler::JobView> resume_job(const PartyId& client, const JobId& job, Instant now, store::Batch& batch);
  Result<scheduler::JobView> remove_job(const PartyId& client, const JobId& job, Instant now, store::Batch& batch);

  // --- clients: money (accounts.cc)
  Result<Account> account(const PartyId& client, Instant now) const;
  // The name under which a client sees a machine: the same for all its objects and jobs, another for every other client.
  [[nodiscard]] static std::string pseudonym(const PartyId& client, const MachineId& machine);

  // --- staff (parties.cc, machines.cc, agreements.cc). `by` is who did it, for the record.
  Done register_line(registry::Line line, const std::string& by, Instant now, store::Batch& batch);
  // A line's voucher; true when it was new.
  Result<bool> import_voucher(std::string_view voucher, const std::string& by, Instant now, store::Batch& batch);
  // The statement of a line's export, which says that all of its file came from that line; Refused when no registered line signed it.
  Done import_export(std::string_view statement, const std::string& by, Instant now, store::Batch& batch);
  // A line's receipt for a machine that it vouched for.
  Done import_receipt(std::string_view receipt, const std::string& by, Instant now, store::Batch& batch);
  // What was ordered, so that the incentives that depend on it are valued as they were quoted; true when it was new.
  Result<bool> import_order(std::string_view yaml, const std::string& by, Instant now, store::Batch& batch);
  // A client or staff member with a key; the answer is a certificate for it. The same again: a new certificate.
  Result<PartyAnswer> add_party(registry::Party party, const std::string& by, Instant now, store::Batch& batch);

  Result<MachineView> machine(const MachineId& machine, Instant now) const;
  std::vector<MachineView> machines(Instant now) const;
  Done give_up_machine(const MachineId& machine, const std::string& by, const std::string& reason, Instant now, store::Batch& batch);
  // Orders a machine whose lease is over to give its partition back although it still holds what others count on; `by` answers for
  // that, and stands in the signed order. Conflict unless it is releasing and was not ordered yet.
  Done force_release(const MachineId& machine, const std::string& by, const std::string& reason, Instant now, store::Batch& batch);
  Done drain_machine(const MachineId& machine, const std::string& by, const std::string& reason, Instant now, store::Batch& batch);
  Done terminate_agreement(const AgreementId& agreement, const std::string& by, const std::string& reason, Instant now,
                           store::Batch& batch);

  // --- what time drives (tick.cc)
  // Bounded work; call it again soon when it returns true (more is due already). Every second or so, and in a simulation
  // whenever next_due() comes.
  bool tick(Instant now, store::Batch& batch);
  // When tick() next has something to do.
  [[nodiscard]] std::optional<Instant> next_due() const;

  // --- views of the parts
  [[nodiscard]] const registry::Registry& registry() const;
  [[nodiscard]] const scheduler::Scheduler& scheduler() const;
  [[nodiscard]] const placement::Placement& placement() const;
  [[nodiscard]] const ledger::Journal& journal() const;
  [[nodiscard]] const policies::loading::Rules& rules() const;
  // Counted anew at most once a second.
  [[nodiscard]] Figures figures(Instant now) const;

 private:
  struct World;
  std::unique_ptr<World> world_;
};

}  // namespace fleet::operations
