// Goal: the small words read what they print and refuse the rest. Method: round trips and refusals.
#include <gtest/gtest.h>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/random.h"

namespace policies::vocabulary {
namespace {

TEST(Bytes, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(bytes_from("20 GB")->count, 20'000'000'000U);
  EXPECT_EQ(bytes_from("512MiB")->count, 512U << 20);
  EXPECT_EQ(bytes_from("7")->count, 7U);
  for (const char* text : {"", "GB", "-1 GB", "1 gb", "20000000 TB", "1.5 GB"}) EXPECT_FALSE(bytes_from(text)) << text;
}

TEST(Bytes, PrintsTheShortestExactUnit) {
  EXPECT_EQ((Bytes{40'000'000'000}.text()), "40 GB");
  EXPECT_EQ(mebibytes(512).text(), "512 MiB");
  EXPECT_EQ((Bytes{1'572'865}.text()), "1.5 MiB");
  EXPECT_EQ(Bytes{3}.text(), "3 B");
}

TEST(Instant, ReadsWhatItPrints) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-11-21T07:56:19Z", "2026-03-29T01:00:00.250Z", "2028-02-29T23:59:59Z"})
    EXPECT_EQ(text_of(*instant_from(text)), text);
  for (const char* text : {"", "2026-02-29T00:00:00Z", "2026-11-21 07:56:19Z", "2026-11-21T24:00:00Z", "2026-11-21T07:56:19", "1969-01-01T00:00:00Z"})
    EXPECT_FALSE(instant_from(text)) << text;
}

TEST(Duration, ReadsWhatItPrints) {
  for (const char* text : {"0s", "250ms", "90s", "15m", "23h", "30d"}) EXPECT_EQ(text_of(*duration_from(text)), text);
  for (const char* text : {"", "5", "-1s", "1w", "999999999999d"}) EXPECT_FALSE(duration_from(text)) << text;
}

TEST(Hex, ReadsWhatItPrints) {
  EXPECT_EQ(hex_of(std::string("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(*bytes_of_hex("00ff10"), std::string("\x00\xff\x10", 3));
  EXPECT_FALSE(bytes_of_hex("0"));
  EXPECT_FALSE(bytes_of_hex("0g"));
}

TEST(Random, RepeatsFromItsSeedAndStaysBelowItsBound) {
  Random one(7);
  Random two(7);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t drawn = one.below(10);
    EXPECT_EQ(drawn, two.below(10));
    EXPECT_LT(drawn, 10U);
  }
}

TEST(Error, TellsTheOutermostContextFirst) {
  const Error error = Error{ErrorCode::NotFound, "no model 'x'", {}}.within("reading the order").within("planning a.img");
  EXPECT_EQ(error.text(), "planning a.img: reading the order: no model 'x'");
}

}  // namespace
}  // namespace policies::vocabulary
