#include "fleet/registry/records.h"

#include <algorithm>

namespace fleet::registry {
namespace {

constexpr std::string_view accepted = "accepted";
constexpr std::string_view declined = "declined";

}  // namespace

template <typename Visit>
void walk(Visit visit, Party& r) {
  visit("party", r.id);
  visit("name", r.name);
  visit("roles", r.roles);
  visit("public_key_pem", r.public_key_pem);
  visit("key", r.key);
  visit("spending_limit", r.spending_limit);
  visit("since", r.since);
}

template <typename Visit>
void walk(Visit visit, Line& r) {
  visit("line", r.id);
  visit("name", r.name);
  visit("public_key_pem", r.public_key_pem);
  visit("key", r.key);
  visit("since", r.since);
}

template <typename Visit>
void walk(Visit visit, Profile& r) {
  visit("agent_version", r.agent_version);
  visit("operating_system", r.operating_system);
  visit("processors", r.processors);
  visit("processor_mhz", r.processor_mhz);
  visit("memory_bytes", r.memory);
  visit("lease_bytes", r.lease);
  visit("sandbox", r.sandbox);
  visit("element_cache_bytes", r.element_cache);
}

template <typename Visit>
void walk(Visit visit, Status& r) {
  visit("at", r.at);
  visit("window", r.window);
  visit("owner", r.owner);
  visit("running", r.running);
  visit("queued", r.queued);
  visit("vault_used_bytes", r.vault_used);
  visit("vault_free_bytes", r.vault_free);
  visit("processor_idle_permille", r.processor_idle_permille);
  visit("partition", r.partition);
  visit("partition_reason", r.partition_reason);
}

template <typename Visit>
void walk(Visit visit, Step& r) {
  visit("at", r.at);
  visit("event", r.event);
  visit("state", r.state);
  visit("by", r.by);
  visit("reason", r.reason);
}

template <typename Visit>
void walk(Visit visit, Draining& r) {
  visit("since", r.since);
  visit("reason", r.reason);
}

template <typename Visit>
void walk(Visit visit, GivenUp& r) {
  visit("since", r.since);
  visit("reason", r.reason);
}

template <typename Visit>
void walk(Visit visit, Machine& r) {
  visit("machine", r.id);
  visit("public_key_pem", r.public_key_pem);
  visit("serial", r.serial);
  visit("model", r.model);
  visit("order", r.order);
  visit("owner", r.owner);
  visit("agreement", r.agreement);
  visit("zone", r.zone);
  visit("lease_bytes", r.lease);
  visit("processor_mhz", r.processor_mhz);
  visit("state", r.state);
  visit("state_since", r.state_since);
  visit("draining", r.draining);
  visit("given_up", r.given_up);
  visit("profile", r.profile);
  visit("status", r.status);
  visit("certificate_serial", r.certificate_serial);
  visit("certificate_until", r.certificate_until);
  visit("release_order", r.release_order);
  visit("release_receipt", r.release_receipt);
  visit("odd_results", r.odd_results);
  visit("earned", r.earned);
  visit("tasks_done", r.tasks_done);
  visit("history", r.history);
}

template <typename Visit>
void walk(Visit visit, GrantedIncentive& r) {
  visit("kind", r.kind);
  visit("text", r.text);
  visit("value", r.value);
  visit("schedule", r.schedule);
}

template <typename Visit>
void walk(Visit visit, Renewal& r) {
  visit("offer", r.offer);
  visit("text", r.text);
  visit("offered_at", r.offered_at);
  visit("answer_by", r.answer_by);
  // contract::Choice is another room's: written as its statements write it.
  std::optional<std::string> answer;
  if (r.answer) answer = *r.answer == contract::Choice::Accepted ? accepted : declined;
  visit("answer", answer);
  r.answer.reset();
  if (answer) r.answer = *answer == accepted ? contract::Choice::Accepted : contract::Choice::Declined;
  visit("answered_at", r.answered_at);
}

template <typename Visit>
void walk(Visit visit, Agreement& r) {
  visit("agreement", r.id);
  visit("machines", r.machines);
  visit("owner", r.owner);
  visit("terms", r.terms);
  visit("terms_version", r.terms_version);
  visit("terms_digest", r.terms_digest);
  visit("terms_text", r.terms_text);
  visit("offer", r.offer);
  visit("offer_version", r.offer_version);
  visit("order", r.order);
  visit("zone", r.zone);
  visit("state", r.state);
  visit("state_since", r.state_since);
  visit("offered_at", r.offered_at);
  visit("starts_at", r.starts_at);
  visit("ends_at", r.ends_at);
  visit("answered_by", r.answered_by);
  visit("countersigned", r.countersigned);
  visit("incentives", r.incentives);
  visit("months_granted", r.months_granted);
  visit("renewal", r.renewal);
  visit("follows", r.follows);
  visit("followed_by", r.followed_by);
  visit("history", r.history);
}

template <typename Visit>
void walk(Visit visit, Event& r) {
  visit("number", r.number);
  visit("at", r.at);
  visit("kind", r.kind);
  visit("by", r.by);
  visit("machine", r.machine);
  visit("agreement", r.agreement);
  visit("party", r.party);
  visit("text", r.text);
}

// What a voucher record is on paper: its facts are in its envelope's payload, kept as that.
struct WrittenVoucher {
  std::string payload;
  std::string dsse;
  PartyId line;
  Instant imported_at;
};

template <typename Visit>
void walk(Visit visit, WrittenVoucher& r) {
  visit("payload", r.payload);
  visit("dsse", r.dsse);
  visit("line", r.line);
  visit("imported_at", r.imported_at);
}

}  // namespace fleet::registry

#include "fleet/registry/record_json.h"

namespace fleet::registry {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::Owner: return "owner";
    case Role::Client: return "client";
    case Role::Staff: return "staff";
  }
  return {};
}

Result<Role> role_from(std::string_view name) {
  for (const Role role : {Role::Owner, Role::Client, Role::Staff})
    if (name_of(role) == name) return role;
  return Error{ErrorCode::InvalidInput, "'" + std::string(name) + "' is not a role (owner, client, staff)", {}};
}

std::string_view name_of(WindowWord word) {
  switch (word) {
    case WindowWord::Unknown: return "unknown";
    case WindowWord::Open: return "open";
    case WindowWord::Closed: return "closed";
  }
  return {};
}

std::string_view name_of(PartitionWord word) {
  switch (word) {
    case PartitionWord::Unknown: return "unknown";
    case PartitionWord::Sound: return "sound";
    case PartitionWord::Unavailable: return "unavailable";
  }
  return {};
}

std::string_view name_of(OwnerWord word) {
  switch (word) {
    case OwnerWord::Unknown: return "unknown";
    case OwnerWord::Present: return "present";
    case OwnerWord::Away: return "away";
    case OwnerWord::Paused: return "paused";
  }
  return {};
}

bool Party::is(Role role) const { return std::find(roles.begin(), roles.end(), role) != roles.end(); }

namespace {
template <typename Record>
std::string text_of_record(const Record& record) {
  return boost::json::serialize(record_json::written(record));
}
}  // namespace

std::string text_of(const Party& record) { return text_of_record(record); }
std::string text_of(const Line& record) { return text_of_record(record); }
std::string text_of(const Machine& record) { return text_of_record(record); }
std::string text_of(const Agreement& record) { return text_of_record(record); }
std::string text_of(const Event& record) { return text_of_record(record); }
std::string text_of(const Voucher& record) {
  return text_of_record(WrittenVoucher{contract::payload_of(record.facts), record.dsse, record.line, record.imported_at});
}

Result<Party> party_from(std::string_view text) { return record_json::record_from<Party>(text, "party"); }
Result<Line> line_from(std::string_view text) { return record_json::record_from<Line>(text, "line"); }
Result<Machine> machine_from(std::string_view text) { return record_json::record_from<Machine>(text, "machine"); }
Result<Agreement> agreement_from(std::string_view text) { return record_json::record_from<Agreement>(text, "agreement"); }
Result<Event> event_from(std::string_view text) { return record_json::record_from<Event>(text, "event"); }

Result<Voucher> voucher_from(std::string_view text) {
  Result<WrittenVoucher> written = record_json::record_from<WrittenVoucher>(text, "voucher");
  if (!written) return written.error();
  Result<contract::Voucher> facts = contract::voucher_from(written->payload);
  if (!facts) return Error{ErrorCode::Corrupt, facts.error().text(), {"reading a stored voucher"}};
  return Voucher{*std::move(facts), std::move(written->dsse), std::move(written->line), written->imported_at};
}

}  // namespace fleet::registry
