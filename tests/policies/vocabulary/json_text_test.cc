// Goal: the same facts give the same bytes, and no outside text can break out of its quotes. Method: whole documents, hostile
// texts, and misuse that must abort.
#include "policies/vocabulary/json_text.h"

#include <gtest/gtest.h>

namespace policies::vocabulary {
namespace {

TEST(JsonText, WritesKeysInTheOrderGiven) {
  JsonText json;
  json.object().key("b").number(-1).key("a").array().text("x").boolean(true).null().end().key("e").object().end().end();
  EXPECT_EQ(json.finished(), R"({"b":-1,"a":["x",true,null],"e":{}})");
}

TEST(JsonText, IndentsByTwo) {
  JsonText json(JsonLayout::Indented);
  json.object().key("a").array().number(1).number(2).end().key("none").array().end().end();
  EXPECT_EQ(json.finished(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"none\": []\n}");
}

TEST(JsonText, WritesOurOwnTypesAsTheConventionSays) {
  JsonText json;
  json.array().bytes(Bytes{6'000'000'000}).money(Money(-5, {"USD"})).instant(Instant(Duration(1500))).id(TermsId("home-night")).end();
  EXPECT_EQ(json.finished(), R"([6000000000,"-0.05 USD","1970-01-01T00:00:01.500Z","home-night"])");
}

TEST(JsonText, EscapesWhatWouldBreakOut) {
  JsonText json;
  json.text("a\"b\\c\nd\x01\x7F\xC3\xA9");
  EXPECT_EQ(json.finished(), "\"a\\\"b\\\\c\\nd\\u0001\\u007f\xC3\xA9\"");
}

TEST(JsonText, ReplacesBytesThatAreNotUtf8) {
  const std::string replaced = "\"\xEF\xBF\xBD\"";
  for (const char* bad : {"\xFF", "\xC3", "\x80"}) {
    JsonText json;
    json.text(bad);
    EXPECT_EQ(json.finished(), replaced);
  }
  JsonText surrogate;
  surrogate.text("\xED\xA0\x80");
  EXPECT_EQ(surrogate.finished(), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonTextDeathTest, AbortsOnMisuse) {
  EXPECT_DEATH(JsonText().object().number(1), "needs its key");
  EXPECT_DEATH(JsonText().array().key("a"), "belongs into an object");
  EXPECT_DEATH((void)JsonText().object().finished(), "before its end");
  EXPECT_DEATH(JsonText().object().key("a").end(), "no open key");
}

}  // namespace
}  // namespace policies::vocabulary
