#include <algorithm>
#include <boost/json.hpp>

#include "policies/vocabulary/json_text.h"
#include "provision/firmware/firmware_plan.h"

namespace provision::firmware {
namespace {

constexpr std::string_view format = "leaseback-firmware-1";
constexpr std::size_t attributes_max = 64;
constexpr std::size_t passwords_max = 8;
constexpr std::size_t value_size_max = 1024;

bool is_value(std::string_view value) {
  return value.size() <= value_size_max && std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

Error refused(std::string why) {
  return Error{ErrorCode::InvalidInput, "this is no firmware record of format " + std::string(format) + ": " + why + "; take the one in the run's folder at the station", {}};
}

// The texts of an object under exactly these keys.
bool read_texts(const boost::json::value& value, const std::vector<std::pair<const char*, std::string*>>& fields) {
  if (!value.is_object() || value.get_object().size() != fields.size()) return false;
  for (const auto& [key, field] : fields) {
    const boost::json::value* text = value.get_object().if_contains(key);
    if (text == nullptr || !text->is_string()) return false;
    *field = std::string(text->get_string());
  }
  return true;
}

const boost::json::array* list_in(const boost::json::object& object, const char* key, std::size_t count_max) {
  const boost::json::value* list = object.if_contains(key);
  return list != nullptr && list->is_array() && list->get_array().size() <= count_max ? &list->get_array() : nullptr;
}

}  // namespace

std::string text_of(const FirmwareRecord& record) {
  JsonText json(JsonLayout::Indented);
  json.object().key("format").text(format).key("attributes").array();
  for (const RecordedAttribute& entry : record.attributes) {
    json.object().key("device").text(entry.device).key("attribute").text(entry.attribute);
    json.key("original").text(entry.original).key("set_to").text(entry.set_to).end();
  }
  json.end().key("passwords").array();
  for (const RecordedPassword& entry : record.passwords) json.object().key("device").text(entry.device).key("authentication").text(entry.authentication).end();
  return json.end().end().finished() + "\n";
}

Result<FirmwareRecord> record_from(std::string_view text) {
  if (text.size() > record_size_max) return refused("it is too large");
  boost::json::error_code problem;
  const boost::json::value parsed = boost::json::parse(text, problem);
  if (problem || !parsed.is_object()) return refused("it is not a JSON object");
  const boost::json::object& object = parsed.get_object();
  const boost::json::value* named = object.if_contains("format");
  if (object.size() != 3 || named == nullptr || !named->is_string() || named->get_string() != format) return refused("its format is another");
  const boost::json::array* attributes = list_in(object, "attributes", attributes_max);
  const boost::json::array* passwords = list_in(object, "passwords", passwords_max);
  if (attributes == nullptr || passwords == nullptr) return refused("its lists are missing or too long");
  FirmwareRecord record;
  for (const boost::json::value& value : *attributes) {
    RecordedAttribute entry;
    if (!read_texts(value, {{"device", &entry.device}, {"attribute", &entry.attribute}, {"original", &entry.original}, {"set_to", &entry.set_to}}))
      return refused("an attribute needs device, attribute, original and set_to");
    // Names become paths: what leaves its folder is no name.
    if (!is_attribute_name(entry.device) || !is_attribute_name(entry.attribute) || !is_value(entry.original) || !is_value(entry.set_to))
      return refused("an attribute has a name or a value that no firmware has");
    const bool twice = std::any_of(record.attributes.begin(), record.attributes.end(),
                                   [&](const RecordedAttribute& one) { return one.device == entry.device && one.attribute == entry.attribute; });
    if (twice) return refused("an attribute stands in it twice");
    record.attributes.push_back(std::move(entry));
  }
  for (const boost::json::value& value : *passwords) {
    RecordedPassword entry;
    if (!read_texts(value, {{"device", &entry.device}, {"authentication", &entry.authentication}}) || !is_attribute_name(entry.device) ||
        !is_attribute_name(entry.authentication))
      return refused("a password needs device and authentication");
    record.passwords.push_back(std::move(entry));
  }
  return record;
}

}  // namespace provision::firmware
