#include "policies/command_line/option_list.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <functional>

#include "policies/command_line/table.h"

namespace policies::command_line {
namespace {

namespace po = boost::program_options;

constexpr std::size_t help_width = 100;
constexpr std::size_t name_width_max = 28;

enum class Presence { Needed, Optional, Repeated, Flag };

Error usage_error(std::string message) { return {ErrorCode::InvalidInput, std::move(message), {}}; }

Result<std::int64_t> whole_number(const std::string& text, Range range) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool read = failure == std::errc{} && end == text.data() + text.size();
  if (read && number >= range.lowest && number <= range.highest) return number;
  if (range.lowest == INT64_MIN && range.highest == INT64_MAX) return usage_error("'" + text + "' is not a whole number");
  const std::string most = range.highest == INT64_MAX ? " or more" : " to " + std::to_string(range.highest);
  return usage_error("'" + text + "' is not a whole number of " + std::to_string(range.lowest) + most);
}

Result<double> real_number(const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size() && std::isfinite(number)) return number;
  return usage_error("'" + text + "' is not a number");
}

// Stores what `read` makes of a value into `field`.
template <typename Field, typename Read>
std::function<Done(const std::string&)> into(Field& field, Read read) {
  return [&field, read](const std::string& text) -> Done {
    auto value = read(text);
    if (!value) return value.error();
    field = *std::move(value);
    return {};
  };
}

Result<std::string> as_it_is(const std::string& text) { return text; }

}  // namespace

struct OptionList::Declared {
  struct Word {
    std::string value_name;
    std::string description;
    Presence presence = Presence::Needed;
    std::function<Done(const std::string&)> take;
  };
  struct Option {
    std::string name;
    std::string value_name;
    std::string description;
    Presence presence = Presence::Needed;
    std::string default_text;
    std::function<Done(const std::string&)> take;
  };

  std::vector<Word> words;
  std::vector<Option> options;

  void add(Option option) {
    invariant(std::none_of(options.begin(), options.end(), [&](const Option& o) { return o.name == option.name; }),
              "an option was declared twice: " + option.name);
    options.push_back(std::move(option));
  }
  void add(Word word) {
    invariant(words.empty() || words.back().presence == Presence::Needed, "no word can follow an optional one");
    words.push_back(std::move(word));
  }
  Done take_words(const std::vector<std::string>& given, bool last_may_repeat) const;
};

OptionList::OptionList() : declared_(std::make_unique<Declared>()) {}
OptionList::~OptionList() = default;

void OptionList::word(std::string value_name, std::string& field, std::string description) {
  declared_->add(Declared::Word{std::move(value_name), std::move(description), Presence::Needed, into(field, as_it_is)});
}

void OptionList::optional_word(std::string value_name, std::string& field, std::string description) {
  declared_->add(Declared::Word{std::move(value_name), std::move(description), Presence::Optional, into(field, as_it_is)});
}

void OptionList::words(std::string value_name, std::vector<std::string>& field, std::string description) {
  optional_words(std::move(value_name), field, std::move(description));
  declared_->words.back().presence = Presence::Repeated;
}

void OptionList::optional_words(std::string value_name, std::vector<std::string>& field, std::string description) {
  declared_->add(Declared::Word{std::move(value_name) + "...", std::move(description), Presence::Optional,
                                [&field](const std::string& text) -> Done {
                                  field.push_back(text);
                                  return {};
                                }});
}

void OptionList::required(std::string name, std::string value_name, std::string& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Needed, "", into(field, as_it_is)});
}

void OptionList::required(std::string name, std::string value_name, std::int64_t& field, Range range, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Needed, "",
                  into(field, [range](const std::string& text) { return whole_number(text, range); })});
}

void OptionList::required(std::string name, std::string value_name, Bytes& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Needed, "", into(field, bytes_from)});
}

void OptionList::required(std::string name, std::string value_name, Instant& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Needed, "", into(field, instant_from)});
}

void OptionList::required(std::string name, std::string value_name, Money& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Needed, "", into(field, money_from)});
}

void OptionList::optional(std::string name, std::string value_name, std::string& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, field, into(field, as_it_is)});
}

void OptionList::optional(std::string name, std::string value_name, std::int64_t& field, Range range, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, std::to_string(field),
                  into(field, [range](const std::string& text) { return whole_number(text, range); })});
}

void OptionList::optional(std::string name, std::string value_name, double& field, std::string description) {
  std::array<char, 32> shown{};
  const auto end = std::to_chars(shown.data(), shown.data() + shown.size(), field).ptr;
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional,
                  std::string(shown.data(), end), into(field, real_number)});
}

void OptionList::optional(std::string name, std::string value_name, Bytes& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, field.text(), into(field, bytes_from)});
}

void OptionList::optional(std::string name, std::string value_name, Duration& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, text_of(field), into(field, duration_from)});
}

void OptionList::optional(std::string name, std::string value_name, std::optional<std::string>& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, field.value_or(""), into(field, as_it_is)});
}

void OptionList::optional(std::string name, std::string value_name, std::optional<Instant>& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, field ? text_of(*field) : "",
                  into(field, instant_from)});
}

void OptionList::optional(std::string name, std::string value_name, std::optional<Money>& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Optional, field ? field->text() : "",
                  into(field, money_from)});
}

void OptionList::choice(std::string name, std::string& field, std::vector<std::string> allowed, std::string description) {
  std::string listed;
  for (const std::string& value : allowed) listed += (listed.empty() ? "" : "|") + value;
  declared_->add({std::move(name), listed, std::move(description), Presence::Optional, field,
                  into(field, [allowed, listed](const std::string& text) -> Result<std::string> {
                    if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
                    return usage_error("'" + text + "' is not one of " + listed);
                  })});
}

void OptionList::repeated(std::string name, std::string value_name, std::vector<std::string>& field, std::string description) {
  declared_->add({std::move(name), std::move(value_name), std::move(description), Presence::Repeated, "",
                  [&field](const std::string& text) -> Done {
                    field.push_back(text);
                    return {};
                  }});
}

void OptionList::flag(std::string name, bool& field, std::string description) {
  declared_->add({std::move(name), "", std::move(description), Presence::Flag, "", [&field](const std::string&) -> Done {
                    field = true;
                    return {};
                  }});
}

void OptionList::json(bool& field) { flag("json", field, "print the facts as one JSON document"); }

Done OptionList::Declared::take_words(const std::vector<std::string>& given, bool last_may_repeat) const {
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i >= words.size() && !last_may_repeat) return usage_error("'" + given[i] + "' is one word too many");
    const Word& word = words[std::min(i, words.size() - 1)];
    if (Done taken = word.take(given[i]); !taken) return taken.error();
  }
  for (std::size_t i = given.size(); i < words.size(); ++i)
    if (words[i].presence != Presence::Optional) return usage_error(words[i].value_name + " is missing: " + words[i].description);
  return {};
}

namespace {

// The parser's own texts differ in style and quote what they like; ours name the option and the way out.
Error said_by_us(const po::error& failure) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&failure))
    return usage_error("unknown option '" + unknown->get_option_name() + "'; --help lists what there is");
  if (const auto* syntax = dynamic_cast<const po::invalid_command_line_syntax*>(&failure)) {
    const std::string name = "'" + syntax->get_option_name() + "'";
    if (syntax->kind() == po::invalid_syntax::extra_parameter) return usage_error("option " + name + " takes no value");
    return usage_error("option " + name + " needs a value");
  }
  return usage_error(failure.what());
}

}  // namespace

Done OptionList::parse(std::span<const std::string> arguments) {
  po::options_description description;
  for (const auto& option : declared_->options) {
    if (option.presence == Presence::Flag)
      description.add_options()(option.name.c_str(), "");
    else
      description.add_options()(option.name.c_str(), po::value<std::string>(), "");
  }
  std::vector<po::option> found;
  const std::vector<std::string> given(arguments.begin(), arguments.end());
  try {
    namespace style = po::command_line_style;
    found = po::command_line_parser(given)
                .options(description)
                .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
                .run()
                .options;
  } catch (const po::error& failure) {
    return said_by_us(failure);
  }

  const auto separator = std::find(given.begin(), given.end(), "--");
  const auto after_separator = separator == given.end() ? 0 : static_cast<std::size_t>(given.end() - separator) - 1;
  std::vector<std::string> words_given;
  std::vector<std::string> seen;
  for (const po::option& option : found) {
    if (option.string_key.empty()) {
      words_given.insert(words_given.end(), option.value.begin(), option.value.end());
      continue;
    }
    const auto declared = std::find_if(declared_->options.begin(), declared_->options.end(),
                                       [&](const auto& o) { return o.name == option.string_key; });
    invariant(declared != declared_->options.end(), "the parser found an option that was not declared");
    if (declared->presence != Presence::Repeated && std::find(seen.begin(), seen.end(), declared->name) != seen.end())
      return usage_error("option '--" + declared->name + "' is given twice");
    seen.push_back(declared->name);
    if (Done taken = declared->take(option.value.empty() ? "" : option.value.front()); !taken)
      return usage_error("option '--" + declared->name + "': " + taken.error().message);
  }
  for (std::size_t i = 0; i + after_separator < words_given.size(); ++i)
    if (words_given[i].size() > 1 && words_given[i].front() == '-')
      return usage_error("unknown option '" + words_given[i] + "'; --help lists what there is");
  for (const auto& option : declared_->options)
    if (option.presence == Presence::Needed && std::find(seen.begin(), seen.end(), option.name) == seen.end())
      return usage_error("option '--" + option.name + " " + option.value_name + "' is missing: " + option.description);
  return declared_->take_words(words_given, !declared_->words.empty() && declared_->words.back().value_name.ends_with("..."));
}

std::string OptionList::usage() const {
  std::string line;
  for (const auto& word : declared_->words)
    line += word.presence == Presence::Optional ? " [" + word.value_name + "]" : " " + word.value_name;
  bool others = false;
  for (const auto& option : declared_->options) {
    if (option.presence == Presence::Needed) line += " --" + option.name + " " + option.value_name;
    others = others || option.presence != Presence::Needed;
  }
  return line + (others ? " [options]" : "");
}

std::string OptionList::help() const {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& word : declared_->words) lines.emplace_back(word.value_name, word.description);
  for (const auto& option : declared_->options) {
    std::string description = option.description;
    if (option.presence == Presence::Needed) description += " (needed)";
    if (option.presence == Presence::Repeated) description += " (may be repeated)";
    if (!option.default_text.empty()) description += " (default: " + option.default_text + ")";
    lines.emplace_back("--" + option.name + (option.value_name.empty() ? "" : " " + option.value_name), std::move(description));
  }
  std::size_t name_width = 0;
  for (const auto& [name, description] : lines) name_width = std::max(name_width, std::min(name.size(), name_width_max));
  std::string text;
  for (const auto& [name, description] : lines) {
    const std::size_t column = 2 + name_width + 2;
    const std::string told = wrapped(description, help_width, column);
    // A name too long for its column has the first line to itself.
    if (name.size() > name_width)
      text += "  " + name + "\n" + told;
    else
      text += "  " + name + std::string(column - 2 - name.size(), ' ') + told.substr(column);
  }
  return text;
}

}  // namespace policies::command_line
