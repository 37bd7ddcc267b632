// Money as whole minor units of one currency. No floating point is ever stored; see `rounded` for the one way in.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace policies::vocabulary {

// ISO 4217 code. All that we support have two decimals; another is refused by `currency_from`.
struct Currency {
  std::string code = "USD";
  auto operator<=>(const Currency&) const = default;
};
Result<Currency> currency_from(std::string_view code);

// Sums of different currencies, and sums beyond 64 bits, are broken invariants: they abort.
class Money {
 public:
  Money() = default;
  Money(std::int64_t minor_units, Currency currency) : minor_units_(minor_units), currency_(std::move(currency)) {}

  [[nodiscard]] std::int64_t minor_units() const { return minor_units_; }
  [[nodiscard]] const Currency& currency() const { return currency_; }

  Money operator+(const Money& other) const;
  Money operator-(const Money& other) const;
  Money operator-() const;
  Money& operator+=(const Money& other) { return *this = *this + other; }
  bool operator==(const Money&) const = default;

  // "-12.34 USD"
  [[nodiscard]] std::string text() const;

 private:
  std::int64_t minor_units_ = 0;
  Currency currency_;
};

// The amount `major_units` (e.g. 4.796 dollars) as Money, rounded half to even at the minor unit.
// InvalidInput when it is not finite or exceeds 64 bits.
Result<Money> rounded(double major_units, const Currency& currency);

// The part `numerator/denominator` of `whole`, rounded half to even. Precondition: denominator > 0.
Money part_of(const Money& whole, std::int64_t numerator, std::int64_t denominator);

// "12.34 USD", "-3 EUR", "0.05 USD": at most two decimals, one space, a supported currency.
Result<Money> money_from(std::string_view text);

}  // namespace policies::vocabulary
