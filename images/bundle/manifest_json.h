// Reading a manifest's JSON strictly: for the sources of this folder.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace images::bundle {
using namespace policies::vocabulary;

inline Error invalid(std::string what) { return Error{ErrorCode::InvalidInput, std::move(what), {}}; }

// Text from outside, cut short and without what could move a cursor.
inline std::string quoted(std::string_view text) {
  std::string shown = "'";
  for (const char c : text.substr(0, 80)) shown += c >= 0x20 && c < 0x7f ? c : '?';
  return shown + (text.size() > 80 ? "...'" : "'");
}

// Members of one JSON object, each asked for once; those left over are unknown.
class Members {
 public:
  Members(const boost::json::value& value, std::string place) : place_(std::move(place)) {
    if (value.is_object()) object_ = &value.get_object();
  }

  Result<std::string> text(const char* name) {
    const boost::json::value* const value = find(name);
    if (value == nullptr || !value->is_string()) return invalid(place_ + ": no text '" + name + "'");
    return std::string(value->get_string());
  }
  Result<std::uint64_t> number(const char* name) {
    const boost::json::value* const value = find(name);
    if (value == nullptr || !value->is_number()) return invalid(place_ + ": no number '" + name + "'");
    boost::system::error_code failed;
    const auto number = value->to_number<std::uint64_t>(failed);
    if (failed || value->is_double()) return invalid(place_ + ": '" + name + "' is not a whole number of 0 or more");
    return number;
  }
  Result<const boost::json::array*> list(const char* name) {
    const boost::json::value* const value = find(name);
    if (value == nullptr || !value->is_array()) return invalid(place_ + ": no list '" + name + "'");
    return &value->get_array();
  }
  // nullptr when it is not there.
  const boost::json::value* optional(const char* name) {
    if (object_ == nullptr || !object_->contains(name)) return nullptr;
    return find(name);
  }
  Done nothing_else() const {
    if (object_ != nullptr && object_->size() == asked_) return {};
    return invalid(place_ + ": unknown members beside those of its kind");
  }

 private:
  const boost::json::value* find(const char* name) {
    ++asked_;
    return object_ == nullptr ? nullptr : object_->if_contains(name);
  }
  std::string place_;
  const boost::json::object* object_ = nullptr;
  std::size_t asked_ = 0;
};

}  // namespace images::bundle
