#include "fleet/api/staff_views.h"

#include <boost/json.hpp>

#include "agent/contract/statements.h"
#include "fleet/api/json_body.h"
#include "images/keys/statement.h"

namespace fleet::api {
namespace {

constexpr std::size_t events_shown = 50;

void add_time(json::object& written, json::string_view name, const std::optional<Instant>& at) {
  if (at && at->time_since_epoch().count() != 0) written[name] = text_of(*at);
}

std::string name_of_party(const PartyId& id, const operations::Operations& operations) {
  const registry::Party* party = operations.registry().find_party(id);
  return party == nullptr ? std::string() : party->name;
}

json::array history_of(const std::vector<registry::Step>& steps) {
  json::array history;
  for (const registry::Step& step : steps)
    history.push_back({{"at", text_of(step.at)}, {"event", step.event}, {"state", step.state}, {"by", step.by}, {"reason", step.reason}});
  return history;
}

void add_machine_details(json::object& written, const registry::Machine& machine, const operations::Operations& operations) {
  json::array held;
  for (const placement::ShardView& shard : operations.placement().shards_on(machine.id))
    held.push_back({{"shard", shard.shard.text}, {"size", shard.size.count}, {"state", placement::name_of(shard.state)}});
  written["held"] = std::move(held);
  json::array assignments;
  for (const scheduler::Copy& copy : operations.scheduler().held_by(machine.id))
    assignments.push_back({{"assignment", copy.assignment.text}, {"since", text_of(copy.assigned_at)}, {"state", scheduler::name_of(copy.state)}});
  written["assignments"] = std::move(assignments);
  written["allocations"] = allocations_of(machine.id, operations);
  written["history"] = history_of(machine.history);
  json::array events;
  for (const registry::Event& event : operations.registry().recent_events_of(machine.id, events_shown)) events.push_back(json_of(event));
  written["events"] = std::move(events);
}

std::string_view answer_name(const registry::Renewal& renewal, const registry::Agreement& agreement) {
  if (renewal.answer) return *renewal.answer == agent::contract::Choice::Accepted ? "accepted" : "declined";
  return agreement.state == policies::terms::AgreementState::Ending ? "offered" : "lapsed";
}

json::object consent_of(const registry::Agreement& agreement) {
  json::object written = {{"answered_by", agreement.answered_by}};
  const auto statement = images::keys::parse_statement(agreement.countersigned);
  if (!statement) return written;
  const auto consent = agent::contract::consent_from(statement->payload);
  if (!consent) return written;
  written["choice"] = consent->choice == agent::contract::Choice::Accepted ? "accepted" : "declined";
  written["answered_at"] = text_of(consent->answered_at);
  written["signatures"] = statement->signatures.size();
  return written;
}

}  // namespace

json::array allocations_of(const MachineId& machine, const operations::Operations& operations) {
  json::array written;
  for (const placement::Allocation& allocation : operations.placement().allocations_of(machine)) {
    json::object row = {{"number", allocation.number},
                        {"what", "storage"},
                        {"subject", allocation.to},
                        {"portion_bytes", allocation.portion.count},
                        {"client", allocation.client.text},
                        {"since", text_of(allocation.since)}};
    add_time(row, "until", allocation.until);
    if (!allocation.ended_because.empty()) row["ended_because"] = allocation.ended_because;
    written.push_back(std::move(row));
  }
  for (const scheduler::Copy& copy : operations.scheduler().held_by(machine))
    written.push_back({{"number", 0}, {"what", "work"}, {"subject", copy.assignment.text}, {"portion_bytes", 0}, {"since", text_of(copy.assigned_at)}});
  return written;
}

json::object json_of(const operations::MachineView& view, const operations::Operations& operations, Detail detail, Instant now) {
  const registry::Machine& machine = view.machine;
  json::object written = {{"machine", machine.id.text},
                          {"serial", machine.serial},
                          {"state", policies::terms::name_of(machine.state)},
                          {"state_since", text_of(machine.state_since)},
                          {"online", view.online},
                          {"owner", machine.owner.text},
                          {"owner_name", name_of_party(machine.owner, operations)},
                          {"model", machine.model},
                          {"order", machine.order.text},
                          {"agreement", machine.agreement.text},
                          {"zone", machine.zone},
                          {"window", !view.window_known ? "unknown" : view.window_open ? "open" : "closed"},
                          {"owner_state", registry::name_of(machine.status.owner)},
                          {"partition", registry::name_of(machine.status.partition)},
                          {"partition_reason", machine.status.partition_reason},
                          {"lease_bytes", machine.lease.count},
                          {"allocated_bytes", view.allocated.count},
                          {"vault_used_bytes", machine.status.vault_used.count},
                          {"shards", view.shards},
                          {"running", view.running},
                          {"queued", machine.status.queued},
                          {"draining", machine.draining.has_value()},
                          {"earned", json_of_money(view.earned)},
                          {"processor_mhz", machine.profile.processor_mhz == 0 ? machine.processor_mhz : machine.profile.processor_mhz},
                          {"memory_bytes", machine.profile.memory.count},
                          {"agent_version", machine.profile.agent_version},
                          {"operating_system", machine.profile.operating_system},
                          {"sandbox", machine.profile.sandbox},
                          {"odd_results", machine.odd_results},
                          {"waiting_messages", view.waiting_messages}};
  add_time(written, "last_seen", view.last_seen);
  if (view.last_seen) written["last_seen_age_seconds"] = std::chrono::duration_cast<std::chrono::seconds>(now - *view.last_seen).count();
  add_time(written, "window_changes_at", view.window_changes_at);
  add_time(written, "certificate_expires", machine.certificate_until);
  if (machine.given_up) {
    add_time(written, "given_up_at", machine.given_up->since);
    written["given_up_because"] = machine.given_up->reason;
  }
  if (machine.draining) written["draining_because"] = machine.draining->reason;
  if (!machine.release_receipt.empty()) written["release_receipt"] = machine.release_receipt;
  if (detail == Detail::Whole) add_machine_details(written, machine, operations);
  return written;
}

json::object json_of(const registry::Agreement& agreement, const operations::Operations& operations, Detail detail) {
  json::array machines;
  for (const MachineId& machine : agreement.machines) machines.emplace_back(machine.text);
  json::object written = {{"agreement", agreement.id.text},
                          {"machine", agreement.machines.empty() ? std::string() : agreement.machines.front().text},
                          {"machines", std::move(machines)},
                          {"owner", agreement.owner.text},
                          {"owner_name", name_of_party(agreement.owner, operations)},
                          {"state", policies::terms::name_of(agreement.state)},
                          {"state_since", text_of(agreement.state_since)},
                          {"terms", agreement.terms.text},
                          {"terms_version", agreement.terms_version},
                          {"terms_digest", agreement.terms_digest.text},
                          {"offer", agreement.offer.text},
                          {"offer_version", agreement.offer_version},
                          {"zone", agreement.zone}};
  add_time(written, "starts_at", agreement.starts_at);
  add_time(written, "ends_at", agreement.ends_at);
  if (!agreement.follows.empty()) written["follows"] = agreement.follows.text;
  if (!agreement.followed_by.empty()) written["followed_by"] = agreement.followed_by.text;
  if (detail == Detail::Row) return written;
  const auto terms = operations.rules().find_terms(agreement.terms, agreement.terms_version);
  written["terms_text"] = terms ? policies::terms::plain_text(**terms) : agreement.terms_text;
  json::array incentives;
  for (const registry::GrantedIncentive& incentive : agreement.incentives)
    incentives.push_back({{"kind", incentive.kind}, {"text", incentive.text}, {"value", json_of_money(incentive.value)}, {"schedule", policies::terms::name_of(incentive.schedule)}});
  written["incentives"] = std::move(incentives);
  if (!agreement.countersigned.empty()) written["consent"] = consent_of(agreement);
  if (agreement.renewal) {
    json::object renewal = {{"offer", agreement.renewal->offer.text},
                            {"text", agreement.renewal->text},
                            {"state", answer_name(*agreement.renewal, agreement)},
                            {"offered_at", text_of(agreement.renewal->offered_at)},
                            {"answer_by", text_of(agreement.renewal->answer_by)}};
    add_time(renewal, "answered_at", agreement.renewal->answered_at);
    written["renewal"] = std::move(renewal);
  }
  written["history"] = history_of(agreement.history);
  return written;
}

json::object json_of(const registry::Party& party) {
  json::array roles;
  for (const registry::Role role : party.roles) roles.emplace_back(registry::name_of(role));
  json::object written = {{"party", party.id.text}, {"name", party.name}, {"roles", std::move(roles)}, {"key", party.key.text}, {"since", text_of(party.since)}};
  if (party.spending_limit) written["spending_limit"] = json_of_money(*party.spending_limit);
  return written;
}

json::object json_of(const registry::Event& event) {
  json::object written = {{"number", event.number}, {"at", text_of(event.at)}, {"what", event.kind}, {"by", event.by}, {"text", event.text}};
  const std::string subject = !event.machine.empty() ? event.machine.text : !event.agreement.empty() ? event.agreement.text : event.party.text;
  written["subject"] = subject;
  return written;
}

}  // namespace fleet::api
