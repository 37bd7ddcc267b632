// Who and what there is: parties, lines, vouchers, machines, agreements, keys, and what happened to them.
//
// The records are in memory; each call that changes one appends it to `batch`, and the caller makes that durable before it
// acts on the answer. load() rebuilds everything. States change only along the tables of policies/terms.
// Not thread-safe: one event loop owns it. Pointers stay valid until the next load().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fleet/registry/records.h"
#include "fleet/store/store.h"

namespace fleet::registry {

// Who holds a key, as far as we know. Nobody: all are empty.
struct Caller {
  KeyId key;
  MachineId machine;  // when it is a machine's key
  PartyId party;      // when it is a client's or staff's key
  bool client = false;
  bool staff = false;
  [[nodiscard]] bool known() const { return !machine.empty() || !party.empty(); }
};

// When, by whom and why something was done.
struct Happening {
  Instant at;
  std::string by;
  std::string reason;
};

class Registry {
 public:
  // Events that stay in memory; older ones are read from the store.
  static constexpr std::size_t recent_events_max = 20'000;

  // Replaces what is in memory by what the store holds.
  Done load(store::Store& store);

  // --- keys
  [[nodiscard]] Caller who(const KeyId& key) const;

  // --- parties and lines
  [[nodiscard]] const Party* find_party(const PartyId& id) const;
  [[nodiscard]] const std::map<PartyId, Party>& parties() const { return parties_; }
  // Adds a party, or roles and missing facts to one that is there. AlreadyExists when it has another key, or when the key belongs
  // to somebody else; InvalidInput for a bad id (1 to 64 of a-z 0-9 - _ .), a name over 256 bytes, no role.
  Done add_party(Party party, const Happening& how, store::Batch& batch);

  [[nodiscard]] const Line* find_line(const PartyId& id) const;
  [[nodiscard]] const Line* find_line_by_key(const KeyId& key) const;
  [[nodiscard]] const std::map<PartyId, Line>& lines() const { return lines_; }
  // The same line again is no error; AlreadyExists when it is there with another key, or the key is another line's.
  Done add_line(Line line, const Happening& how, store::Batch& batch);

  // --- vouchers
  [[nodiscard]] const Voucher* find_voucher(const MachineId& machine) const;
  // Adds the voucher, its machine (Provisioned), the owner as a party and the agreement (Offered, as given, with an id made here).
  // Returns false when it was there. Conflict when the machine, the serial or the order was vouched for differently before.
  Result<bool> add_voucher(Voucher voucher, Agreement offered, const Happening& how, store::Batch& batch);

  // --- machines
  [[nodiscard]] const Machine* find_machine(const MachineId& id) const;
  [[nodiscard]] const std::map<MachineId, Machine>& machines() const { return machines_; }
  // The machine whose id begins with `prefix`, or whose serial it is. NotFound; Conflict when several fit.
  [[nodiscard]] Result<MachineId> resolve_machine(std::string_view prefix) const;
  // Conflict when the table has no such step. NotFound.
  Done advance(const MachineId& id, terms::MachineEvent event, const Happening& how, store::Batch& batch);
  // Changes anything but id and state. Precondition: the machine is there.
  void update(const MachineId& id, const std::function<void(Machine&)>& change, store::Batch& batch);
  // The same, in memory only: for what is stored in groups later.
  void update_unstored(const MachineId& id, const std::function<void(Machine&)>& change);

  // --- agreements
  [[nodiscard]] const Agreement* find_agreement(const AgreementId& id) const;
  [[nodiscard]] const std::map<AgreementId, Agreement>& agreements() const { return agreements_; }
  // Adds an agreement with a new id (returned) in the state it has.
  AgreementId add_agreement(Agreement agreement, const Happening& how, store::Batch& batch);
  Done advance(const AgreementId& id, terms::AgreementEvent event, const Happening& how, store::Batch& batch);
  // Changes anything but id and state. Precondition: the agreement is there.
  void update(const AgreementId& id, const std::function<void(Agreement&)>& change, store::Batch& batch);

  // --- the keys of lease partitions, sealed as the line sent them (contract::Escrow, DSSE)
  // nullptr when none came, or when the machine was released.
  [[nodiscard]] const std::string* find_escrow(const MachineId& machine) const;
  void keep_escrow(const MachineId& machine, std::string_view dsse, const Happening& how, store::Batch& batch);
  // For good: whoever copied the partition can never open it any more. Without one it is no error and no event.
  void drop_escrow(const MachineId& machine, const Happening& how, store::Batch& batch);

  // --- statements, as received: "consent/<machine>", "receipt/<machine>/released", ...
  void keep_statement(const std::string& key, std::string_view dsse, const Happening& how, store::Batch& batch);

  // --- what happened
  // Number and time are filled here.
  void record(Event event, const Happening& how, store::Batch& batch);
  [[nodiscard]] std::uint64_t events() const { return last_event_; }
  // Up to `count` events from number `from` on; older than the recent ones come from the store.
  [[nodiscard]] Result<std::vector<Event>> events_from(store::Store& store, std::uint64_t from, std::size_t count) const;
  // The latest events about one machine or agreement, oldest first, as far as they are recent.
  [[nodiscard]] std::vector<Event> recent_events_of(const MachineId& machine, std::size_t count) const;

 private:
  void put(const Party& party, store::Batch& batch);
  void put(const Machine& machine, store::Batch& batch);
  void put(const Agreement& agreement, store::Batch& batch);
  void index(const Party& party);

  std::map<PartyId, Party> parties_;
  std::map<PartyId, Line> lines_;
  std::map<MachineId, Voucher> vouchers_;
  std::map<MachineId, std::string> escrows_;
  std::map<MachineId, Machine> machines_;
  std::map<AgreementId, Agreement> agreements_;
  std::unordered_map<KeyId, PartyId> party_keys_;
  std::unordered_map<KeyId, PartyId> line_keys_;
  std::unordered_map<std::string, MachineId> serials_;
  std::deque<Event> recent_;
  std::uint64_t last_event_ = 0;
  std::uint64_t last_agreement_ = 0;
};

}  // namespace fleet::registry
