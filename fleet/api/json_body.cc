#include "fleet/api/json_body.h"

#include <boost/json.hpp>
#include <cmath>

namespace fleet::api {

agent::link::HttpResponse json_answer(int status, const json::object& body) {
  agent::link::HttpResponse answer;
  answer.status = status;
  answer.headers["content-type"] = status >= 400 ? "application/problem+json" : "application/json";
  answer.body = json::serialize(body) + "\n";
  return answer;
}

json::object json_of_money(const Money& money) { return {{"minor", money.minor_units()}, {"currency", money.currency().code}}; }

Result<Body> Body::of(std::string_view text) {
  json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code failure;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure || !value.is_object()) return Error{ErrorCode::InvalidInput, "the body is not a JSON object of at most 16 levels", {}};
  return Body(std::move(value.as_object()));
}

void Body::refuse(std::string_view name, const std::string& why) {
  if (!fault_) fault_ = Error{ErrorCode::InvalidInput, "field '" + place_ + std::string(name) + "' " + why, {}};
}

const json::value* Body::find(std::string_view name) {
  asked_.emplace_back(name);
  const json::value* value = object_.if_contains(json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_null() ? nullptr : value;
}

const json::value* Body::required(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) refuse(name, "is missing");
  return value;
}

std::string Body::text(std::string_view name, std::size_t length_max) {
  const json::value* value = required(name);
  if (value == nullptr) return {};
  if (!value->is_string() || value->as_string().empty() || value->as_string().size() > length_max) {
    refuse(name, "must be a text of 1 to " + std::to_string(length_max) + " bytes");
    return {};
  }
  return std::string(value->as_string());
}

std::optional<std::string> Body::optional_text(std::string_view name, std::size_t length_max) {
  if (find(name) == nullptr) return std::nullopt;
  return text(name, length_max);
}

std::uint64_t Body::number(std::string_view name, std::uint64_t highest) {
  const json::value* value = required(name);
  if (value == nullptr) return 0;
  boost::system::error_code failure;
  const auto number = value->to_number<std::uint64_t>(failure);
  if (!value->is_number() || failure || number > highest) {
    refuse(name, "must be a whole number from 0 to " + std::to_string(highest));
    return 0;
  }
  return number;
}

std::uint64_t Body::number_or(std::string_view name, std::uint64_t otherwise, std::uint64_t highest) {
  return find(name) == nullptr ? otherwise : number(name, highest);
}

double Body::real_or(std::string_view name, double otherwise, double highest) {
  const json::value* value = find(name);
  if (value == nullptr) return otherwise;
  boost::system::error_code failure;
  const auto number = value->to_number<double>(failure);
  if (!value->is_number() || failure || !std::isfinite(number) || number < 0 || number > highest) {
    refuse(name, "must be a number from 0 to " + std::to_string(highest));
    return otherwise;
  }
  return number;
}

bool Body::boolean_or(std::string_view name, bool otherwise) {
  const json::value* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) refuse(name, "must be true or false");
  return value->is_bool() ? value->as_bool() : otherwise;
}

std::optional<Money> Body::optional_money(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    refuse(name, R"(must be {"minor": 480, "currency": "USD"})");
    return std::nullopt;
  }
  Body nested(value->as_object(), place_ + std::string(name) + ".");
  const std::uint64_t minor = nested.number("minor", INT64_MAX);
  Result<Currency> currency = currency_from(nested.text("currency", 3));
  if (!currency) nested.refuse("currency", currency.error().message);
  join(nested);
  if (!currency) return std::nullopt;
  return Money(static_cast<std::int64_t>(minor), *currency);
}

std::optional<Instant> Body::optional_instant(std::string_view name) {
  const std::optional<std::string> written = optional_text(name, 32);
  if (!written || written->empty()) return std::nullopt;
  Result<Instant> instant = instant_from(*written);
  if (!instant) refuse(name, instant.error().message);
  return instant ? std::optional<Instant>(*instant) : std::nullopt;
}

std::vector<std::string> Body::texts(std::string_view name, std::size_t count_max, std::size_t length_max) {
  if (required(name) == nullptr) return {};
  return texts_or_none(name, count_max, length_max);
}

std::vector<std::string> Body::texts_or_none(std::string_view name, std::size_t count_max, std::size_t length_max) {
  const json::value* value = find(name);
  if (value == nullptr) return {};
  std::vector<std::string> texts;
  bool fits = value->is_array() && value->as_array().size() <= count_max;
  if (fits)
    for (const json::value& item : value->as_array()) {
      fits = fits && item.is_string() && item.as_string().size() <= length_max;
      if (fits) texts.emplace_back(item.as_string());
    }
  if (!fits) refuse(name, "must be a list of at most " + std::to_string(count_max) + " texts of at most " + std::to_string(length_max) + " bytes");
  return texts;
}

std::vector<Body> Body::objects(std::string_view name, std::size_t count_max) {
  const json::value* value = required(name);
  if (value == nullptr) return {};
  if (!value->is_array() || value->as_array().size() > count_max) {
    refuse(name, "must be a list of at most " + std::to_string(count_max) + " objects");
    return {};
  }
  std::vector<Body> bodies;
  for (std::size_t i = 0; i < value->as_array().size(); ++i) {
    const json::value& item = value->as_array()[i];
    const std::string place = place_ + std::string(name) + "[" + std::to_string(i) + "]";
    if (!item.is_object()) {
      refuse(name, "must be a list of objects");
      return {};
    }
    bodies.emplace_back(item.as_object(), place + ".");
  }
  return bodies;
}

std::optional<Body> Body::optional_object(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    refuse(name, "must be an object");
    return std::nullopt;
  }
  return Body(value->as_object(), place_ + std::string(name) + ".");
}

std::string Body::object_text_or_empty(std::string_view name, std::size_t length_max) {
  const json::value* value = find(name);
  if (value == nullptr) return "{}";
  std::string text = value->is_object() ? json::serialize(*value) : std::string();
  if (text.empty() || text.size() > length_max) refuse(name, "must be an object of at most " + std::to_string(length_max) + " bytes");
  return text;
}

void Body::join(Body& nested) {
  if (Done finished = nested.finish(); !finished && !fault_) fault_ = finished.error();
}

Done Body::finish() {
  for (const auto& field : object_)
    if (std::find(asked_.begin(), asked_.end(), std::string_view(field.key().data(), field.key().size())) == asked_.end())
      refuse(std::string(field.key()).substr(0, 64), "is not known here");
  if (fault_) return *fault_;
  return {};
}

}  // namespace fleet::api
