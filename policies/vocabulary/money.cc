#include "policies/vocabulary/money.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace policies::vocabulary {
namespace {

constexpr std::array<std::string_view, 9> currencies = {"AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "PLN", "SEK", "USD"};

Error bad_amount(std::string_view text) {
  return {ErrorCode::InvalidInput, "'" + std::string(text) + "' is not an amount such as '12.34 USD'", {}};
}

}  // namespace

Result<Currency> currency_from(std::string_view code) {
  for (std::string_view known : currencies)
    if (known == code) return Currency{std::string(code)};
  std::string allowed;
  for (std::string_view known : currencies) allowed += (allowed.empty() ? "" : ", ") + std::string(known);
  return Error{ErrorCode::InvalidInput, "'" + std::string(code) + "' is not a supported currency (" + allowed + ")", {}};
}

Money Money::operator+(const Money& other) const {
  invariant(currency_ == other.currency_, "money of two currencies was added");
  std::int64_t sum = 0;
  invariant(!__builtin_add_overflow(minor_units_, other.minor_units_, &sum), "a sum of money exceeds 64 bits");
  return {sum, currency_};
}

Money Money::operator-() const {
  invariant(minor_units_ != INT64_MIN, "the negative of an amount exceeds 64 bits");
  return {-minor_units_, currency_};
}

Money Money::operator-(const Money& other) const { return *this + (-other); }

std::string Money::text() const {
  const bool negative = minor_units_ < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(minor_units_) : static_cast<std::uint64_t>(minor_units_);
  std::array<char, 8> cents{};
  std::snprintf(cents.data(), cents.size(), ".%02u", static_cast<unsigned>(magnitude % 100));
  return (negative ? "-" : "") + std::to_string(magnitude / 100) + cents.data() + " " + currency_.code;
}

Result<Money> rounded(double major_units, const Currency& currency) {
  const double minor = major_units * 100.0;
  if (!std::isfinite(minor) || std::fabs(minor) >= 9.2e18)
    return Error{ErrorCode::InvalidInput, "an amount of money is not finite or exceeds 64 bits", {}};
  // nearbyint follows the rounding mode; the default mode is half to even and nothing here changes it.
  return Money(static_cast<std::int64_t>(std::nearbyint(minor)), currency);
}

Money part_of(const Money& whole, std::int64_t numerator, std::int64_t denominator) {
  invariant(denominator > 0, "part_of needs a positive denominator");
  __extension__ using Wide = __int128;
  const Wide product = static_cast<Wide>(whole.minor_units()) * numerator;
  Wide quotient = product / denominator;
  Wide rest = product % denominator;
  if (rest < 0) {
    rest += denominator;
    quotient -= 1;
  }
  const Wide twice = rest * 2;
  if (twice > denominator || (twice == denominator && quotient % 2 != 0)) quotient += 1;
  invariant(quotient <= INT64_MAX && quotient >= INT64_MIN, "a part of an amount exceeds 64 bits");
  return {static_cast<std::int64_t>(quotient), whole.currency()};
}

Result<Money> money_from(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return bad_amount(text);
  Result<Currency> currency = currency_from(text.substr(space + 1));
  if (!currency) return currency.error();
  std::string_view number = text.substr(0, space);
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const std::size_t point = number.find('.');
  const std::string_view whole = number.substr(0, point);
  std::string fraction = point == std::string_view::npos ? "" : std::string(number.substr(point + 1));
  if (whole.empty() || whole.size() > 16 || fraction.size() > 2 || (point != std::string_view::npos && fraction.empty()))
    return bad_amount(text);
  fraction.resize(2, '0');
  const std::string digits = std::string(whole) + fraction;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return bad_amount(text);
  std::int64_t minor = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), minor);
  return Money(negative ? -minor : minor, *std::move(currency));
}

}  // namespace policies::vocabulary
