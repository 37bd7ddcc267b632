// Goal: a file of people's words is read whole or refused with the place of every fault. Method: one small file per kind of
// error, the exact message held against it; and files built to exhaust the reader.
#include "policies/loading/strict_yaml.h"

#include <gtest/gtest.h>

namespace policies::loading {
namespace {

enum class Colour { Red, Blue };

struct Sample {
  std::string name;
  std::int64_t count = 0;
  double share = 0;
  bool on = false;
  Bytes size;
  Duration wait{};
  Money price;
  Colour colour = Colour::Red;
  std::string date;
  std::vector<std::string> tags;
  std::vector<std::int64_t> parts;
  std::string note = "none";
  std::vector<std::pair<std::string, std::string>> environment;
};

Result<Sample> read(std::string_view text) {
  Result<StrictYaml> yaml = StrictYaml::parse(text, "f.yaml");
  if (!yaml) return yaml.error();
  Section root = yaml->root();
  Sample sample;
  sample.name = root.name("name");
  sample.count = root.integer("count", {1, 10});
  if (auto more = root.optional_section("more")) {
    sample.share = more->number_or("share", 0.5, {0, 1});
    sample.on = more->boolean_or("on", false);
    sample.size = more->bytes_or("size", mebibytes(1), {kibibytes(1), gibibytes(1)});
    sample.wait = more->duration_or("wait", std::chrono::seconds(1), {std::chrono::seconds(1), std::chrono::hours(1)});
    if (more->has("price")) sample.price = more->money("price");
    sample.colour = more->one_of_or<Colour>("colour", Colour::Red, {{"red", Colour::Red}, {"blue", Colour::Blue}});
    if (more->has("date")) sample.date = more->date("date");
    sample.tags = more->texts_or_none("tags", 3);
    for (Section& part : more->sections_or_none("parts", 2)) sample.parts.push_back(part.integer("n", {0, 9}));
    sample.note = more->text_or("note", "none", {1, 5});
    sample.environment = more->text_map("environment", 2, 10);
    (void)more->optional_instant("at");
  }
  if (Done whole = yaml->finish(); !whole) return whole.error();
  return sample;
}

std::string fault(std::string_view text) {
  Result<Sample> sample = read(text);
  return sample ? "no fault" : sample.error().message;
}

TEST(StrictYaml, ReadsEveryType) {
  const Sample sample = *read(R"(# a comment
name: one-2
count: 7
more:
  share: 0.25
  on: true
  size: 512 KiB
  wait: 15m
  price: 12.34 USD
  colour: blue
  date: 2026-11-21
  tags: [a, "b c"]
  parts:
    - {n: 1}
    - n: 2
  note: "5"
  environment: {PATH: /bin, EMPTY: ""}
  at: 2026-11-21T00:00:00Z
)");
  EXPECT_EQ(sample.name, "one-2");
  EXPECT_EQ(sample.count, 7);
  EXPECT_EQ(sample.share, 0.25);
  EXPECT_TRUE(sample.on);
  EXPECT_EQ(sample.size, kibibytes(512));
  EXPECT_EQ(sample.wait, std::chrono::minutes(15));
  EXPECT_EQ(sample.price, Money(1234, {"USD"}));
  EXPECT_EQ(sample.colour, Colour::Blue);
  EXPECT_EQ(sample.tags, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(sample.parts, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(sample.note, "5");
  EXPECT_EQ(sample.environment, (std::vector<std::pair<std::string, std::string>>{{"PATH", "/bin"}, {"EMPTY", ""}}));
}

TEST(StrictYaml, TakesWhatIsLeftOutAsItsDefault) {
  const Sample sample = *read("name: a\ncount: 1\nmore: {}\n");
  EXPECT_EQ(sample.share, 0.5);
  EXPECT_EQ(sample.note, "none");
}

TEST(StrictYaml, SaysWhereEachFaultIsAndWhatIsAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      // missing
      {"count: 1\n", "f.yaml:1:1: 'name' is missing"},
      // unknown
      {"name: a\ncount: 1\nnmae: b\n", "f.yaml:3:1: unknown key 'nmae'; allowed are: name, count, more"},
      {"name: a\ncount: 1\nmore:\n  share: 1\n  shrae: 1\n",
       "f.yaml:5:3: unknown key 'shrae'; allowed are: share, on, size, wait, colour, tags, parts, note, environment, at"},
      // given twice
      {"name: a\ncount: 1\nname: b\n", "f.yaml:3:1: key 'name' is given twice, first in line 1"},
      // wrong type
      {"name: a\ncount: many\n", "f.yaml:2:8: 'count': 'many' is not a whole number"},
      {"name: a\ncount: 1.0\n", "f.yaml:2:8: 'count': '1.0' is not a whole number"},
      {"name: a\ncount: 010\n", "f.yaml:2:8: 'count': '010' is not a whole number"},
      {"name: a\ncount: \"1\"\n", "f.yaml:2:8: 'count' must be a whole number without quotes"},
      {"name: a\ncount: [1]\n", "f.yaml:2:8: 'count' must be a single value, not a list"},
      {"name: a\ncount:\n", "f.yaml:2:1: 'count' must be a single value, not nothing"},
      {"name: {a: b}\ncount: 1\n", "f.yaml:1:7: 'name' must be a single value, not keys and values"},
      {"name: a\ncount: 1\nmore: 5\n", "f.yaml:3:7: 'more' must be keys and values, not a single value"},
      {"name: a\ncount: 1\nmore: {on: yes}\n", "f.yaml:3:12: 'more.on' is 'yes', but must be true or false"},
      {"name: a\ncount: 1\nmore: {share: .inf}\n", "f.yaml:3:15: 'more.share': '.inf' is not a number"},
      {"name: a\ncount: 1\nmore: {tags: a}\n", "f.yaml:3:14: 'more.tags' must be a list, not a single value"},
      {"name: a\ncount: 1\nmore: {tags: [[a]]}\n", "f.yaml:3:15: 'more.tags[1]' must be a single value, not a list"},
      {"name: a\ncount: 1\nmore: {parts: [1]}\n", "f.yaml:3:16: 'more.parts[1]' must be keys and values, not a single value"},
      // out of range
      {"name: a\ncount: 11\n", "f.yaml:2:8: 'count' is '11', but must be 1 to 10"},
      {"name: a\ncount: 99999999999999999999\n", "f.yaml:2:8: 'count': '99999999999999999999' is not a whole number"},
      {"name: a\ncount: 1\nmore: {share: 1.5}\n", "f.yaml:3:15: 'more.share' is '1.5', but must be 0 to 1"},
      {"name: a\ncount: 1\nmore: {size: 2 GiB}\n", "f.yaml:3:14: 'more.size' is '2 GiB', but must be 1 KiB to 1 GiB"},
      {"name: a\ncount: 1\nmore: {wait: 2h}\n", "f.yaml:3:14: 'more.wait' is '2h', but must be 1s to 1h"},
      {"name: a\ncount: 1\nmore: {price: -1 USD}\n", "f.yaml:3:15: 'more.price' is '-1 USD', but must be 0 to 1000000000.00 USD"},
      {"name: a\ncount: 1\nmore: {price: 5}\n", "f.yaml:3:15: 'more.price': '5' is not an amount such as '12.34 USD'"},
      {"name: a\ncount: 1\nmore: {colour: green}\n", "f.yaml:3:16: 'more.colour' is 'green', but must be one of: red, blue"},
      {"name: a\ncount: 1\nmore: {date: 2026-02-30}\n", "f.yaml:3:14: 'more.date' is '2026-02-30', but must be a date such as 2026-11-21"},
      {"name: a\ncount: 1\nmore: {tags: [a, b, c, d]}\n", "f.yaml:3:14: 'more.tags' has 4 items, but must have 0 to 3"},
      {"name: a\ncount: 1\nmore: {note: longer}\n", "f.yaml:3:14: 'more.note' has 6 bytes, but must have 1 to 5"},
      {"name: a\ncount: 1\nmore: {note: \"a\\x01\"}\n", "f.yaml:3:14: 'more.note' holds a control character"},
      {"name: a\ncount: 1\nmore: {environment: {a: b, c: d, e: f}}\n", "f.yaml:3:21: 'more.environment' has 3 keys, but may have 2"},
      {"name: A b\ncount: 1\n", "f.yaml:1:7: 'name' is 'A b', but must be a name of lower-case letters, digits and inner '-', at most 64"},
      {"name: a\ncount: 1\nmore: {parts: [{n: 1}, {n: 11}]}\n", "f.yaml:3:28: 'more.parts[2].n' is '11', but must be 0 to 9"},
      // not our YAML
      {"", "f.yaml:1:1: the file is empty"},
      {"# only a comment\n", "f.yaml:1:1: the file is empty"},
      {"- a\n", "f.yaml:1:1: expected keys and values (key: value)"},
      {"hello", "f.yaml:1:1: expected keys and values (key: value)"},
      {"name: a\n\tcount: 1\n", "f.yaml:2:1: a tab; indent and separate with spaces"},
      {std::string("name: a\0b\n", 10), "f.yaml:1:8: a control character (byte 0)"},
      {"name: &n a\ncount: 1\n", "f.yaml:1:7: anchors (&name) are not allowed; write the value out"},
      {"name: !str a\ncount: 1\n", "f.yaml:1:7: tags (!name) are not allowed"},
      {"<<: {name: a}\ncount: 1\nname: a\n", "f.yaml:1:1: unknown key '<<'; allowed are: name, count, more"},
      {"? [a]\n: b\n", "f.yaml:1:3: a key must be a plain word, not a list or a mapping"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(fault(text), expected) << text;
}

TEST(StrictYaml, RefusesBrokenYamlWithItsPlace) {
  const std::string message = fault("name: a\ncount: [1\n");
  EXPECT_TRUE(message.starts_with("f.yaml:")) << message;
  EXPECT_NE(message.find(": not YAML: "), std::string::npos) << message;
}

TEST(StrictYaml, RefusesASecondDocument) {
  EXPECT_EQ(fault("name: a\ncount: 1\n---\nname: b\n"), "f.yaml:4:1: a second document; one file holds one");
}

TEST(StrictYaml, ReportsAllFaultsInOrder) {
  EXPECT_EQ(fault("nmae: a\ncount: 11\nmore: {colour: green, on: maybe}\n"),
            "f.yaml:1:1: 'name' is missing\n"
            "f.yaml:1:1: unknown key 'nmae'; allowed are: name, count, more\n"
            "f.yaml:2:8: 'count' is '11', but must be 1 to 10\n"
            "f.yaml:3:16: 'more.colour' is 'green', but must be one of: red, blue\n"
            "f.yaml:3:27: 'more.on' is 'maybe', but must be true or false");
}

TEST(StrictYaml, ShowsTheFirstFiftyFaultsAndCountsTheRest) {
  std::string text = "name: a\ncount: 1\n";
  for (int i = 0; i < 60; ++i) text += "x" + std::to_string(i) + ": 1\n";
  const std::string message = fault(text);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 50);
  EXPECT_TRUE(message.ends_with("f.yaml: and 10 more")) << message;
}

TEST(StrictYaml, StopsAtItsLimits) {
  const Error large = read(std::string(yaml_size_max + 1, ' ')).error();
  EXPECT_EQ(large.code, ErrorCode::LimitExceeded);
  EXPECT_NE(large.message.find("1048577 bytes"), std::string::npos);
  const Error deep = read("name: " + std::string(20, '[') + std::string(20, ']') + "\n").error();
  EXPECT_EQ(deep.code, ErrorCode::LimitExceeded);
  EXPECT_NE(deep.message.find("deeper than 16"), std::string::npos);
  EXPECT_FALSE(read("name: " + std::string(500'000, '[') + "\n"));
  EXPECT_FALSE(read(std::string(500'000, '{') + "\n"));
  EXPECT_FALSE(read("name: " + std::string(500'000, '-') + "\n"));
  std::string many = "name: [";
  for (int i = 0; i < yaml_nodes_max; ++i) many += "1,";
  EXPECT_EQ(read(many + "]\n").error().code, ErrorCode::LimitExceeded);
  std::string keys;
  for (int i = 0; i < 2000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(read(keys).error().code, ErrorCode::LimitExceeded);
}

TEST(StrictYaml, RefusesTheBillionLaughs) {
  EXPECT_EQ(fault("a: &a [x,x,x]\nb: [*a,*a]\n"), "f.yaml:1:4: anchors (&name) are not allowed; write the value out");
  EXPECT_EQ(read("a: *b\n").error().code, ErrorCode::InvalidInput);
}

TEST(StrictYaml, CutsLongValuesInItsMessages) {
  EXPECT_LT(fault("name: a\ncount: " + std::string(100'000, 'x') + "\n").size(), 200U);
}

TEST(Section, NotesTheCallersOwnErrorAtTheValue) {
  Result<StrictYaml> yaml = StrictYaml::parse("a: 1\nb: {c: 2}\n", "f.yaml");
  Section root = yaml->root();
  (void)root.integer("a", {0, 9});
  Section inner = root.section("b");
  (void)inner.integer("c", {0, 9});
  inner.refuse("c", "two is one too many");
  root.refuse("gone", "and nowhere to be seen");
  EXPECT_EQ(inner.place(), "f.yaml:2:4");
  EXPECT_EQ(yaml->finish().error().message, "f.yaml:1:1: 'gone': and nowhere to be seen\nf.yaml:2:8: 'b.c': two is one too many");
}

}  // namespace
}  // namespace policies::loading
