// Goal: no amount is ever silently wrong. Method: hand-worked roundings and sums, and the texts that must be refused.
#include "policies/vocabulary/money.h"

#include <gtest/gtest.h>

namespace policies::vocabulary {
namespace {

const Currency usd{"USD"};

TEST(Money, RoundsHalfToEvenAtTheCent) {
  EXPECT_EQ(rounded(0.125, usd)->minor_units(), 12);
  EXPECT_EQ(rounded(0.375, usd)->minor_units(), 38);
  EXPECT_EQ(rounded(-0.125, usd)->minor_units(), -12);
  EXPECT_EQ(rounded(4.796, usd)->minor_units(), 480);
}

TEST(Money, RefusesWhatIsNotFinite) {
  EXPECT_EQ(rounded(1.0 / 0.0, usd).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(rounded(1e18, usd).error().code, ErrorCode::InvalidInput);
}

TEST(Money, TakesAPartHalfToEven) {
  EXPECT_EQ(part_of({84900, usd}, 15, 100).minor_units(), 12735);
  EXPECT_EQ(part_of({5, usd}, 1, 2).minor_units(), 2);
  EXPECT_EQ(part_of({7, usd}, 1, 2).minor_units(), 4);
  EXPECT_EQ(part_of({-5, usd}, 1, 2).minor_units(), -2);
  EXPECT_EQ(part_of({-7, usd}, 1, 2).minor_units(), -4);
  EXPECT_EQ(part_of({INT64_MAX, usd}, 1, 1).minor_units(), INT64_MAX);
}

TEST(Money, ReadsWhatItPrints) {
  for (const std::int64_t minor : {0L, 5L, -5L, 100L, 123456789L, -99L}) {
    const Money money(minor, usd);
    EXPECT_EQ(*money_from(money.text()), money) << money.text();
  }
  EXPECT_EQ(money_from("3 EUR")->minor_units(), 300);
  EXPECT_EQ(money_from("0.5 EUR")->minor_units(), 50);
}

TEST(Money, RefusesTextThatIsNoAmount) {
  for (const char* text : {"", "5", "5USD", "5 XXX", "1.234 USD", "1. USD", "-- USD", "1e3 USD", "99999999999999999 USD"})
    EXPECT_FALSE(money_from(text)) << text;
}

TEST(MoneyDeathTest, AbortsOnMixedCurrenciesAndOverflow) {
  EXPECT_DEATH((void)(Money(1, usd) + Money(1, {"EUR"})), "two currencies");
  EXPECT_DEATH((void)(Money(INT64_MAX, usd) + Money(1, usd)), "exceeds 64 bits");
}

}  // namespace
}  // namespace policies::vocabulary
