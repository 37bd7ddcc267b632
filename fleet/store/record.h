// Reads the value of a record: a JSON object that we wrote. The first thing wrong is remembered and everything after it reads as
// empty, so that a reader asks once, at the end.
#pragma once

#include <boost/json.hpp>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace fleet::store {
using namespace policies::vocabulary;

class RecordReader {
 public:
  // Parses; at most 32 levels deep.
  explicit RecordReader(std::string_view text);
  // Reads an object inside another record; `value` outlives this.
  explicit RecordReader(const boost::json::value& value);

  std::string text(std::string_view name);
  std::int64_t number(std::string_view name);
  std::uint64_t count(std::string_view name);
  std::uint32_t small(std::string_view name);  // a count below 2^32
  double real(std::string_view name);
  bool flag(std::string_view name);
  Instant instant(std::string_view name);      // UTC milliseconds
  std::optional<Instant> instant_if_any(std::string_view name);
  Bytes bytes(std::string_view name) { return Bytes{count(name)}; }
  std::optional<Money> money_if_any(std::string_view name);  // "12.34 USD"
  const boost::json::array& list(std::string_view name);
  const boost::json::value& object(std::string_view name);  // null when it is not there

  // Corrupt, with the name of the first field that was missing or of another type.
  [[nodiscard]] Done outcome() const;

 private:
  const boost::json::value* field(std::string_view name, bool must_be_there);
  void fail(std::string_view name, std::string_view wanted);

  boost::json::value parsed_;
  const boost::json::object* object_ = nullptr;
  std::string failure_;
};

// A moment as records hold it, and a moment that may be none.
std::int64_t record_of(Instant instant);
boost::json::value record_of(const std::optional<Instant>& instant);

}  // namespace fleet::store
