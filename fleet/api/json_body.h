// JSON bodies: read strictly, written in one way.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/link/http.h"
#include "policies/vocabulary/money.h"

namespace fleet::api {
using namespace policies::vocabulary;
namespace json = boost::json;

agent::link::HttpResponse json_answer(int status, const json::object& body);

// A request's body, read field by field; the first error is kept and every later read gives a fill-in, so that a route reads
// everything and then asks finish(), which also refuses fields that nobody asked for.
class Body {
 public:
  // InvalidInput for what is not one JSON object of at most 16 levels.
  static Result<Body> of(std::string_view text);
  explicit Body(json::object object, std::string place = {}) : object_(std::move(object)), place_(std::move(place)) {}

  std::string text(std::string_view name, std::size_t length_max = 256);
  std::optional<std::string> optional_text(std::string_view name, std::size_t length_max = 256);
  std::uint64_t number(std::string_view name, std::uint64_t highest);
  std::uint64_t number_or(std::string_view name, std::uint64_t otherwise, std::uint64_t highest);
  double real_or(std::string_view name, double otherwise, double highest);
  bool boolean_or(std::string_view name, bool otherwise);
  std::optional<Money> optional_money(std::string_view name);
  std::optional<Instant> optional_instant(std::string_view name);
  std::vector<std::string> texts(std::string_view name, std::size_t count_max, std::size_t length_max);
  std::vector<std::string> texts_or_none(std::string_view name, std::size_t count_max, std::size_t length_max);
  std::vector<Body> objects(std::string_view name, std::size_t count_max);
  std::optional<Body> optional_object(std::string_view name);
  // The value of a field as JSON text, "{}" when it is left out; InvalidInput when it is not an object.
  std::string object_text_or_empty(std::string_view name, std::size_t length_max);

  // Takes over the first error of a nested body.
  void join(Body& nested);
  Done finish();
  void refuse(std::string_view name, const std::string& why);

 private:
  const json::value* find(std::string_view name);
  const json::value* required(std::string_view name);
  json::object object_;
  std::string place_;
  std::vector<std::string> asked_;
  std::optional<Error> fault_;
};

json::object json_of_money(const Money& money);

}  // namespace fleet::api
