// An entry as text, and back. The chain hashes these bytes: a change here breaks every journal there is.
#include "fleet/ledger/journal.h"
#include "fleet/store/record.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/json_text.h"

namespace fleet::ledger {
namespace {

enum class With { Hash, NoHash };

std::string canonical(const Entry& entry, With with) {
  JsonText json;
  json.object();
  json.key("number").number(static_cast<std::int64_t>(entry.number));
  json.key("at").instant(entry.at);
  json.key("natural_key").text(entry.draft.natural_key);
  json.key("rule").object().key("id").text(entry.draft.rule.id).key("version").number(entry.draft.rule.version).end();
  const Measurement& measured = entry.draft.measurement;
  json.key("measurement").object().key("kind").text(measured.kind).key("subject").text(measured.subject);
  json.key("quantities").object();
  for (const auto& [name, quantity] : measured.quantities) json.key(name).number(quantity);
  json.end().end();
  json.key("text").text(entry.draft.text);
  json.key("postings").array();
  for (const Posting& posting : entry.draft.postings)
    json.object().key("account").text(posting.account).key("amount").money(posting.amount).end();
  json.end();
  json.key("previous_hash").text(entry.previous_hash);
  if (with == With::Hash) json.key("hash").text(entry.hash);
  json.end();
  return json.finished();
}

}  // namespace

std::optional<std::int64_t> Measurement::quantity(std::string_view name) const {
  for (const auto& [known, value] : quantities)
    if (known == name) return value;
  return std::nullopt;
}

std::string text_of(const Entry& entry) { return canonical(entry, With::Hash); }

std::string hash_of(const Entry& entry) { return images::keys::sha256(canonical(entry, With::NoHash)).text; }

Result<Entry> entry_from(std::string_view text) {
  store::RecordReader reader(text);
  Entry entry;
  entry.number = reader.count("number");
  const Result<Instant> at = instant_from(reader.text("at"));
  entry.draft.natural_key = reader.text("natural_key");
  store::RecordReader rule(reader.object("rule"));
  entry.draft.rule = {rule.text("id"), rule.small("version")};
  store::RecordReader measured(reader.object("measurement"));
  entry.draft.measurement.kind = measured.text("kind");
  entry.draft.measurement.subject = measured.text("subject");
  const boost::json::value& quantities = measured.object("quantities");
  if (quantities.is_object())
    for (const auto& field : quantities.get_object())
      if (const std::int64_t* number = field.value().if_int64())
        entry.draft.measurement.quantities.emplace_back(std::string(field.key().data(), field.key().size()), *number);
  entry.draft.text = reader.text("text");
  for (const boost::json::value& item : reader.list("postings")) {
    store::RecordReader posting(item);
    const std::string account = posting.text("account");
    const std::optional<Money> amount = posting.money_if_any("amount");
    if (Done done = posting.outcome(); !done) return done.error();
    if (!amount) return Error{ErrorCode::Corrupt, "a posting has no amount", {}};
    entry.draft.postings.push_back({account, *amount});
  }
  entry.previous_hash = reader.text("previous_hash");
  entry.hash = reader.text("hash");
  for (store::RecordReader* part : {&reader, &rule, &measured})
    if (Done done = part->outcome(); !done) return done.error();
  if (!at) return Error{ErrorCode::Corrupt, at.error().message, {}};
  entry.at = *at;
  if (text_of(entry) != text) return Error{ErrorCode::Corrupt, "the entry's text is not in its one lawful form", {}};
  return entry;
}

std::string client_account(const PartyId& party) { return "client:" + party.text + ":receivable"; }
std::string owner_account(const PartyId& party) { return "owner:" + party.text + ":payable"; }

}  // namespace fleet::ledger
