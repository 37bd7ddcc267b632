#include "agent/consent/consent.h"

#include "images/keys/statement.h"

namespace agent::consent {
namespace {

using images::files::Access;

constexpr std::size_t name_max = 200;
constexpr std::string_view record_name = "/consent.dsse";
constexpr std::string_view countersigned_name = "/consent-countersigned.dsse";
// Statements need a name of at least one byte; owners need not give theirs.
constexpr std::string_view nobody_named = "(no name given)";

Result<contract::Consent> consent_in(const std::string& dsse) {
  Result<images::keys::Statement> statement = images::keys::parse_statement(dsse);
  if (!statement) return std::move(statement).error();
  return contract::consent_from(statement->payload);
}

}  // namespace

Result<std::optional<Record>> ConsentBook::read() const {
  const std::string doing = "reading the owner's answer in " + folder_;
  const std::string path = folder_ + std::string(record_name);
  Result<bool> there = files_->exists(path);
  if (!there) return std::move(there).error().within(doing);
  if (!*there) return std::optional<Record>();
  Result<std::string> dsse = files_->read(path, Bytes{images::keys::statement_size_max});
  if (!dsse) return std::move(dsse).error().within(doing);
  Result<contract::Consent> consent = consent_in(*dsse);
  if (!consent) return Error{ErrorCode::Corrupt, consent.error().text(), {doing}};
  Record record{.consent = *std::move(consent), .dsse = *std::move(dsse), .countersigned = {}};
  Result<std::string> countersigned =
      files_->read(folder_ + std::string(countersigned_name), Bytes{images::keys::statement_size_max});
  if (countersigned) {
    record.countersigned = *std::move(countersigned);
  } else if (countersigned.error().code != ErrorCode::NotFound) {
    return std::move(countersigned).error().within(doing);
  }
  return std::optional<Record>(std::move(record));
}

Result<Record> ConsentBook::record(const contract::TermsDocument& terms, const Answer& answer, const MachineId& machine,
                                   const images::keys::PrivateKey& device_key, Instant now) {
  const std::string doing = "recording the owner's answer";
  const auto control = [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F; };
  if (answer.name.size() > name_max || std::any_of(answer.name.begin(), answer.name.end(), control)) {
    return Error{ErrorCode::InvalidInput, "a name has at most 200 bytes and no control characters", {doing}};
  }
  Result<std::optional<Record>> known = read();
  if (!known) return std::move(known).error();
  if (known->has_value())
    return Error{ErrorCode::Conflict, "the owner has answered already; the first answer stands", {doing}};
  // Statements carry whole seconds.
  const Instant answered_at = std::chrono::floor<std::chrono::seconds>(now);
  Record record;
  record.consent = {.machine = machine,
                    .terms_digest = terms.digest,
                    .choice = answer.choice,
                    .answered_by = answer.name.empty() ? std::string(nobody_named) : answer.name,
                    .answered_at = answered_at};
  Result<std::string> dsse =
      images::keys::sign_statement(contract::consent_type, contract::payload_of(record.consent), device_key);
  if (!dsse) return std::move(dsse).error().within(doing);
  record.dsse = *std::move(dsse);
  Done made = files_->make_directory(folder_, Access::Everyone);
  if (made) made = files_->replace(folder_ + std::string(record_name), record.dsse, Access::Everyone);
  if (!made) return made.error().within(doing);
  return record;
}

Done ConsentBook::keep_countersigned(const std::string& dsse, const images::keys::PublicKey& device,
                                     const images::keys::PublicKey& controller) {
  const std::string doing = "keeping the countersigned consent";
  Result<std::optional<Record>> known = read();
  if (!known) return known.error();
  if (!known->has_value()) return Error{ErrorCode::Refused, "nothing was answered here", {doing}};
  Result<images::keys::Statement> statement = images::keys::parse_statement(dsse);
  if (!statement) return Error{ErrorCode::Refused, statement.error().text(), {doing}};
  Result<images::keys::Statement> ours = images::keys::parse_statement((*known)->dsse);
  if (!ours) return ours.error().within(doing);
  if (statement->payload != ours->payload)
    return Error{ErrorCode::Refused, "it is not the consent that was given here", {doing}};
  for (const auto* key : {&device, &controller}) {
    Done verified = images::keys::verify_statement(*statement, *key, contract::consent_type);
    if (!verified) return Error{ErrorCode::Refused, verified.error().text(), {doing}};
  }
  if ((*known)->countersigned == dsse) return {};
  return files_->replace(folder_ + std::string(countersigned_name), dsse, Access::Everyone);
}

}  // namespace agent::consent
