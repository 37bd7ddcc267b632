#include "fleet/store/record.h"

#include <limits>

namespace fleet::store {

RecordReader::RecordReader(std::string_view text) {
  boost::json::error_code failed;
  parsed_ = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
  if (failed)
    failure_ = "it is no JSON: " + failed.message();
  else if (!parsed_.is_object())
    failure_ = "it is no JSON object";
  else
    object_ = &parsed_.get_object();
}

RecordReader::RecordReader(const boost::json::value& value) {
  if (value.is_object())
    object_ = &value.get_object();
  else
    failure_ = "an item is no JSON object";
}

void RecordReader::fail(std::string_view name, std::string_view wanted) {
  if (failure_.empty()) failure_ = "field '" + std::string(name) + "' is missing or is not " + std::string(wanted);
}

const boost::json::value* RecordReader::field(std::string_view name, bool must_be_there) {
  if (object_ == nullptr) return nullptr;
  const boost::json::value* found = object_->if_contains({name.data(), name.size()});
  if (found != nullptr && found->is_null()) found = nullptr;
  if (found == nullptr && must_be_there) fail(name, "there");
  return found;
}

std::string RecordReader::text(std::string_view name) {
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return {};
  if (const boost::json::string* text = value->if_string()) return {text->data(), text->size()};
  fail(name, "a text");
  return {};
}

std::int64_t RecordReader::number(std::string_view name) {
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return 0;
  if (const std::int64_t* number = value->if_int64()) return *number;
  fail(name, "a whole number");
  return 0;
}

std::uint64_t RecordReader::count(std::string_view name) {
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return 0;
  if (const std::uint64_t* count = value->if_uint64()) return *count;
  if (const std::int64_t* number = value->if_int64(); number != nullptr && *number >= 0) return static_cast<std::uint64_t>(*number);
  fail(name, "a whole number of 0 or more");
  return 0;
}

std::uint32_t RecordReader::small(std::string_view name) {
  const std::uint64_t value = count(name);
  if (value <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(value);
  fail(name, "below 2^32");
  return 0;
}

double RecordReader::real(std::string_view name) {
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return 0;
  boost::json::error_code failed;
  const auto number = value->is_number() ? value->to_number<double>(failed) : 0.0;
  if (!value->is_number() || failed) fail(name, "a number");
  return number;
}

bool RecordReader::flag(std::string_view name) {
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return false;
  if (const bool* flag = value->if_bool()) return *flag;
  fail(name, "true or false");
  return false;
}

Instant RecordReader::instant(std::string_view name) { return Instant(Duration(number(name))); }

std::optional<Instant> RecordReader::instant_if_any(std::string_view name) {
  if (field(name, false) == nullptr) return std::nullopt;
  return instant(name);
}

std::optional<Money> RecordReader::money_if_any(std::string_view name) {
  if (field(name, false) == nullptr) return std::nullopt;
  const Result<Money> money = money_from(text(name));
  if (money) return *money;
  fail(name, "an amount of money");
  return std::nullopt;
}

const boost::json::array& RecordReader::list(std::string_view name) {
  static const boost::json::array none;
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return none;
  if (const boost::json::array* list = value->if_array()) return *list;
  fail(name, "a list");
  return none;
}

const boost::json::value& RecordReader::object(std::string_view name) {
  static const boost::json::value none;
  const boost::json::value* value = field(name, true);
  if (value == nullptr) return none;
  if (value->is_object()) return *value;
  fail(name, "an object");
  return none;
}

Done RecordReader::outcome() const {
  if (failure_.empty()) return {};
  return Error{ErrorCode::Corrupt, failure_, {}};
}

std::int64_t record_of(Instant instant) { return instant.time_since_epoch().count(); }

boost::json::value record_of(const std::optional<Instant>& instant) {
  if (!instant) return nullptr;
  return record_of(*instant);
}

}  // namespace fleet::store
