// What staff do: lines, vouchers, parties, machines, agreements, events.
#include <boost/json.hpp>
#include <charconv>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"
#include "fleet/api/staff_views.h"
#include "images/keys/keys.h"

namespace fleet::api {
namespace {

using Answer = Result<agent::link::HttpResponse>;
constexpr std::size_t events_a_page = 200;

Result<KeyId> key_of(const std::string& pem) {
  Result<images::keys::PublicKey> key = images::keys::PublicKey::from_pem(pem);
  if (!key) return key.error().within("reading public_key_pem");
  return key->id();
}

Answer register_line(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  registry::Line line;
  line.id = PartyId(body->text("line", 64));
  line.name = body->text("name");
  line.public_key_pem = body->text("public_key_pem", 4096);
  line.since = call.now;
  if (Done finished = body->finish(); !finished) return finished.error();
  Result<KeyId> key = key_of(line.public_key_pem);
  if (!key) return key.error();
  line.key = *key;
  if (Done added = context.operations.register_line(line, call.who, call.now, batch); !added) return added.error();
  return json_answer(201, {{"line", line.id.text}, {"name", line.name}, {"key", line.key.text}});
}

Answer import_vouchers(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  const std::vector<std::string> vouchers = body->texts_or_none("vouchers", 1000, 64 * 1024);
  const std::vector<std::string> receipts = body->texts_or_none("receipts", 1000, 64 * 1024);
  const std::vector<std::string> orders = body->texts_or_none("orders", 1000, 64 * 1024);
  const std::vector<std::string> escrows = body->texts_or_none("escrows", 1000, 64 * 1024);
  const std::vector<std::string> exports = body->texts_or_none("exports", 10, 64 * 1024);
  if (Done finished = body->finish(); !finished) return finished.error();
  std::uint64_t imported = 0;
  std::uint64_t known = 0;
  const auto count = [&](const Result<bool>& fresh) { ++(*fresh ? imported : known); };
  for (const std::string& exported : exports)
    if (Done taken = context.operations.import_export(exported, call.who, call.now, batch); !taken) return taken.error();
  for (std::size_t i = 0; i < orders.size(); ++i)
    if (Result<bool> fresh = context.operations.import_order(orders[i], call.who, call.now, batch); !fresh)
      return fresh.error().within("order " + std::to_string(i));
  for (std::size_t i = 0; i < vouchers.size(); ++i) {
    Result<bool> fresh = context.operations.import_voucher(vouchers[i], call.who, call.now, batch);
    if (!fresh) return fresh.error().within("voucher " + std::to_string(i));
    count(fresh);
  }
  for (std::size_t i = 0; i < receipts.size(); ++i)
    if (Done taken = context.operations.import_receipt(receipts[i], call.who, call.now, batch); !taken)
      return taken.error().within("receipt " + std::to_string(i));
  std::uint64_t escrowed = 0;
  for (std::size_t i = 0; i < escrows.size(); ++i) {
    const Result<bool> fresh = context.operations.import_escrow(escrows[i], call.who, call.now, batch);
    if (!fresh) return fresh.error().within("escrow " + std::to_string(i));
    if (*fresh) ++escrowed;
  }
  return json_answer(200, {{"imported", imported}, {"known", known}, {"escrowed", escrowed}});
}

Answer add_party(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  registry::Party party;
  party.id = PartyId(body->text("party", 64));
  party.name = body->text("name");
  for (const std::string& name : body->texts("roles", 3, 16)) {
    Result<registry::Role> role = registry::role_from(name);
    if (role) party.roles.push_back(*role);
    if (!role) body->refuse("roles", role.error().message);
  }
  party.public_key_pem = body->text("public_key_pem", 4096);
  party.spending_limit = body->optional_money("spending_limit");
  party.since = call.now;
  if (Done finished = body->finish(); !finished) return finished.error();
  Result<KeyId> key = key_of(party.public_key_pem);
  if (!key) return key.error();
  party.key = *key;
  Result<operations::PartyAnswer> answer = context.operations.add_party(std::move(party), call.who, call.now, batch);
  if (!answer) return answer.error();
  return json_answer(201, {{"party", answer->party.text}, {"certificate_pem", answer->certificate_pem}, {"authority_pem", answer->authority_pem}});
}

Answer list_parties(Context& context, Call&, store::Batch&) {
  json::array parties;
  for (const auto& [id, party] : context.operations.registry().parties()) parties.push_back(json_of(party));
  return json_answer(200, {{"parties", std::move(parties)}});
}

Answer show_party(Context& context, Call& call, store::Batch&) {
  const registry::Party* party = context.operations.registry().find_party(PartyId(call.words[0]));
  if (party == nullptr) return Error{ErrorCode::NotFound, "no party '" + call.words[0] + "'", {}};
  return json_answer(200, json_of(*party));
}

Answer list_machines(Context& context, Call& call, store::Batch&) {
  json::array machines;
  for (const operations::MachineView& view : context.operations.machines(call.now))
    machines.push_back(json_of(view, context.operations, Detail::Row, call.now));
  return json_answer(200, {{"machines", std::move(machines)}});
}

Answer shown(Context& context, const MachineId& machine, Instant now) {
  Result<operations::MachineView> view = context.operations.machine(machine, now);
  if (!view) return view.error();
  return json_answer(200, json_of(*view, context.operations, Detail::Whole, now));
}

Answer show_machine(Context& context, Call& call, store::Batch&) {
  Result<MachineId> machine = context.operations.registry().resolve_machine(call.words[0]);
  if (!machine) return machine.error();
  return shown(context, *machine, call.now);
}

Answer machine_allocations(Context& context, Call& call, store::Batch&) {
  Result<MachineId> machine = context.operations.registry().resolve_machine(call.words[0]);
  if (!machine) return machine.error();
  return json_answer(200, {{"machine", machine->text}, {"allocations", allocations_of(*machine, context.operations)}});
}

using MachineAct = Done (operations::Operations::*)(const MachineId&, const std::string&, const std::string&, Instant, store::Batch&);

auto machine_act(MachineAct act) {
  return [act](Context& context, Call& call, store::Batch& batch) -> Answer {
    Result<MachineId> machine = context.operations.registry().resolve_machine(call.words[0]);
    if (!machine) return machine.error();
    Result<Body> body = Body::of(call.request.body.empty() ? "{}" : std::string_view(call.request.body));
    if (!body) return body.error();
    const std::string reason = body->optional_text("reason").value_or("by command");
    if (Done finished = body->finish(); !finished) return finished.error();
    if (Done acted = (context.operations.*act)(*machine, call.who, reason, call.now, batch); !acted) return acted.error();
    return shown(context, *machine, call.now);
  };
}

Answer list_agreements(Context& context, Call&, store::Batch&) {
  json::array agreements;
  for (const auto& [id, agreement] : context.operations.registry().agreements())
    agreements.push_back(json_of(agreement, context.operations, Detail::Row));
  return json_answer(200, {{"agreements", std::move(agreements)}});
}

Answer shown(Context& context, const AgreementId& id) {
  const registry::Agreement* agreement = context.operations.registry().find_agreement(id);
  if (agreement == nullptr) return Error{ErrorCode::NotFound, "no agreement '" + id.text + "'", {}};
  return json_answer(200, json_of(*agreement, context.operations, Detail::Whole));
}

Answer show_agreement(Context& context, Call& call, store::Batch&) { return shown(context, AgreementId(call.words[0])); }

Answer terminate_agreement(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  const std::string by = body->optional_text("by").value_or(call.who);
  const std::string reason = body->text("reason");
  if (Done finished = body->finish(); !finished) return finished.error();
  const AgreementId id(call.words[0]);
  if (Done ended = context.operations.terminate_agreement(id, by, reason, call.now, batch); !ended) return ended.error();
  return shown(context, id);
}

Answer list_events(Context& context, Call& call, store::Batch&) {
  std::uint64_t from = 1;
  if (const auto written = call.query.find("from"); written != call.query.end()) {
    const char* end = written->second.data() + written->second.size();
    if (std::from_chars(written->second.data(), end, from).ptr != end) return Error{ErrorCode::InvalidInput, "'from' must be a whole number", {}};
  }
  Result<std::vector<registry::Event>> page = context.operations.registry().events_from(context.store, from, events_a_page);
  if (!page) return page.error();
  json::array events;
  for (const registry::Event& event : *page) events.push_back(json_of(event));
  json::object answer = {{"events", std::move(events)}};
  if (page->size() == events_a_page) answer["next"] = page->back().number + 1;
  return json_answer(200, answer);
}

}  // namespace

std::vector<Route> staff_routes() {
  using operations::Operations;
  return {{"POST", "/v1/lines", Audience::Staff, register_line},
          {"POST", "/v1/vouchers", Audience::Staff, import_vouchers},
          {"POST", "/v1/parties", Audience::Staff, add_party},
          {"GET", "/v1/parties", Audience::Staff, list_parties},
          {"GET", "/v1/parties/{id}", Audience::Staff, show_party},
          {"GET", "/v1/machines", Audience::Staff, list_machines},
          {"GET", "/v1/machines/{id}", Audience::Staff, show_machine},
          {"POST", "/v1/machines/{id}/give-up", Audience::Staff, machine_act(&Operations::give_up_machine)},
          {"POST", "/v1/machines/{id}/drain", Audience::Staff, machine_act(&Operations::drain_machine)},
          {"POST", "/v1/machines/{id}/force-release", Audience::Staff, machine_act(&Operations::force_release)},
          {"GET", "/v1/machines/{id}/allocations", Audience::Staff, machine_allocations},
          {"GET", "/v1/agreements", Audience::Staff, list_agreements},
          {"GET", "/v1/agreements/{id}", Audience::Staff, show_agreement},
          {"POST", "/v1/agreements/{id}/terminate", Audience::Staff, terminate_agreement},
          {"GET", "/v1/events", Audience::Staff, list_events}};
}

}  // namespace fleet::api
