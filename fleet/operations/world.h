// All that the use cases share: the parts, what is known of each machine beyond its record, and the small steps that several use
// cases take. Only for this folder's sources.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/contract/statements.h"
#include "agent/link/session.h"
#include "fleet/ledger/billing.h"
#include "fleet/ledger/journal.h"
#include "fleet/operations/due_queue.h"
#include "fleet/operations/operations.h"
#include "policies/terms/lease_window.h"

namespace agent::contract {
class Contents;
class Message;
class ShardStatus;
class TaskStatus;
}  // namespace agent::contract

namespace fleet::operations {
namespace terms = policies::terms;
namespace contract = agent::contract;
namespace keys = images::keys;

// What is known of a machine besides its record: rebuilt at start, or heard again.
struct Live {
  std::optional<agent::link::Session> session;
  bool session_changed = false;
  std::optional<Instant> last_seen;
  bool seen_unstored = false;
  bool online = false;
  std::string network;
  terms::WindowState window;
  bool window_known = false;
  std::uint32_t faults = 0;  // told since they were last counted anew
  Instant faults_since;
};

// An element that somebody put and nobody may need yet.
struct Upload {
  std::set<PartyId> owners;  // clients; empty for what a machine put
  Bytes size;
  Instant since;
};

struct CachedTicket {
  std::string dsse;
  Instant expires_at;
};

struct Operations::World {
  World(Settings settings, Keys keys, const policies::loading::Rules& rules, const terms::ZoneRules& zones, store::Elements& elements);

  Settings settings;
  Keys own;
  const policies::loading::Rules& rules;
  const terms::ZoneRules& zones;
  store::Elements& elements;

  registry::Registry registry;
  scheduler::Scheduler scheduler;
  placement::Placement placement;
  ledger::Journal journal;
  DueQueue due;

  std::unordered_map<MachineId, Live> live;
  std::set<MachineId> changed_sessions;
  std::set<MachineId> releasing;              // waiting to be empty, then for their release order
  std::unordered_map<std::string, Instant> nonces;  // until when
  std::deque<std::pair<Instant, std::string>> nonces_given;  // the same in the order in which they end
  std::map<std::string, std::string> orders;  // YAML as imported, by order id
  std::unordered_map<Digest, Upload> uploads;
  std::unordered_map<PartyId, Bytes> uploaded;  // per client
  std::unordered_map<Digest, std::set<PartyId>> readers;  // clients who may read shards and results
  std::unordered_map<std::string, CachedTicket> tickets;
  std::vector<Digest> unneeded;
  bool placement_changed = false;
  std::optional<Instant> last_tick;
  Instant listening_since;
  Figures figures;
  std::optional<Instant> figures_at;

  // --- start (load.cc)
  Done load(store::Store& store, Instant now);

  // --- messages to machines (outbox.cc)
  void send(const MachineId& machine, const contract::Message& message);
  void send_config(const registry::Machine& machine);
  void send_notice(const registry::Agreement& agreement, const std::string& text, Instant now);
  void send_summary(const MachineId& machine, Instant now);
  void send_assignment(const scheduler::Assignment& assignment, Instant now, store::Batch& batch);
  // Appends the sessions that changed. Every use case ends with finish().
  void finish(Instant now, store::Batch& batch);

  // --- what machines say (messages.cc)
  void take_message(const MachineId& machine, const contract::Message& message, Instant now, store::Batch& batch);
  void take_task_status(const MachineId& machine, const contract::TaskStatus& message, Instant now, store::Batch& batch);
  void take_shard_status(const MachineId& machine, const contract::ShardStatus& message, Instant now, store::Batch& batch);
  void take_contents(const MachineId& machine, const contract::Contents& message, Instant now, store::Batch& batch);
  void renew_certificate(const registry::Machine& machine, const std::string& public_key_pem, Instant now, store::Batch& batch);

  // --- tickets (tickets.cc)
  std::string ticket(const MachineId& machine, const Digest& element, contract::TicketAct act, Bytes size_max, Instant now);
  Done check_ticket(std::string_view dsse, const KeyId& holder, const Digest& element, contract::TicketAct act, Bytes size, Instant now) const;

  // --- what scheduler and placement know of a machine (facts.cc)
  Live& live_of(const MachineId& machine) { return live[machine]; }
  [[nodiscard]] const registry::Agreement* agreement_of(const registry::Machine& machine) const;
  // The terms of an agreement as our rules have them; nullptr when they have them no more.
  [[nodiscard]] const terms::Terms* terms_of(const registry::Agreement& agreement) const;
  void refresh(const MachineId& machine, Instant now);
  [[nodiscard]] Duration online_window() const;
  [[nodiscard]] Instant heard(const registry::Machine& machine) const;  // for silence: not before we listened
  void note_heard(const registry::Machine& machine, std::string_view network, Instant now, store::Batch& batch);

  // --- shared steps of work and money (work.cc, money.cc)
  void apply(const scheduler::Consequences& consequences, Instant now, store::Batch& batch);
  void book(const Result<ledger::Draft>& draft, Instant now, store::Batch& batch);
  void settle_work(Instant now, store::Batch& batch);
  void settle_storage(Instant now, store::Batch& batch);
  void sample_power(Instant now, store::Batch& batch);
  void credit(const MachineId& machine, const PartyId& owner, std::uint64_t copies, const Result<ledger::Draft>& draft, Instant now, store::Batch& batch);
  void charge_job(const JobId& job, const PartyId& client, const Result<ledger::Draft>& draft, Instant now, store::Batch& batch);
  void hold_to_limit(const PartyId& client, Instant now, store::Batch& batch);

  // --- shared steps of storage (placing.cc)
  // Orders what should be moved now, and does what the controller itself must do.
  void place(Instant now, store::Batch& batch);
  void rebuild(const placement::Rebuild& wanted, Instant now, store::Batch& batch);

  // --- elements (elements.cc)
  [[nodiscard]] bool is_needed(const Digest& digest) const;
  void forget_upload(const Digest& digest, store::Batch& batch);
  void keep_upload(const Digest& digest, const PartyId& owner, Bytes size, Instant now, store::Batch& batch);

  // --- agreements and machines (agreements.cc, incentives.cc, machines.cc)
  Result<registry::Agreement> offered(const contract::Voucher& voucher) const;
  Result<registry::Voucher> checked_voucher(std::string_view dsse, Instant now) const;
  void step_agreement(const AgreementId& agreement, Instant now, store::Batch& batch);
  void activate(const AgreementId& agreement, Instant starts_at, const registry::Happening& how, store::Batch& batch);
  void offer_renewal(const AgreementId& agreement, Instant now, store::Batch& batch);
  void renew(const AgreementId& agreement, const std::string& reason, Instant now, store::Batch& batch);
  void take_answer(const registry::Machine& machine, std::string_view dsse, Instant now, store::Batch& batch);
  void release(const AgreementId& agreement, const std::string& reason, Instant now, store::Batch& batch);
  void start_draining(const MachineId& machine, const registry::Happening& how, store::Batch& batch);
  void order_releases(Instant now, store::Batch& batch);
  // `forced_by` is empty for a machine on which nothing lies that anybody counts on.
  Result<std::string> release_order(const registry::Machine& machine, const std::string& reason, const std::string& forced_by, Instant now) const;
  void order_release(const MachineId& machine, const std::string& forced_by, const registry::Happening& how, store::Batch& batch);
  Result<terms::MachineState> take_release_receipt(std::string_view dsse, Instant now, store::Batch& batch);
  void give_up(const MachineId& machine, const registry::Happening& how, store::Batch& batch);
  void take_back(const MachineId& machine, Instant now, store::Batch& batch);
  void value_incentives(const AgreementId& agreement, Instant now, store::Batch& batch);
  void book_incentives(const AgreementId& agreement, Instant now, store::Batch& batch);

  // --- enrolment (enrolment.cc)
  Result<EnrolmentAnswer> enrolment_answer(const MachineId& machine, const keys::PublicKey& key, Instant now, store::Batch& batch);
  [[nodiscard]] const registry::Agreement& first_of(const registry::Agreement& agreement) const;
  [[nodiscard]] std::string consent_of(const registry::Agreement& agreement) const;
  [[nodiscard]] contract::Choice answered_with(const registry::Agreement& agreement) const;
  Done accept(const MachineId& machine, const AgreementId& agreement, const std::string& owner, Instant now, store::Batch& batch);
  Done decline(const MachineId& machine, const AgreementId& agreement, const std::string& owner, Instant now, store::Batch& batch);

  // --- time (tick.cc)
  void do_due(const DueQueue::Due& what, Instant now, store::Batch& batch);
  void store_last_seen(Instant now, store::Batch& batch);
  void look_for_silence(const MachineId& machine, Instant now, store::Batch& batch);
  void look_if_online(const MachineId& machine, Instant now);
  void look_at_upload(const Digest& digest, Instant now, store::Batch& batch);

  // --- certificates
  Result<std::string> certificate(const std::string& name, const keys::PublicKey& key, Duration life, Instant now) const;
};

// A Put ticket for this digest allows any one: 64 zeros, which no bytes have.
inline Digest any_element() { return Digest(std::string(64, '0')); }

inline constexpr std::string_view controller = "controller";
inline registry::Happening by_controller(Instant now, std::string reason) { return {now, std::string(controller), std::move(reason)}; }

}  // namespace fleet::operations
