// YAML read strictly, for every file that people write: rules, orders, jobs, settings. Nothing is guessed and nothing is
// dropped in silence: an unknown or repeated key, a missing one, a wrong type and a value out of range are all errors, each
// as `file:line:column: text` with what is allowed, and all errors of one file are reported together.
//
//   Result<StrictYaml> yaml = StrictYaml::parse(text, "job.yaml");
//   if (!yaml) return yaml.error();
//   Section root = yaml->root();
//   Job job;
//   job.name = root.text("name", {1, 64});
//   job.tasks = root.integer("tasks", {1, 100000});
//   if (auto limits = root.optional_section("limits")) job.memory = limits->bytes("memory", {mebibytes(1), gibibytes(64)});
//   if (Done whole = yaml->finish(); !whole) return whole.error();   // until here values may be mere fill-ins
//   return job;
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace policies::loading {
using namespace policies::vocabulary;

// Of one file, checked before its content is looked at.
constexpr std::uint64_t yaml_size_max = 1 << 20;
constexpr int yaml_depth_max = 16;
constexpr int yaml_nodes_max = 50'000;

// Both ends included.
template <typename T>
struct Within {
  T lowest;
  T highest;
};

// One mapping of a parsed file. Cheap to copy; usable while its StrictYaml lives. A getter that fails notes the error and
// returns a fill-in of the type, so that reading goes on and finds the next error too.
// Required getters note a missing key; the `_or` ones return `otherwise` for it. A key that no getter asked for is unknown.
class Section {
 public:
  [[nodiscard]] bool has(std::string_view key) const;  // does not count as asking for it

  // Lengths count bytes. Text is UTF-8 without control characters (paragraphs may hold newlines).
  std::string text(std::string_view key, Within<std::size_t> length = {1, 200});
  std::string text_or(std::string_view key, std::string otherwise, Within<std::size_t> length = {1, 200});
  std::optional<std::string> optional_text(std::string_view key, Within<std::size_t> length = {1, 200});
  std::string paragraphs(std::string_view key, std::size_t length_max = 8000);
  // Lower-case letters, digits and inner '-', 1..64: names that become file names and ids.
  std::string name(std::string_view key);
  std::optional<std::string> optional_name(std::string_view key);
  // "2026-11-21"
  std::string date(std::string_view key);

  std::int64_t integer(std::string_view key, Within<std::int64_t> range);
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise, Within<std::int64_t> range);
  double number(std::string_view key, Within<double> range);
  double number_or(std::string_view key, double otherwise, Within<double> range);
  bool boolean(std::string_view key);  // true or false, nothing else
  bool boolean_or(std::string_view key, bool otherwise);

  Bytes bytes(std::string_view key, Within<Bytes> range);        // "40 GB", "512 MiB"
  Bytes bytes_or(std::string_view key, Bytes otherwise, Within<Bytes> range);
  Duration duration(std::string_view key, Within<Duration> range);  // "90s", "30d"
  Duration duration_or(std::string_view key, Duration otherwise, Within<Duration> range);
  Instant instant(std::string_view key);                         // "2026-11-21T07:56:19Z"
  std::optional<Instant> optional_instant(std::string_view key);
  Money money(std::string_view key);                             // "12.34 USD", 0 or more

  // One of a closed set of texts, e.g. one_of("lease", {{"agreed-at-order", LeaseChoice::AgreedAtOrder}, ...}).
  template <typename T>
  T one_of(std::string_view key, const std::vector<std::pair<std::string_view, T>>& allowed) {
    std::vector<std::string_view> texts;
    for (const auto& [text, value] : allowed) texts.push_back(text);
    return allowed[choice(key, texts)].second;
  }
  template <typename T>
  T one_of_or(std::string_view key, T otherwise, const std::vector<std::pair<std::string_view, T>>& allowed) {
    ask(key);
    return has(key) ? one_of(key, allowed) : otherwise;
  }

  // Nested mappings and lists. A missing or mistyped section is noted and read as an empty one whose own missing keys are
  // not noted again.
  Section section(std::string_view key);
  std::optional<Section> optional_section(std::string_view key);
  std::vector<Section> sections(std::string_view key, Within<std::size_t> count);
  std::vector<Section> sections_or_none(std::string_view key, std::size_t count_max);
  std::vector<std::string> texts(std::string_view key, Within<std::size_t> count, Within<std::size_t> length = {1, 200});
  std::vector<std::string> texts_or_none(std::string_view key, std::size_t count_max, Within<std::size_t> length = {1, 200});
  // The keys of a mapping whose keys the writer chooses (environment variables, parameters), in order of the file.
  std::vector<std::pair<std::string, std::string>> text_map(std::string_view key, std::size_t count_max, std::size_t length_max);

  // What a Result-returning reader makes of a text: its error is noted at the value's place.
  //   DailyWindow window = root.read("processor_hours", daily_window_from);
  template <typename Read>
  auto read(std::string_view key, Read reader) -> std::decay_t<decltype(*reader(std::string_view()))> {
    const std::string value = text(key);
    if (value.empty()) return {};
    auto result = reader(std::string_view(value));
    if (result) return *std::move(result);
    refuse(key, result.error().message);
    return {};
  }

  // Notes an error of the caller's own at the value of `key` (at the section when there is none).
  void refuse(std::string_view key, std::string why);
  // "order.yaml:12:3": where this section begins.
  [[nodiscard]] std::string place() const;
  // Where the value of `key` stands, or this section when it has none.
  [[nodiscard]] std::string place(std::string_view key) const;

 private:
  friend class StrictYaml;
  struct Place;
  explicit Section(std::shared_ptr<Place> place) : place_(std::move(place)) {}
  void ask(std::string_view key);
  std::size_t choice(std::string_view key, std::span<const std::string_view> allowed);
  std::shared_ptr<Place> place_;  // shared by copies, so that all know which keys were asked for
};

class StrictYaml {
 public:
  // InvalidInput for what is not one YAML document with a mapping at its top, for tabs, anchors, aliases, tags and merge
  // keys; LimitExceeded beyond the limits above. `file` is only for the messages.
  static Result<StrictYaml> parse(std::string_view text, std::string file);
  StrictYaml(StrictYaml&&) noexcept;
  StrictYaml& operator=(StrictYaml&&) noexcept;
  ~StrictYaml();

  [[nodiscard]] Section root() const;
  // InvalidInput with all errors noted so far and all unknown keys, one line each, in order of the file (the first 50).
  Done finish();

 private:
  friend class Section;
  struct Parsed;
  explicit StrictYaml(std::unique_ptr<Parsed> parsed);
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace policies::loading
