// Reads and writes records as JSON, each field named once: `walk(visit, record)` calls visit("name", record.name) for every
// field, and both directions walk the same list. A field that is missing keeps its default, so that later versions may add some.
// Only for this folder's sources.
#pragma once

#include <boost/json.hpp>
#include <concepts>
#include <type_traits>

#include "fleet/registry/records.h"

namespace fleet::registry {
namespace record_json {

namespace json = boost::json;

template <typename T>
concept Walkable = requires(T& record) { walk([](const char*, auto&) {}, record); };

// --- writing
inline json::value written(const std::string& text) { return json::value(text); }
inline json::value written(bool flag) { return json::value(flag); }
template <std::integral Number>
json::value written(Number number) { return json::value(number); }
template <typename Kind>
json::value written(const Id<Kind>& id) { return json::value(id.text); }
inline json::value written(Instant instant) { return json::value(policies::vocabulary::text_of(instant)); }
inline json::value written(Bytes bytes) { return json::value(bytes.count); }
inline json::value written(const Money& money) { return json::value(money.text()); }
template <typename Enum>
  requires std::is_enum_v<Enum>
json::value written(Enum value) { return json::value(name_of(value)); }
template <Walkable Record>
json::value written(const Record& record);
template <typename T>
json::value written(const std::optional<T>& value) { return value ? written(*value) : json::value(nullptr); }
template <typename T>
json::value written(const std::vector<T>& values) {
  json::array array;
  for (const T& value : values) array.push_back(written(value));
  return array;
}

template <Walkable Record>
json::value written(const Record& record) {
  json::object object;
  walk([&object](const char* name, auto& field) { object[name] = written(std::as_const(field)); }, const_cast<Record&>(record));
  return object;
}

// --- reading; false: not what was written
inline bool read(const json::value& value, std::string& field) {
  if (!value.is_string()) return false;
  field.assign(value.get_string());
  return true;
}
inline bool read(const json::value& value, bool& field) {
  if (!value.is_bool()) return false;
  field = value.get_bool();
  return true;
}
template <std::integral Number>
bool read(const json::value& value, Number& field) {
  boost::system::error_code error;
  const Number number = value.to_number<Number>(error);
  if (!error) field = number;
  return !error;
}
template <typename Kind>
bool read(const json::value& value, Id<Kind>& field) { return read(value, field.text); }
template <typename T>
bool take(Result<T> result, T& field) {
  if (result) field = *std::move(result);
  return result.has_value();
}
template <typename T, typename From>
bool read_text(const json::value& value, T& field, From from) {
  if (!value.is_string()) return false;
  return take<T>(from(std::string_view(value.get_string())), field);
}
inline bool read(const json::value& value, Instant& field) { return read_text(value, field, instant_from); }
inline bool read(const json::value& value, Money& field) { return read_text(value, field, money_from); }
inline bool read(const json::value& value, Bytes& field) { return read(value, field.count); }
inline bool read(const json::value& value, terms::MachineState& field) { return read_text(value, field, terms::machine_state_from); }
inline bool read(const json::value& value, terms::AgreementState& field) { return read_text(value, field, terms::agreement_state_from); }
inline bool read(const json::value& value, Role& field) { return read_text(value, field, role_from); }

// An enum without a reader of its own: the one whose name it is.
template <typename Enum>
bool read_enum(const json::value& value, Enum& field, std::initializer_list<Enum> all) {
  if (!value.is_string()) return false;
  for (const Enum one : all)
    if (name_of(one) == std::string_view(value.get_string())) {
      field = one;
      return true;
    }
  return false;
}
inline bool read(const json::value& value, WindowWord& field) {
  return read_enum(value, field, {WindowWord::Unknown, WindowWord::Open, WindowWord::Closed});
}
inline bool read(const json::value& value, OwnerWord& field) {
  return read_enum(value, field, {OwnerWord::Unknown, OwnerWord::Present, OwnerWord::Away, OwnerWord::Paused});
}
inline bool read(const json::value& value, PartitionWord& field) {
  return read_enum(value, field, {PartitionWord::Unknown, PartitionWord::Sound, PartitionWord::Unavailable});
}
inline bool read(const json::value& value, terms::Schedule& field) {
  return read_enum(value, field, {terms::Schedule::Once, terms::Schedule::Monthly});
}

template <Walkable Record>
bool read(const json::value& value, Record& record);
template <typename T>
bool read(const json::value& value, std::optional<T>& field) {
  if (value.is_null()) {
    field.reset();
    return true;
  }
  return read(value, field.emplace());
}
template <typename T>
bool read(const json::value& value, std::vector<T>& field) {
  if (!value.is_array()) return false;
  for (const json::value& one : value.get_array())
    if (!read(one, field.emplace_back())) return false;
  return true;
}

template <Walkable Record>
bool read(const json::value& value, Record& record) {
  if (!value.is_object()) return false;
  bool good = true;
  walk(
      [&good, &object = value.get_object()](const char* name, auto& field) {
        const json::value* found = object.if_contains(name);
        if (found != nullptr && !read(*found, field)) good = false;
      },
      record);
  return good;
}

template <typename Record>
Result<Record> record_from(std::string_view text, std::string_view what) {
  boost::system::error_code error;
  // A text that came from outside with a broken character must never keep the controller from starting.
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  const json::value value = json::parse(text, error, {}, options);
  Record record;
  if (error || !read(value, record))
    return Error{ErrorCode::Corrupt, "a stored " + std::string(what) + " is not what was written", {}};
  return record;
}

}  // namespace record_json
}  // namespace fleet::registry
