#include "policies/loading/strict_yaml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "policies/loading/yaml_tree.h"

namespace policies::loading {
namespace {

constexpr std::size_t notes_shown_max = 50;
constexpr std::size_t value_shown_max = 60;
constexpr std::size_t nowhere = SIZE_MAX;
constexpr std::int64_t money_minor_units_max = 100'000'000'000;  // a thousand million of any currency

std::string quoted(std::string_view value) {
  std::string safe(value.substr(0, value_shown_max));
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return "'" + safe + (value.size() > value_shown_max ? "..." : "") + "'";
}

std::string shown(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.12g", value);
  return text.data();
}

std::string_view kind_text(YamlKind kind) {
  switch (kind) {
    case YamlKind::Null: return "nothing";
    case YamlKind::Scalar: return "a single value";
    case YamlKind::List: return "a list";
    case YamlKind::Map: return "keys and values";
  }
  std::abort();
}

// Empty when the text may be shown to people as it is.
std::string unprintable(std::string_view text, bool newlines_allowed) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if ((byte < 0x20 && !(newlines_allowed && byte == '\n')) || byte == 0x7F || c1)
      return byte == '\n' ? "must be on one line" : "holds a control character";
  }
  return "";
}

bool is_name(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 64 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

}  // namespace

struct StrictYaml::Parsed {
  YamlTree tree;
  std::string file;
};

// A section that is not there has node `nowhere`; nothing more is noted about it.
struct Section::Place {
  StrictYaml::Parsed* parsed = nullptr;
  std::size_t node = nowhere;
  std::string path;  // "breaches[2].", for messages

  [[nodiscard]] YamlNode* map() const { return node == nowhere ? nullptr : &parsed->tree.nodes[node]; }
  [[nodiscard]] const YamlEntry* entry(std::string_view key) const {
    const YamlNode* own = map();
    if (own == nullptr) return nullptr;
    const auto found = std::find_if(own->entries.begin(), own->entries.end(), [&](const YamlEntry& e) { return e.key == key; });
    return found == own->entries.end() ? nullptr : &*found;
  }
  [[nodiscard]] YamlPlace place_of(std::string_view key) const {
    if (const YamlEntry* found = entry(key)) return parsed->tree.nodes[found->value].place;
    return map() == nullptr ? YamlPlace{} : map()->place;
  }
  void ask(std::string_view key) const {
    YamlNode* own = map();
    if (own == nullptr) return;
    for (YamlEntry& entry : own->entries)
      if (entry.key == key) entry.asked = true;
    if (std::find(own->asked_for.begin(), own->asked_for.end(), key) == own->asked_for.end()) own->asked_for.emplace_back(key);
  }
  void note(YamlPlace at, std::string text) const { parsed->tree.notes.push_back({at, std::move(text)}); }
  [[nodiscard]] std::string named(std::string_view key) const { return "'" + path + std::string(key) + "'"; }

  // The value of a key that must be there; none and a note when it is not.
  [[nodiscard]] const YamlNode* value(std::string_view key) const {
    ask(key);
    const YamlNode* own = map();
    if (own == nullptr) return nullptr;
    const YamlEntry* found = entry(key);
    if (found == nullptr) {
      note(own->place, named(key) + " is missing");
      return nullptr;
    }
    return &parsed->tree.nodes[found->value];
  }
  [[nodiscard]] const YamlNode* value(std::string_view key, YamlKind wanted) const {
    const YamlNode* found = value(key);
    if (found == nullptr || found->kind == wanted) return found;
    note(found->place, named(key) + " must be " + std::string(kind_text(wanted)) + ", not " + std::string(kind_text(found->kind)));
    return nullptr;
  }
  // A value that is not text to be taken as it stands: never in quotes.
  [[nodiscard]] const YamlNode* plain(std::string_view key, std::string_view wanted) const {
    const YamlNode* found = value(key, YamlKind::Scalar);
    if (found == nullptr || found->plain) return found;
    note(found->place, named(key) + " must be " + std::string(wanted) + " without quotes");
    return nullptr;
  }
  template <typename T>
  T in_range(std::string_view key, const YamlNode& found, Result<T> read, Within<T> range, std::string_view from, std::string_view to) const {
    if (!read) {
      note(found.place, named(key) + ": " + read.error().message);
      return range.lowest;
    }
    if (*read >= range.lowest && *read <= range.highest) return *std::move(read);
    note(found.place, named(key) + " is " + quoted(found.text) + ", but must be " + std::string(from) + " to " + std::string(to));
    return range.lowest;
  }
  [[nodiscard]] std::string checked_text(std::string_view key, const YamlNode& found, Within<std::size_t> length, bool newlines_allowed) const {
    if (const std::string bad = unprintable(found.text, newlines_allowed); !bad.empty()) {
      note(found.place, named(key) + " " + bad);
      return "";
    }
    if (found.text.size() < length.lowest || found.text.size() > length.highest) {
      note(found.place, named(key) + " has " + std::to_string(found.text.size()) + " bytes, but must have " + std::to_string(length.lowest) +
                            " to " + std::to_string(length.highest));
      return "";
    }
    return found.text;
  }
};

bool Section::has(std::string_view key) const { return place_->entry(key) != nullptr; }

std::string Section::text(std::string_view key, Within<std::size_t> length) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  return found == nullptr ? "" : place_->checked_text(key, *found, length, false);
}

std::string Section::text_or(std::string_view key, std::string otherwise, Within<std::size_t> length) {
  place_->ask(key);
  return has(key) ? text(key, length) : otherwise;
}

std::optional<std::string> Section::optional_text(std::string_view key, Within<std::size_t> length) {
  place_->ask(key);
  return has(key) ? std::optional(text(key, length)) : std::nullopt;
}

std::string Section::paragraphs(std::string_view key, std::size_t length_max) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  return found == nullptr ? "" : place_->checked_text(key, *found, {1, length_max}, true);
}

std::string Section::name(std::string_view key) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  if (found == nullptr) return "";
  if (is_name(found->text)) return found->text;
  place_->note(found->place, place_->named(key) + " is " + quoted(found->text) + ", but must be a name of lower-case letters, digits and inner '-', at most 64");
  return "";
}

std::optional<std::string> Section::optional_name(std::string_view key) {
  place_->ask(key);
  return has(key) ? std::optional(name(key)) : std::nullopt;
}

std::string Section::date(std::string_view key) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  if (found == nullptr) return "";
  if (found->text.size() == 10 && instant_from(found->text + "T00:00:00Z")) return found->text;
  place_->note(found->place, place_->named(key) + " is " + quoted(found->text) + ", but must be a date such as 2026-11-21");
  return "";
}

std::int64_t Section::integer(std::string_view key, Within<std::int64_t> range) {
  const YamlNode* found = place_->plain(key, "a whole number");
  if (found == nullptr) return range.lowest;
  const std::string& digits = found->text;
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  // A leading zero would mean octal to some readers of YAML.
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  const bool octal = digits.size() > first + 1 && digits[first] == '0';
  Result<std::int64_t> read = number;
  if (failure != std::errc{} || end != digits.data() + digits.size() || octal)
    read = Error{ErrorCode::InvalidInput, quoted(digits) + " is not a whole number", {}};
  return place_->in_range(key, *found, std::move(read), range, std::to_string(range.lowest), std::to_string(range.highest));
}

std::int64_t Section::integer_or(std::string_view key, std::int64_t otherwise, Within<std::int64_t> range) {
  place_->ask(key);
  return has(key) ? integer(key, range) : otherwise;
}

double Section::number(std::string_view key, Within<double> range) {
  const YamlNode* found = place_->plain(key, "a number");
  if (found == nullptr) return range.lowest;
  double value = 0;
  const auto [end, failure] = std::from_chars(found->text.data(), found->text.data() + found->text.size(), value);
  Result<double> read = value;
  if (failure != std::errc{} || end != found->text.data() + found->text.size() || !std::isfinite(value))
    read = Error{ErrorCode::InvalidInput, quoted(found->text) + " is not a number", {}};
  return place_->in_range(key, *found, std::move(read), range, shown(range.lowest), shown(range.highest));
}

double Section::number_or(std::string_view key, double otherwise, Within<double> range) {
  place_->ask(key);
  return has(key) ? number(key, range) : otherwise;
}

bool Section::boolean(std::string_view key) {
  const YamlNode* found = place_->plain(key, "true or false");
  if (found == nullptr) return false;
  if (found->text != "true" && found->text != "false")
    place_->note(found->place, place_->named(key) + " is " + quoted(found->text) + ", but must be true or false");
  return found->text == "true";
}

bool Section::boolean_or(std::string_view key, bool otherwise) {
  place_->ask(key);
  return has(key) ? boolean(key) : otherwise;
}

Bytes Section::bytes(std::string_view key, Within<Bytes> range) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  if (found == nullptr) return range.lowest;
  return place_->in_range(key, *found, bytes_from(found->text), range, range.lowest.text(), range.highest.text());
}

Bytes Section::bytes_or(std::string_view key, Bytes otherwise, Within<Bytes> range) {
  place_->ask(key);
  return has(key) ? bytes(key, range) : otherwise;
}

Duration Section::duration(std::string_view key, Within<Duration> range) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  if (found == nullptr) return range.lowest;
  return place_->in_range(key, *found, duration_from(found->text), range, text_of(range.lowest), text_of(range.highest));
}

Duration Section::duration_or(std::string_view key, Duration otherwise, Within<Duration> range) {
  place_->ask(key);
  return has(key) ? duration(key, range) : otherwise;
}

Instant Section::instant(std::string_view key) {
  return read(key, [](std::string_view text) { return instant_from(text); });
}

std::optional<Instant> Section::optional_instant(std::string_view key) {
  place_->ask(key);
  return has(key) ? std::optional(instant(key)) : std::nullopt;
}

Money Section::money(std::string_view key) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  if (found == nullptr) return {};
  Result<Money> read = money_from(found->text);
  if (!read) {
    place_->note(found->place, place_->named(key) + ": " + read.error().message);
    return {};
  }
  if (read->minor_units() >= 0 && read->minor_units() <= money_minor_units_max) return *std::move(read);
  place_->note(found->place, place_->named(key) + " is " + quoted(found->text) + ", but must be 0 to " +
                                 Money(money_minor_units_max, read->currency()).text());
  return {};
}

void Section::ask(std::string_view key) { place_->ask(key); }

std::size_t Section::choice(std::string_view key, std::span<const std::string_view> allowed) {
  const YamlNode* found = place_->value(key, YamlKind::Scalar);
  if (found == nullptr) return 0;
  std::string listed;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (allowed[i] == found->text) return i;
    listed += (listed.empty() ? "" : ", ") + std::string(allowed[i]);
  }
  place_->note(found->place, place_->named(key) + " is " + quoted(found->text) + ", but must be one of: " + listed);
  return 0;
}

Section Section::section(std::string_view key) {
  const YamlNode* found = place_->value(key, YamlKind::Map);
  auto inner = std::make_shared<Place>(Place{place_->parsed, nowhere, place_->path + std::string(key) + "."});
  if (found != nullptr) {
    inner->node = static_cast<std::size_t>(found - place_->parsed->tree.nodes.data());
    inner->map()->read = true;
  }
  return Section(std::move(inner));
}

std::optional<Section> Section::optional_section(std::string_view key) {
  place_->ask(key);
  return has(key) ? std::optional(section(key)) : std::nullopt;
}

std::vector<Section> Section::sections(std::string_view key, Within<std::size_t> count) {
  std::vector<Section> all;
  const YamlNode* found = place_->value(key, YamlKind::List);
  if (found == nullptr) return all;
  if (found->items.size() < count.lowest || found->items.size() > count.highest) {
    place_->note(found->place, place_->named(key) + " has " + std::to_string(found->items.size()) + " items, but must have " +
                                   std::to_string(count.lowest) + " to " + std::to_string(count.highest));
    return all;
  }
  for (std::size_t i = 0; i < found->items.size(); ++i) {
    YamlNode& item = place_->parsed->tree.nodes[found->items[i]];
    if (item.kind != YamlKind::Map) {
      place_->note(item.place, place_->named(std::string(key) + "[" + std::to_string(i + 1) + "]") + " must be keys and values, not " +
                                   std::string(kind_text(item.kind)));
      continue;
    }
    item.read = true;
    all.push_back(Section(std::make_shared<Place>(
        Place{place_->parsed, found->items[i], place_->path + std::string(key) + "[" + std::to_string(i + 1) + "]."})));
  }
  return all;
}

std::vector<Section> Section::sections_or_none(std::string_view key, std::size_t count_max) {
  place_->ask(key);
  return has(key) ? sections(key, {0, count_max}) : std::vector<Section>();
}

std::vector<std::string> Section::texts(std::string_view key, Within<std::size_t> count, Within<std::size_t> length) {
  std::vector<std::string> all;
  const YamlNode* found = place_->value(key, YamlKind::List);
  if (found == nullptr) return all;
  if (found->items.size() < count.lowest || found->items.size() > count.highest) {
    place_->note(found->place, place_->named(key) + " has " + std::to_string(found->items.size()) + " items, but must have " +
                                   std::to_string(count.lowest) + " to " + std::to_string(count.highest));
    return all;
  }
  for (std::size_t i = 0; i < found->items.size(); ++i) {
    const YamlNode& item = place_->parsed->tree.nodes[found->items[i]];
    const std::string item_name = std::string(key) + "[" + std::to_string(i + 1) + "]";
    if (item.kind == YamlKind::Scalar)
      all.push_back(place_->checked_text(item_name, item, length, false));
    else
      place_->note(item.place, place_->named(item_name) + " must be a single value, not " + std::string(kind_text(item.kind)));
  }
  return all;
}

std::vector<std::string> Section::texts_or_none(std::string_view key, std::size_t count_max, Within<std::size_t> length) {
  place_->ask(key);
  return has(key) ? texts(key, {0, count_max}, length) : std::vector<std::string>();
}

std::vector<std::pair<std::string, std::string>> Section::text_map(std::string_view key, std::size_t count_max, std::size_t length_max) {
  std::vector<std::pair<std::string, std::string>> all;
  place_->ask(key);
  if (!has(key)) return all;
  const YamlNode* found = place_->value(key, YamlKind::Map);
  if (found == nullptr) return all;
  if (found->entries.size() > count_max) {
    place_->note(found->place, place_->named(key) + " has " + std::to_string(found->entries.size()) + " keys, but may have " + std::to_string(count_max));
    return all;
  }
  for (const YamlEntry& entry : found->entries) {
    const YamlNode& value = place_->parsed->tree.nodes[entry.value];
    const std::string entry_name = std::string(key) + "." + entry.key.substr(0, value_shown_max);
    if (entry.key.empty() || entry.key.size() > length_max || !unprintable(entry.key, false).empty())
      place_->note(entry.place, place_->named(key) + " has the key " + quoted(entry.key) + ", but keys are one line of 1 to " + std::to_string(length_max) + " bytes");
    else if (value.kind != YamlKind::Scalar)
      place_->note(value.place, place_->named(entry_name) + " must be a single value, not " + std::string(kind_text(value.kind)));
    else
      all.emplace_back(entry.key, place_->checked_text(entry_name, value, {0, length_max}, false));
  }
  return all;
}

void Section::refuse(std::string_view key, std::string why) {
  const YamlNode* own = place_->map();
  if (own == nullptr) return;
  place_->note(place_->place_of(key), place_->named(key) + ": " + std::move(why));
}

std::string Section::place() const { return place({}); }

std::string Section::place(std::string_view key) const {
  const YamlPlace at = place_->place_of(key);
  return place_->parsed->file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

StrictYaml::StrictYaml(std::unique_ptr<Parsed> parsed) : parsed_(std::move(parsed)) {}
StrictYaml::StrictYaml(StrictYaml&&) noexcept = default;
StrictYaml& StrictYaml::operator=(StrictYaml&&) noexcept = default;
StrictYaml::~StrictYaml() = default;

Result<StrictYaml> StrictYaml::parse(std::string_view text, std::string file) {
  Result<YamlTree> tree = yaml_tree_from(text, file);
  if (!tree) return tree.error();
  return StrictYaml(std::make_unique<Parsed>(Parsed{*std::move(tree), std::move(file)}));
}

Section StrictYaml::root() const {
  parsed_->tree.nodes.front().read = true;
  return Section(std::make_shared<Section::Place>(Section::Place{parsed_.get(), 0, ""}));
}

Done StrictYaml::finish() {
  std::vector<YamlNote> notes = parsed_->tree.notes;
  for (const YamlNode& node : parsed_->tree.nodes) {
    if (!node.read) continue;
    std::string allowed;
    for (const std::string& key : node.asked_for) allowed += (allowed.empty() ? "" : ", ") + key;
    for (const YamlEntry& entry : node.entries)
      if (!entry.asked) notes.push_back({entry.place, "unknown key " + quoted(entry.key) + "; allowed are: " + allowed});
  }
  if (notes.empty()) return {};
  std::stable_sort(notes.begin(), notes.end(), [](const YamlNote& a, const YamlNote& b) { return a.place < b.place; });
  std::string lines;
  for (std::size_t i = 0; i < notes.size() && i < notes_shown_max; ++i) {
    const YamlNote& note = notes[i];
    lines += (i == 0 ? "" : "\n") + parsed_->file + ":" + std::to_string(note.place.line) + ":" + std::to_string(note.place.column) + ": " + note.text;
  }
  if (notes.size() > notes_shown_max) lines += "\n" + parsed_->file + ": and " + std::to_string(notes.size() - notes_shown_max) + " more";
  return Error{ErrorCode::InvalidInput, std::move(lines), {}};
}

}  // namespace policies::loading
