#include "images/keys/statement.h"

#include <boost/json.hpp>

namespace images::keys {
namespace {

constexpr std::size_t type_size_max = 256;
constexpr std::size_t key_id_size_max = 256;

Error malformed(std::string_view what) {
  return Error{ErrorCode::InvalidInput, "this is not a signed statement: " + std::string(what), {}};
}

Error too_large() {
  return Error{ErrorCode::LimitExceeded, "a signed statement has at most 64 KiB and 8 signatures", {}};
}

// DSSE lets writers choose between the standard and the URL-safe alphabet.
Result<std::string> decoded(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  return bytes_of_base64(text);
}

Result<std::string> member(const boost::json::object& object, const char* name) {
  const boost::json::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return malformed(std::string("no text '") + name + "'");
  return std::string(value->get_string());
}

Result<std::string> decoded_member(const boost::json::object& object, const char* name) {
  Result<std::string> text = member(object, name);
  if (!text) return text;
  Result<std::string> bytes = decoded(std::move(*text));
  if (!bytes) return malformed(std::string("'") + name + "' is not base64");
  return bytes;
}

Result<StatementSignature> signature_from(const boost::json::value& value) {
  if (!value.is_object()) return malformed("a signature is an object");
  // DSSE: a key id that is not set is the same as an empty one.
  const bool named = value.get_object().contains("keyid");
  Result<std::string> key = named ? member(value.get_object(), "keyid") : Result<std::string>(std::string());
  if (!key) return key.error();
  if (key->size() > key_id_size_max) return malformed("a key id has at most 256 bytes");
  Result<std::string> signature = decoded_member(value.get_object(), "sig");
  if (!signature) return signature.error();
  return StatementSignature{KeyId(std::move(*key)), std::move(*signature)};
}

Result<std::string> with_signature(Statement statement, const PrivateKey& key) {
  const Result<std::string> signature = key.sign(pre_authentication_encoding(statement.type, statement.payload));
  if (!signature) return signature.error();
  const KeyId id = key.id();
  std::erase_if(statement.signatures, [&id](const StatementSignature& earlier) { return earlier.key == id; });
  if (statement.signatures.size() >= statement_signatures_max) return too_large();
  statement.signatures.push_back({id, *signature});
  std::string text = text_of(statement);
  if (text.size() > statement_size_max) return too_large();
  return text;
}

}  // namespace

std::string pre_authentication_encoding(std::string_view type, std::string_view payload) {
  std::string bytes = "DSSEv1 " + std::to_string(type.size()) + " ";
  bytes += type;
  bytes += " " + std::to_string(payload.size()) + " ";
  bytes += payload;
  return bytes;
}

Result<std::string> sign_statement(std::string_view type, std::string_view payload, const PrivateKey& key) {
  if (type.empty() || type.size() > type_size_max)
    return Error{ErrorCode::InvalidInput, "a statement's type has 1 to 256 bytes", {}};
  if (payload.size() > statement_size_max) return too_large();
  return with_signature(Statement{std::string(type), std::string(payload), {}}, key);
}

Result<std::string> countersign_statement(std::string_view envelope, const PrivateKey& key) {
  Result<Statement> statement = parse_statement(envelope);
  if (!statement) return statement.error();
  return with_signature(std::move(*statement), key);
}

Result<Statement> parse_statement(std::string_view envelope) {
  if (envelope.size() > statement_size_max) return too_large();
  boost::json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse({envelope.data(), envelope.size()}, failed, {}, options);
  if (failed || !value.is_object()) return malformed("not a JSON object");
  const boost::json::object& object = value.get_object();
  Result<std::string> type = member(object, "payloadType");
  if (!type) return type.error();
  if (type->empty() || type->size() > type_size_max) return malformed("'payloadType' has 1 to 256 bytes");
  Result<std::string> payload = decoded_member(object, "payload");
  if (!payload) return payload.error();
  const boost::json::value* const signatures = object.if_contains("signatures");
  if (signatures == nullptr || !signatures->is_array()) return malformed("no list 'signatures'");
  if (signatures->get_array().size() > statement_signatures_max) return too_large();
  Statement statement{std::move(*type), std::move(*payload), {}};
  for (const boost::json::value& entry : signatures->get_array()) {
    Result<StatementSignature> signature = signature_from(entry);
    if (!signature) return signature.error();
    statement.signatures.push_back(std::move(*signature));
  }
  return statement;
}

std::string text_of(const Statement& statement) {
  boost::json::array signatures;
  for (const StatementSignature& signature : statement.signatures)
    signatures.push_back(boost::json::object{{"keyid", signature.key.text}, {"sig", base64_of(signature.signature)}});
  return boost::json::serialize(boost::json::object{{"payloadType", statement.type},
                                                    {"payload", base64_of(statement.payload)},
                                                    {"signatures", std::move(signatures)}});
}

Done verify_statement(const Statement& statement, const PublicKey& key, std::string_view expected_type) {
  if (statement.type != expected_type) {
    return Error{ErrorCode::Unauthenticated,
                 "the statement is of type '" + statement.type + "', not '" + std::string(expected_type) + "'",
                 {}};
  }
  const KeyId id = key.id();
  const std::string bytes = pre_authentication_encoding(statement.type, statement.payload);
  for (const StatementSignature& signature : statement.signatures) {
    const bool may_be_ours = signature.key.empty() || signature.key == id;
    if (may_be_ours && key.verify(bytes, signature.signature)) return {};
  }
  return Error{
      ErrorCode::Unauthenticated, "the statement holds no good signature of key " + id.text.substr(0, 16) + "...", {}};
}

}  // namespace images::keys
