// Staff brings in parties, lines, vouchers, receipts and orders.
#include "fleet/operations/texts.h"
#include "fleet/operations/world.h"
#include "images/keys/statement.h"

namespace fleet::operations {

Done Operations::register_line(registry::Line line, const std::string& by, Instant now, store::Batch& batch) {
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(line.public_key_pem);
  if (!key) return key.error().within("reading the key of line '" + line.id.text + "'");
  line.key = key->id();
  return world_->registry.add_line(std::move(line), {now, by, ""}, batch);
}

Result<PartyAnswer> Operations::add_party(registry::Party party, const std::string& by, Instant now, store::Batch& batch) {
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(party.public_key_pem);
  if (!key) return key.error().within("reading the key of party '" + party.id.text + "'");
  party.key = key->id();
  if (party.spending_limit && party.spending_limit->currency() != world_->rules.standard_prices().currency)
    return Error{ErrorCode::InvalidInput, "the spending limit must be in " + world_->rules.standard_prices().currency.code, {}};
  const Result<std::string> pem = world_->certificate(party.id.text, *key, world_->settings.party_certificate_life, now);
  if (!pem) return pem.error();
  const PartyId id = party.id;
  if (const Done added = world_->registry.add_party(std::move(party), {now, by, ""}, batch); !added) return added.error();
  return PartyAnswer{id, *pem, world_->own.authority_pem};
}

// The voucher of a registered line, for terms and an offer that we know.
Result<registry::Voucher> Operations::World::checked_voucher(std::string_view dsse, Instant now) const {
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return statement.error().within("reading a voucher");
  for (const keys::StatementSignature& signature : statement->signatures) {
    const registry::Line* line = registry.find_line_by_key(signature.key);
    if (line == nullptr) continue;
    const Result<keys::PublicKey> key = keys::PublicKey::from_pem(line->public_key_pem);
    if (!key || !keys::verify_statement(*statement, *key, contract::voucher_type)) continue;
    Result<contract::Voucher> facts = contract::voucher_from(statement->payload);
    if (!facts) return facts.error().within("reading a voucher of line '" + line->id.text + "'");
    return registry::Voucher{*std::move(facts), std::string(dsse), line->id, now};
  }
  return Error{ErrorCode::Refused, "the voucher is not signed by a registered line", {}};
}

Result<registry::Agreement> Operations::World::offered(const contract::Voucher& voucher) const {
  const Result<const terms::Terms*> agreed = rules.find_terms(voucher.terms, voucher.terms_version);
  if (!agreed) return Error{ErrorCode::Refused, agreed.error().text(), {"looking up the terms of voucher " + voucher.serial}};
  const Result<const terms::Offer*> offer = rules.find_offer(voucher.offer);
  if (!offer) return Error{ErrorCode::Refused, offer.error().text(), {"looking up the offer of voucher " + voucher.serial}};
  registry::Agreement agreement;
  agreement.terms_text = terms::canonical_text(**agreed, voucher.zone);
  agreement.terms_digest = keys::sha256(agreement.terms_text);
  if (agreement.terms_digest != voucher.terms_digest)
    return Error{ErrorCode::Refused, "voucher " + voucher.serial + " is for other terms than our '" + voucher.terms.text + "' version " +
                                         std::to_string(voucher.terms_version) + " in zone " + voucher.zone, {}};
  if (const Result<const terms::Zone*> zone = zones.zone(voucher.zone); !zone) return zone.error().within("voucher " + voucher.serial);
  agreement.owner = voucher.owner;
  agreement.terms = voucher.terms;
  agreement.terms_version = voucher.terms_version;
  agreement.offer = voucher.offer;
  agreement.offer_version = (*offer)->version;
  agreement.order = voucher.order;
  agreement.zone = voucher.zone;
  return agreement;
}

Result<bool> Operations::import_voucher(std::string_view dsse, const std::string& by, Instant now, store::Batch& batch) {
  Result<registry::Voucher> voucher = world_->checked_voucher(dsse, now);
  if (!voucher) return voucher.error();
  Result<registry::Agreement> agreement = world_->offered(voucher->facts);
  if (!agreement) return agreement.error();
  const MachineId machine = voucher->facts.machine;
  const Result<bool> added = world_->registry.add_voucher(*std::move(voucher), *std::move(agreement), {now, by, ""}, batch);
  if (added && *added) {
    const AgreementId id = world_->registry.find_machine(machine)->agreement;
    world_->value_incentives(id, now, batch);
    world_->due.arm(DueKind::Agreement, id.text, now);
  }
  return added;
}

Done Operations::import_export(std::string_view dsse, const std::string& by, Instant now, store::Batch& batch) {
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return statement.error().within("reading the statement of a line's export");
  for (const keys::StatementSignature& signature : statement->signatures) {
    const registry::Line* line = world_->registry.find_line_by_key(signature.key);
    if (line == nullptr) continue;
    const Result<keys::PublicKey> key = keys::PublicKey::from_pem(line->public_key_pem);
    if (!key || !keys::verify_statement(*statement, *key, contract::line_export_type)) continue;
    const Result<contract::LineExport> facts = contract::line_export_statement_from(statement->payload);
    if (!facts) return facts.error().within("reading the export of line '" + line->id.text + "'");
    const std::string name = "line-export/" + line->id.text + "/" + facts->content.text;
    world_->registry.keep_statement(name, dsse, {now, by, "made " + text_of(facts->made_at)}, batch);
    return {};
  }
  return Error{ErrorCode::Refused, "the export is not signed by a registered line", {}};
}

Done Operations::import_receipt(std::string_view dsse, const std::string& by, Instant now, store::Batch& batch) {
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return statement.error().within("reading a receipt");
  const Result<contract::Receipt> facts = contract::receipt_from(statement->payload);
  if (!facts) return facts.error().within("reading a receipt");
  const registry::Voucher* voucher = world_->registry.find_voucher(facts->machine);
  if (voucher == nullptr) return Error{ErrorCode::NotFound, "no voucher for machine " + facts->machine.text.substr(0, 16) + "...; import it first", {}};
  const registry::Line* line = world_->registry.find_line(voucher->line);
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(line == nullptr ? "" : line->public_key_pem);
  if (!key) return key.error().within("reading the key of line '" + voucher->line.text + "'");
  if (const Done signed_by_line = keys::verify_statement(*statement, *key, contract::receipt_type); !signed_by_line)
    return signed_by_line.error().within("the receipt of serial " + facts->serial);
  if (facts->kind == contract::ReceiptKind::Released)
    return Error{ErrorCode::Refused, "a release is told by the machine itself: POST /v1/receipts", {}};
  world_->registry.keep_statement("receipt/" + facts->machine.text + "/provisioned", dsse, {now, by, ""}, batch);
  return {};
}

Result<bool> Operations::import_order(std::string_view yaml, const std::string& by, Instant now, store::Batch& batch) {
  constexpr std::size_t order_max = 64 << 10;
  if (yaml.size() > order_max) return Error{ErrorCode::LimitExceeded, "an order of more than 64 KiB", {}};
  World& world = *world_;
  const Result<terms::Order> order = policies::loading::load_order(yaml, "order", world.zones);
  if (!order) return order.error();
  const auto full = policies::loading::order_in_full(world.rules, *order);
  if (!full) return full.error();
  const auto known = world.orders.find(order->id.text);
  if (known != world.orders.end() && known->second == yaml) return false;
  // What was quoted to a customer who has agreed since is not quoted anew.
  for (const auto& [id, agreement] : world.registry.agreements())
    if (known != world.orders.end() && agreement.order == order->id && agreement.starts_at)
      return Error{ErrorCode::Conflict, "order '" + order->id.text + "' is in force already, with other content", {}};
  const registry::Happening how{now, by, ""};
  registry::Party owner{.id = order->customer, .name = order->customer_name, .roles = {registry::Role::Owner}};
  if (const Done named = world.registry.add_party(std::move(owner), how, batch); !named) return named.error();
  world.orders[order->id.text] = std::string(yaml);
  batch.push_back({store::Table::Settings, "order/" + order->id.text, quoted(yaml)});
  world.registry.record({.kind = "order-imported", .party = order->customer, .text = order->id.text}, how, batch);
  std::vector<AgreementId> concerned;
  for (const auto& [id, agreement] : world.registry.agreements())
    if (agreement.order == order->id && agreement.follows.empty()) concerned.push_back(id);
  for (const AgreementId& id : concerned) {
    world.value_incentives(id, now, batch);
    world.book_incentives(id, now, batch);
  }
  return true;
}

}  // namespace fleet::operations
