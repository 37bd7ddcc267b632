#include <boost/json.hpp>
#include <fmt/core.h>

#include "agent/contract/disk_markers.h"
#include "policies/vocabulary/hex.h"
#include "provision/disk/luks.h"

namespace provision::disk {
namespace {

namespace json = boost::json;
constexpr std::size_t token_size_max = 65536;
constexpr std::size_t facts_max = 32;
constexpr std::size_t text_max = 1024;
constexpr std::size_t slots_max = 32;
constexpr std::int64_t token_version = 1;

Error invalid(std::string message) { return {ErrorCode::InvalidInput, "lease token: " + std::move(message), {}}; }

Result<std::string> text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().size() > text_max)
    return invalid(fmt::format("'{}' is not a text of at most {} bytes", name, text_max));
  return std::string(value->get_string());
}

Result<TokenSlot> slot_from(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid("a slot is not an object");
  const json::value* number = object->if_contains("slot");
  if (number == nullptr || !number->is_int64() || number->get_int64() < 0 || number->get_int64() >= std::int64_t{slots_max})
    return invalid("a slot has no number from 0 to 31");
  Result<std::string> purpose = text_in(*object, "purpose");
  if (!purpose) return purpose.error();
  Result<std::string> digest = text_in(*object, "key-digest");
  if (!digest) return digest.error();
  if (!is_sha256_hex(*digest)) return invalid("a key digest is not 64 hexadecimal digits");
  return TokenSlot{static_cast<std::uint32_t>(number->get_int64()), *std::move(purpose), Digest(*std::move(digest))};
}

}  // namespace

std::string token_json(const LeaseToken& token) {
  json::array keyslots;
  json::array slots;
  for (const TokenSlot& slot : token.slots) {
    keyslots.emplace_back(std::to_string(slot.slot));
    slots.push_back(json::object{{"slot", slot.slot}, {"purpose", slot.purpose}, {"key-digest", slot.key_digest.text}});
  }
  json::object facts;
  for (const auto& [name, value] : token.facts) facts.emplace(name, value);
  return json::serialize(json::object{{"type", json::string_view(agent::contract::lease_token_type)},
                                      {"keyslots", keyslots},
                                      {"version", token_version},
                                      {"facts", facts},
                                      {"slots", slots}});
}

Result<LeaseToken> token_from_json(std::string_view text) {
  if (text.size() > token_size_max) return invalid(fmt::format("larger than {} bytes", token_size_max));
  boost::system::error_code failed;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), failed);
  const json::object* object = failed ? nullptr : value.if_object();
  if (object == nullptr) return invalid("not a JSON object");
  Result<std::string> type = text_in(*object, "type");
  if (!type) return type.error();
  if (*type != agent::contract::lease_token_type) return invalid("its type is '" + *type + "'");
  const json::value* version = object->if_contains("version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != token_version)
    return invalid("not of version 1; a newer program is needed");
  const json::value* facts = object->if_contains("facts");
  if (facts == nullptr || !facts->is_object() || facts->get_object().size() > facts_max)
    return invalid(fmt::format("'facts' is not an object of at most {} entries", facts_max));
  const json::value* slots = object->if_contains("slots");
  if (slots == nullptr || !slots->is_array() || slots->get_array().size() > slots_max)
    return invalid(fmt::format("'slots' is not an array of at most {} slots", slots_max));

  LeaseToken token;
  for (const auto& fact : facts->get_object()) {
    Result<std::string> content = text_in(facts->get_object(), fact.key());
    if (!content) return content.error();
    token.facts.emplace(std::string(fact.key()), *std::move(content));
  }
  for (const json::value& entry : slots->get_array()) {
    Result<TokenSlot> slot = slot_from(entry);
    if (!slot) return slot.error();
    token.slots.push_back(*std::move(slot));
  }
  return token;
}

}  // namespace provision::disk
