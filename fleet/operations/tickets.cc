// Who may move which element until when, and who is who: what the controller signs.
#include "fleet/operations/world.h"
#include "images/keys/certificates.h"
#include "images/keys/statement.h"

namespace fleet::operations {

namespace {
constexpr std::size_t tickets_cached_max = 50'000;
}

std::string Operations::World::ticket(const MachineId& machine, const Digest& element, contract::TicketAct act, Bytes size_max, Instant now) {
  const std::string name = machine.text + element.text + (act == contract::TicketAct::Get ? "g" : "p") + std::to_string(size_max.count);
  if (const auto cached = tickets.find(name); cached != tickets.end() && now < cached->second.expires_at - settings.ticket_life / 2)
    return cached->second.dsse;
  contract::Ticket facts;
  facts.holder = KeyId(machine.text);
  facts.element = element;
  facts.act = act;
  facts.size_max = size_max;
  // Whole seconds, so that equal moments give equal tickets.
  facts.expires_at = std::chrono::floor<std::chrono::seconds>(now + settings.ticket_life);
  Result<std::string> dsse = keys::sign_statement(contract::ticket_type, contract::payload_of(facts), own.signing);
  invariant(dsse.has_value(), "the controller's signing key cannot sign a ticket");
  if (tickets.size() >= tickets_cached_max) tickets.clear();
  tickets[name] = {*dsse, facts.expires_at};
  return *std::move(dsse);
}

Done Operations::World::check_ticket(std::string_view dsse, const KeyId& holder, const Digest& element, contract::TicketAct act, Bytes size,
                                     Instant now) const {
  const auto refused = [&](const std::string& why) { return Error{ErrorCode::PermissionDenied, "element " + element.text.substr(0, 16) + "...: " + why, {}}; };
  if (dsse.empty()) return refused("no ticket was shown");
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return refused("the ticket cannot be read: " + statement.error().message);
  if (!keys::verify_statement(*statement, own.signing.public_key(), contract::ticket_type)) return refused("the ticket is not signed by this controller");
  const Result<contract::Ticket> facts = contract::ticket_from(statement->payload);
  if (!facts) return refused("the ticket cannot be read: " + facts.error().message);
  if (facts->holder != holder) return refused("the ticket is another machine's");
  if (facts->act != act) return refused("the ticket allows the other direction only");
  const bool any = act == contract::TicketAct::Put && facts->element == any_element();
  if (facts->element != element && !any) return refused("the ticket is for another element");
  if (now >= facts->expires_at) return refused("the ticket ended at " + text_of(facts->expires_at));
  if (act == contract::TicketAct::Put && size > facts->size_max)
    return Error{ErrorCode::LimitExceeded, "element of " + size.text() + ", the ticket allows " + facts->size_max.text(), {}};
  return {};
}

Result<std::string> Operations::World::certificate(const std::string& name, const keys::PublicKey& key, Duration life, Instant now) const {
  keys::CertificateRequest request{name.substr(0, 64), key, keys::CertificateUse::Client, {}, now - std::chrono::hours(1), now + life};
  return keys::issue_certificate(request, own.authority, own.authority_pem);
}

}  // namespace fleet::operations
