// Plain texts as JSON values of the store, and back. Only for this folder's sources.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace fleet::operations {
using namespace policies::vocabulary;

inline std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::value(text)); }

inline Result<std::string> unquoted(std::string_view value) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(value, error);
  if (error || !parsed.is_string()) return Error{ErrorCode::Corrupt, "a stored text is not what was written", {}};
  return std::string(parsed.get_string());
}

}  // namespace fleet::operations
