// A value, or the Error that stood in its way. Ignoring one does not compile.
//
//   Result<Order> order = load_order(text);
//   if (!order) return order.error().within("reading " + path);
//   use(*order);
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "policies/vocabulary/error.h"

namespace policies::vocabulary {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : outcome_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return outcome_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Precondition of the first four: has_value(). Broken, it aborts with the error's text.
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T operator*() && { return std::move(checked()); }  // by value, so that `for (x : *f())` does not dangle
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  [[nodiscard]] T value_or(T otherwise) const& { return has_value() ? std::get<0>(outcome_) : std::move(otherwise); }

  // Precondition: !has_value().
  [[nodiscard]] const Error& error() const& { return failure(); }
  [[nodiscard]] Error error() && { return std::move(const_cast<Error&>(failure())); }

 private:
  T& checked() {
    if (!has_value()) invariant(false, "a Result was read that holds an error: " + std::get<1>(outcome_).text());
    return std::get<0>(outcome_);
  }
  const Error& failure() const {
    invariant(!has_value(), "the error was read of a Result that holds a value");
    return std::get<1>(outcome_);
  }
  std::variant<T, Error> outcome_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const {
    invariant(error_.has_value(), "the error was read of a Result that holds none");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Done = Result<void>;  // a step that either was done or failed

}  // namespace policies::vocabulary
