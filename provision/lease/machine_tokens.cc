#include "provision/lease/machine_tokens.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <charconv>

#include "agent/contract/disk_markers.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/json_text.h"

namespace provision::lease {
namespace {

namespace json = boost::json;
constexpr std::size_t token_size_max = 16384;  // the whole JSON area of a header has 12 KiB
constexpr std::size_t part_max = 2048;
constexpr std::uint32_t slot_max = 31;
constexpr std::uint32_t register_max = 23;
constexpr std::int64_t token_version = 1;

Error invalid(std::string_view what, std::string_view why) { return {ErrorCode::InvalidInput, fmt::format("{} token: {}", what, why), {}}; }

Result<json::object> object_of(std::string_view text, std::string_view type) {
  if (text.size() > token_size_max) return invalid(type, fmt::format("larger than {} bytes", token_size_max));
  json::error_code failed;
  json::parse_options options;
  options.max_depth = 4;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failed, {}, options);
  if (failed || !value.is_object()) return invalid(type, "not a JSON object");
  const json::object& object = value.get_object();
  const json::value* named = object.if_contains("type");
  if (named == nullptr || !named->is_string() || std::string_view(named->get_string()) != type) return invalid(type, "of another type");
  const json::value* version = object.if_contains("version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != token_version)
    return invalid(type, "not of version 1; a newer program is needed");
  return object;
}

Result<std::string> text_in(const json::object& object, std::string_view name, std::string_view type) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().size() > 2 * part_max)
    return invalid(type, fmt::format("'{}' is not a text of at most {} bytes", name, 2 * part_max));
  return std::string(value->get_string());
}

Result<std::string> part_in(const json::object& object, std::string_view name, std::string_view type) {
  const Result<std::string> text = text_in(object, name, type);
  if (!text) return text;
  Result<std::string> bytes = images::keys::bytes_of_base64(*text);
  if (!bytes || bytes->empty() || bytes->size() > part_max) return invalid(type, fmt::format("'{}' is not base64 of 1 to {} bytes", name, part_max));
  return bytes;
}

Result<std::optional<std::uint32_t>> slot_in(const json::object& object, std::string_view type) {
  const json::value* slots = object.if_contains("keyslots");
  if (slots == nullptr || !slots->is_array() || slots->get_array().size() > 1) return invalid(type, "'keyslots' does not name one slot at most");
  if (slots->get_array().empty()) return std::optional<std::uint32_t>();
  const json::value& named = slots->get_array().front();
  if (!named.is_string()) return invalid(type, "a slot is no text");
  const std::string_view digits = named.get_string();
  std::uint32_t slot = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), slot);
  if (problem != std::errc() || end != digits.data() + digits.size() || slot > slot_max) return invalid(type, "a slot is no number from 0 to 31");
  return std::optional(slot);
}

}  // namespace

std::string token_json(const TpmToken& token) {
  JsonText json;
  json.object().key("type").text(agent::contract::tpm_token_type).key("keyslots").array();
  if (token.slot) json.text(std::to_string(*token.slot));
  json.end().key("version").number(token_version).key("bank").text(token.sealed.bank).key("registers").array();
  for (const std::uint32_t number : token.sealed.registers) json.number(number);
  json.end().key("public").text(images::keys::base64_of(token.sealed.public_part));
  json.key("private").text(images::keys::base64_of(token.sealed.private_part)).end();
  return json.finished();
}

Result<TpmToken> tpm_token_from(std::string_view text) {
  constexpr std::string_view type = agent::contract::tpm_token_type;
  const Result<json::object> object = object_of(text, type);
  if (!object) return object.error();
  TpmToken token;
  const auto slot = slot_in(*object, type);
  if (!slot) return slot.error();
  token.slot = *slot;
  Result<std::string> bank = text_in(*object, "bank", type);
  if (!bank) return bank.error();
  if (*bank != "sha256") return invalid(type, "the bank is not sha256");
  token.sealed.bank = *std::move(bank);
  const json::value* registers = object->if_contains("registers");
  if (registers == nullptr || !registers->is_array() || registers->get_array().empty() || registers->get_array().size() > register_max + 1)
    return invalid(type, "'registers' does not name 1 to 24 registers");
  for (const json::value& number : registers->get_array()) {
    const bool fits = number.is_int64() && number.get_int64() >= 0 && number.get_int64() <= std::int64_t{register_max};
    if (!fits || (!token.sealed.registers.empty() && token.sealed.registers.back() >= number.get_int64()))
      return invalid(type, "the registers are not rising numbers from 0 to 23");
    token.sealed.registers.push_back(static_cast<std::uint32_t>(number.get_int64()));
  }
  Result<std::string> public_part = part_in(*object, "public", type);
  if (!public_part) return public_part.error();
  token.sealed.public_part = *std::move(public_part);
  Result<std::string> private_part = part_in(*object, "private", type);
  if (!private_part) return private_part.error();
  token.sealed.private_part = *std::move(private_part);
  return token;
}

std::string token_json(const FilesystemToken& token) {
  JsonText json;
  json.object().key("type").text(agent::contract::filesystem_token_type).key("keyslots").array().end();
  json.key("version").number(token_version).key("filesystem").text("ext4").key("uuid").text(token.uuid).end();
  return json.finished();
}

Result<FilesystemToken> filesystem_token_from(std::string_view text) {
  constexpr std::string_view type = agent::contract::filesystem_token_type;
  const Result<json::object> object = object_of(text, type);
  if (!object) return object.error();
  Result<std::string> filesystem = text_in(*object, "filesystem", type);
  if (!filesystem) return filesystem.error();
  if (*filesystem != "ext4") return invalid(type, "the filesystem is not ext4");
  Result<std::string> uuid = text_in(*object, "uuid", type);
  if (!uuid) return uuid.error();
  const bool plain = uuid->size() == 36 && uuid->find_first_not_of("0123456789abcdef-") == std::string::npos;
  if (!plain) return invalid(type, "'uuid' is not a UUID in lower case");
  return FilesystemToken{*std::move(uuid)};
}

}  // namespace provision::lease
