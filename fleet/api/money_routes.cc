// What is owed and why: statements and the journal.
#include <boost/json.hpp>
#include <charconv>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"
#include "fleet/ledger/billing.h"

namespace fleet::api {
namespace {

using Answer = Result<agent::link::HttpResponse>;
constexpr std::size_t entries_a_page = 200;

json::object json_of(const ledger::Measurement& measurement) {
  json::object quantities;
  for (const auto& [name, value] : measurement.quantities) quantities[name] = value;
  return {{"kind", measurement.kind}, {"subject", measurement.subject}, {"quantities", std::move(quantities)}};
}

json::object json_of(const ledger::Entry& entry) {
  json::array postings;
  for (const ledger::Posting& posting : entry.draft.postings) postings.push_back({{"account", posting.account}, {"amount", json_of_money(posting.amount)}});
  return {{"number", entry.number},
          {"at", text_of(entry.at)},
          {"natural_key", entry.draft.natural_key},
          {"text", entry.draft.text},
          {"rule", entry.draft.rule.id},
          {"rule_version", entry.draft.rule.version},
          {"measurement", json_of(entry.draft.measurement)},
          {"postings", std::move(postings)},
          {"previous_hash", entry.previous_hash},
          {"hash", entry.hash}};
}

json::object json_of(const ledger::Statement& statement, const std::string& name) {
  json::array lines;
  for (const ledger::StatementLine& line : statement.lines)
    lines.push_back({{"entry", line.entry},
                     {"at", text_of(line.at)},
                     {"account", line.account},
                     {"text", line.text},
                     {"amount", json_of_money(line.amount)},
                     {"rule", line.rule.id},
                     {"rule_version", line.rule.version},
                     {"measurement", json_of(line.measurement)}});
  const std::int64_t total = statement.total.minor_units();
  return {{"party", statement.party.text},
          {"name", name},
          {"from", text_of(statement.from)},
          {"to", text_of(statement.to)},
          {"lines", std::move(lines)},
          {"total", json_of_money(statement.total)},
          {"meaning", total > 0 ? "owes" : total < 0 ? "is owed" : "even"}};
}

Result<Instant> time_in(const Call& call, const std::string& name, Instant otherwise) {
  const auto written = call.query.find(name);
  if (written == call.query.end()) return otherwise;
  Result<Instant> at = instant_from(written->second);
  if (!at) return at.error().within("reading '" + name + "'");
  return at;
}

Answer statement_of(Context& context, Call& call, const PartyId& party) {
  const registry::Party* known = context.operations.registry().find_party(party);
  if (known == nullptr) return Error{ErrorCode::NotFound, "no party '" + party.text + "'", {}};
  Result<Instant> from = time_in(call, "from", Instant{});
  if (!from) return from.error();
  Result<Instant> to = time_in(call, "to", call.now + Duration(1));
  if (!to) return to.error();
  Result<ledger::Statement> statement = context.operations.journal().statement(context.store, party, *from, *to);
  if (!statement) return statement.error();
  return json_answer(200, json_of(*statement, known->name));
}

Answer statement(Context& context, Call& call, store::Batch&) {
  const auto party = call.query.find("party");
  if (party == call.query.end()) return Error{ErrorCode::InvalidInput, "say whose statement: ?party=NAME", {}};
  return statement_of(context, call, PartyId(party->second));
}

Answer own_statement(Context& context, Call& call, store::Batch&) { return statement_of(context, call, call.caller.party); }

Result<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ptr != text.data() + text.size() || text.empty())
    return Error{ErrorCode::InvalidInput, "'" + text + "' is not a number of an entry", {}};
  return number;
}

Answer entries(Context& context, Call& call, store::Batch&) {
  Result<std::uint64_t> from = call.query.contains("from") ? number_of(call.query.at("from")) : Result<std::uint64_t>(1);
  if (!from) return from.error();
  Result<std::vector<ledger::Entry>> page = ledger::Journal::entries(context.store, *from, entries_a_page);
  if (!page) return page.error();
  json::array written;
  for (const ledger::Entry& entry : *page) written.push_back(json_of(entry));
  json::object answer = {{"entries", std::move(written)}};
  if (page->size() == entries_a_page) answer["next"] = page->back().number + 1;
  return json_answer(200, answer);
}

Answer entry(Context& context, Call& call, store::Batch&) {
  Result<std::uint64_t> number = number_of(call.words[0]);
  if (!number) return number.error();
  Result<ledger::Entry> found = ledger::Journal::entry(context.store, *number);
  if (!found) return found.error();
  json::object answer = json_of(*found);
  const auto prices = context.operations.rules().find_prices(policies::pricing::PricesId(found->draft.rule.id), found->draft.rule.version);
  Result<ledger::Explanation> explained =
      ledger::explain(*found, prices ? **prices : context.operations.rules().standard_prices());
  if (!explained) return explained.error().within("explaining entry " + call.words[0]);
  answer["explanation"] = {{"formula", explained->formula},
                           {"computed", json_of_money(explained->computed)},
                           {"booked", json_of_money(explained->booked)},
                           {"agrees", explained->agrees},
                           {"difference", explained->difference}};
  return json_answer(200, answer);
}

Answer verify(Context& context, Call&, store::Batch&) {
  Result<ledger::Verification> verified = ledger::Journal::verify(context.store);
  if (!verified) return verified.error();
  return json_answer(200, {{"entries", verified->entries},
                           {"balanced", verified->balanced},
                           {"chain", verified->chain_intact ? "intact" : "broken"},
                           {"first_fault", verified->first_fault}});
}

}  // namespace

std::vector<Route> money_routes() {
  return {{"GET", "/v1/statements/self", Audience::Client, own_statement},
          {"GET", "/v1/ledger/statement", Audience::Staff, statement},
          {"GET", "/v1/ledger/entries", Audience::Staff, entries},
          {"GET", "/v1/ledger/entries/{number}", Audience::Staff, entry},
          {"GET", "/v1/ledger/verify", Audience::Staff, verify}};
}

}  // namespace fleet::api
