#include "fleet/registry/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fleet::registry {
namespace {

constexpr std::string_view escrow_prefix = "escrow/";

std::string event_key(std::uint64_t number) { return fmt::format("{:012}", number); }

// The number in "agreement-000012"; 0 for anything else.
std::uint64_t number_of(const AgreementId& id) {
  const std::size_t dash = id.text.rfind('-');
  if (dash == std::string::npos) return 0;
  std::uint64_t number = 0;
  const char* end = id.text.data() + id.text.size();
  const auto read = std::from_chars(id.text.data() + dash + 1, end, number);
  return read.ec == std::errc() && read.ptr == end ? number : 0;
}

template <typename Record>
void remember_step(Record& record, std::string_view event, const Happening& how) {
  record.history.push_back({how.at, std::string(event), std::string(name_of(record.state)), how.by, how.reason});
  if (record.history.size() > history_max) record.history.erase(record.history.begin());
}

// Calls `take` for each record; the first that cannot be read stops it.
template <typename Read, typename Take>
Done load_table(store::Store& store, store::Table table, Read read, Take take) {
  Done outcome;
  const Done scanned = store.scan(table, "", [&](std::string_view key, std::string_view value) {
    if (!outcome) return;
    auto record = read(value);
    if (!record)
      outcome = record.error().within("reading " + std::string(store::name_of(table)) + " " + std::string(key));
    else
      take(*std::move(record));
  });
  return scanned ? outcome : scanned;
}

}  // namespace

Done Registry::load(store::Store& store) {
  *this = Registry();
  Done done = load_table(store, store::Table::Parties, party_from, [this](Party party) {
    index(party);
    parties_[party.id] = std::move(party);
  });
  if (!done) return done;
  done = load_table(store, store::Table::Lines, line_from, [this](Line line) {
    line_keys_[line.key] = line.id;
    lines_[line.id] = std::move(line);
  });
  if (!done) return done;
  done = load_table(store, store::Table::Vouchers, voucher_from, [this](Voucher voucher) {
    vouchers_[voucher.facts.machine] = std::move(voucher);
  });
  if (!done) return done;
  done = store.scan(store::Table::Statements, escrow_prefix, [this](std::string_view key, std::string_view dsse) {
    if (key.starts_with(escrow_prefix)) escrows_[MachineId(std::string(key.substr(escrow_prefix.size())))] = std::string(dsse);
  });
  if (!done) return done;
  done = load_table(store, store::Table::Machines, machine_from, [this](Machine machine) {
    serials_[machine.serial] = machine.id;
    machines_[machine.id] = std::move(machine);
  });
  if (!done) return done;
  done = load_table(store, store::Table::Agreements, agreement_from, [this](Agreement agreement) {
    last_agreement_ = std::max(last_agreement_, number_of(agreement.id));
    agreements_[agreement.id] = std::move(agreement);
  });
  if (!done) return done;
  return load_table(store, store::Table::Events, event_from, [this](Event event) {
    last_event_ = event.number;
    recent_.push_back(std::move(event));
    if (recent_.size() > recent_events_max) recent_.pop_front();
  });
}

// --- vouchers

const Voucher* Registry::find_voucher(const MachineId& machine) const {
  const auto found = vouchers_.find(machine);
  return found == vouchers_.end() ? nullptr : &found->second;
}

Result<bool> Registry::add_voucher(Voucher voucher, Agreement offered, const Happening& how, store::Batch& batch) {
  const contract::Voucher& facts = voucher.facts;
  if (const Voucher* known = find_voucher(facts.machine)) {
    if (contract::payload_of(known->facts) == contract::payload_of(facts)) return false;
    return Error{ErrorCode::Conflict, "machine " + facts.machine.text.substr(0, 16) + "... was vouched for differently before, as order '" + known->facts.order.text + "'", {}};
  }
  if (const auto serial = serials_.find(facts.serial); serial != serials_.end())
    return Error{ErrorCode::Conflict, "serial '" + facts.serial + "' belongs to machine " + serial->second.text.substr(0, 16) + "... already", {}};
  // A party that is there under this id keeps its other roles; a new owner has no key of its own.
  if (Done owner = add_party({.id = facts.owner, .name = find_party(facts.owner) == nullptr ? facts.owner.text : "", .roles = {Role::Owner}}, how, batch); !owner)
    return owner.error().within("adding the owner that the voucher names");

  batch.push_back({store::Table::Vouchers, facts.machine.text, text_of(voucher)});
  record({.kind = "voucher-imported", .machine = facts.machine, .party = facts.owner,
          .text = "serial " + facts.serial + ", order " + facts.order.text + ", line " + voucher.line.text}, how, batch);
  offered.machines = {facts.machine};
  offered.state = terms::AgreementState::Offered;
  const AgreementId agreement = add_agreement(std::move(offered), how, batch);

  Machine machine;
  machine.id = facts.machine;
  machine.serial = facts.serial;
  machine.model = facts.model;
  machine.order = facts.order;
  machine.owner = facts.owner;
  machine.agreement = agreement;
  machine.zone = facts.zone;
  machine.lease = facts.lease;
  machine.processor_mhz = facts.processor_mhz;
  machine.state_since = how.at;
  serials_[machine.serial] = machine.id;
  const MachineId id = machine.id;
  machines_[id] = std::move(machine);
  vouchers_[id] = std::move(voucher);
  if (Done provisioned = advance(id, terms::MachineEvent::Provision, how, batch); !provisioned) return provisioned.error();
  return true;
}

// --- escrows

const std::string* Registry::find_escrow(const MachineId& machine) const {
  const auto found = escrows_.find(machine);
  return found == escrows_.end() ? nullptr : &found->second;
}

void Registry::keep_escrow(const MachineId& machine, std::string_view dsse, const Happening& how, store::Batch& batch) {
  escrows_[machine] = std::string(dsse);
  batch.push_back({store::Table::Statements, std::string(escrow_prefix) + machine.text, std::string(dsse)});
  record({.kind = "slot-keys-escrowed", .machine = machine}, how, batch);
}

void Registry::drop_escrow(const MachineId& machine, const Happening& how, store::Batch& batch) {
  if (escrows_.erase(machine) == 0) return;
  batch.push_back({store::Table::Statements, std::string(escrow_prefix) + machine.text, std::nullopt});
  record({.kind = "slot-keys-destroyed", .machine = machine}, how, batch);
}

// --- machines

const Machine* Registry::find_machine(const MachineId& id) const {
  const auto found = machines_.find(id);
  return found == machines_.end() ? nullptr : &found->second;
}

Result<MachineId> Registry::resolve_machine(std::string_view prefix) const {
  if (const auto serial = serials_.find(std::string(prefix)); serial != serials_.end()) return serial->second;
  const Error unknown{ErrorCode::NotFound, "no machine has the serial or the id '" + std::string(prefix.substr(0, 64)) + "'", {}};
  if (prefix.empty()) return unknown;
  const auto found = machines_.lower_bound(MachineId(std::string(prefix)));
  if (found == machines_.end() || !found->first.text.starts_with(prefix)) return unknown;
  const auto after = std::next(found);
  if (found->first.text != prefix && after != machines_.end() && after->first.text.starts_with(prefix))
    return Error{ErrorCode::Conflict, "several machines' ids begin with '" + std::string(prefix) + "'; give more digits", {}};
  return found->first;
}

void Registry::put(const Machine& machine, store::Batch& batch) {
  batch.push_back({store::Table::Machines, machine.id.text, text_of(machine)});
}

Done Registry::advance(const MachineId& id, terms::MachineEvent event, const Happening& how, store::Batch& batch) {
  const auto found = machines_.find(id);
  if (found == machines_.end()) return Error{ErrorCode::NotFound, "no machine " + id.text, {}};
  Machine& machine = found->second;
  const Result<terms::MachineState> next = terms::next(machine.state, event);
  if (!next) return next.error().within("machine " + machine.serial);
  machine.state = *next;
  machine.state_since = how.at;
  remember_step(machine, name_of(event), how);
  put(machine, batch);
  record({.kind = "machine-" + std::string(name_of(machine.state)), .machine = id, .agreement = machine.agreement, .party = machine.owner, .text = how.reason}, how, batch);
  return {};
}

void Registry::update_unstored(const MachineId& id, const std::function<void(Machine&)>& change) {
  Machine& machine = machines_.at(id);
  const terms::MachineState state = machine.state;
  change(machine);
  invariant(machine.id == id && machine.state == state, "a machine's id or state was changed past its table");
  if (machine.history.size() > history_max)
    machine.history.erase(machine.history.begin(), machine.history.end() - static_cast<std::ptrdiff_t>(history_max));
}

void Registry::update(const MachineId& id, const std::function<void(Machine&)>& change, store::Batch& batch) {
  update_unstored(id, change);
  put(machines_.at(id), batch);
}

// --- agreements

const Agreement* Registry::find_agreement(const AgreementId& id) const {
  const auto found = agreements_.find(id);
  return found == agreements_.end() ? nullptr : &found->second;
}

void Registry::put(const Agreement& agreement, store::Batch& batch) {
  batch.push_back({store::Table::Agreements, agreement.id.text, text_of(agreement)});
}

AgreementId Registry::add_agreement(Agreement agreement, const Happening& how, store::Batch& batch) {
  agreement.id = AgreementId(fmt::format("agreement-{:06}", ++last_agreement_));
  agreement.state_since = how.at;
  agreement.offered_at = how.at;
  remember_step(agreement, "offer", how);
  const AgreementId id = agreement.id;
  const Agreement& added = agreements_[id] = std::move(agreement);
  put(added, batch);
  record({.kind = "agreement-" + std::string(name_of(added.state)), .machine = added.machines.empty() ? MachineId() : added.machines.front(),
          .agreement = id, .party = added.owner, .text = "offer " + added.offer.text}, how, batch);
  return id;
}

Done Registry::advance(const AgreementId& id, terms::AgreementEvent event, const Happening& how, store::Batch& batch) {
  const auto found = agreements_.find(id);
  if (found == agreements_.end()) return Error{ErrorCode::NotFound, "no agreement " + id.text, {}};
  Agreement& agreement = found->second;
  const Result<terms::AgreementState> next = terms::next(agreement.state, event);
  if (!next) return next.error().within(id.text);
  agreement.state = *next;
  agreement.state_since = how.at;
  remember_step(agreement, name_of(event), how);
  put(agreement, batch);
  record({.kind = "agreement-" + std::string(name_of(agreement.state)), .machine = agreement.machines.empty() ? MachineId() : agreement.machines.front(),
          .agreement = id, .party = agreement.owner, .text = how.reason}, how, batch);
  return {};
}

void Registry::update(const AgreementId& id, const std::function<void(Agreement&)>& change, store::Batch& batch) {
  Agreement& agreement = agreements_.at(id);
  const terms::AgreementState state = agreement.state;
  change(agreement);
  invariant(agreement.id == id && agreement.state == state, "an agreement's id or state was changed past its table");
  put(agreement, batch);
}

// --- statements and events

void Registry::keep_statement(const std::string& key, std::string_view dsse, const Happening& how, store::Batch& batch) {
  batch.push_back({store::Table::Statements, key, std::string(dsse)});
  record({.kind = "statement-kept", .text = key}, how, batch);
}

void Registry::record(Event event, const Happening& how, store::Batch& batch) {
  event.number = ++last_event_;
  event.at = how.at;
  event.by = how.by;
  batch.push_back({store::Table::Events, event_key(event.number), text_of(event)});
  recent_.push_back(std::move(event));
  if (recent_.size() > recent_events_max) recent_.pop_front();
}

Result<std::vector<Event>> Registry::events_from(store::Store& store, std::uint64_t from, std::size_t count) const {
  std::vector<Event> events;
  from = std::max<std::uint64_t>(from, 1);
  if (!recent_.empty() && from >= recent_.front().number) {
    for (std::uint64_t i = from - recent_.front().number; i < recent_.size() && events.size() < count; ++i) events.push_back(recent_[i]);
    return events;
  }
  for (; from <= last_event_ && events.size() < count; ++from) {
    const Result<std::string> text = store.get(store::Table::Events, event_key(from));
    if (!text) return text.error().within("reading event " + std::to_string(from));
    Result<Event> event = event_from(*text);
    if (!event) return event.error();
    events.push_back(*std::move(event));
  }
  return events;
}

std::vector<Event> Registry::recent_events_of(const MachineId& machine, std::size_t count) const {
  std::vector<Event> events;
  for (auto event = recent_.rbegin(); event != recent_.rend() && events.size() < count; ++event)
    if (event->machine == machine) events.push_back(*event);
  std::reverse(events.begin(), events.end());
  return events;
}

}  // namespace fleet::registry
