// What one command accepts after its words, bound to the fields of its options struct. Parsing is strict: an unknown or
// repeated option, an abbreviation, a missing required one, a value of the wrong shape and a word too many are all errors.
//
//   struct QuoteOptions { std::vector<std::string> files; std::string rules; bool json = false; };
//   void declare(QuoteOptions& options, OptionList& list) {
//     list.words("FILE", options.files, "orders to quote");
//     list.optional("rules", "DIR", options.rules, "folder of rules");   // the field's value is the default, shown in the help
//     list.json(options.json);
//   }
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace policies::command_line {
using namespace policies::vocabulary;

// Whole numbers are refused outside this range, both ends included.
struct Range {
  std::int64_t lowest = INT64_MIN;
  std::int64_t highest = INT64_MAX;
};

// The fields given by reference must outlive the list; they are written by `parse` only. Names come without "--".
class OptionList {
 public:
  OptionList();
  ~OptionList();
  OptionList(const OptionList&) = delete;
  OptionList& operator=(const OptionList&) = delete;

  // Positional words, in order of declaration. `words` takes all that are left (at least one) and must be last.
  void word(std::string value_name, std::string& field, std::string description);
  void optional_word(std::string value_name, std::string& field, std::string description);
  void words(std::string value_name, std::vector<std::string>& field, std::string description);
  void optional_words(std::string value_name, std::vector<std::string>& field, std::string description);

  // --name VALUE, which must be given.
  void required(std::string name, std::string value_name, std::string& field, std::string description);
  void required(std::string name, std::string value_name, std::int64_t& field, Range range, std::string description);
  void required(std::string name, std::string value_name, Bytes& field, std::string description);
  void required(std::string name, std::string value_name, Instant& field, std::string description);
  void required(std::string name, std::string value_name, Money& field, std::string description);

  // --name VALUE, which may be left out; the field then keeps what it holds, and the help shows that as the default when it
  // is not empty.
  void optional(std::string name, std::string value_name, std::string& field, std::string description);
  void optional(std::string name, std::string value_name, std::int64_t& field, Range range, std::string description);
  void optional(std::string name, std::string value_name, double& field, std::string description);
  void optional(std::string name, std::string value_name, Bytes& field, std::string description);
  void optional(std::string name, std::string value_name, Duration& field, std::string description);
  void optional(std::string name, std::string value_name, std::optional<std::string>& field, std::string description);
  void optional(std::string name, std::string value_name, std::optional<Instant>& field, std::string description);
  void optional(std::string name, std::string value_name, std::optional<Money>& field, std::string description);
  // One of a closed set, e.g. {"all", "api", "gateway"}.
  void choice(std::string name, std::string& field, std::vector<std::string> allowed, std::string description);
  // --name VALUE, any number of times.
  void repeated(std::string name, std::string value_name, std::vector<std::string>& field, std::string description);
  // --name, no value.
  void flag(std::string name, bool& field, std::string description);
  // --json, worded alike everywhere: facts as one JSON document on standard output.
  void json(bool& field);

  // Fills the fields. Errors are InvalidInput and name the option, the value and what is allowed.
  Done parse(std::span<const std::string> arguments);

  // " FILE... --key FILE [options]", for the usage line; and the lines that describe each word and option.
  [[nodiscard]] std::string usage() const;
  [[nodiscard]] std::string help() const;

 private:
  struct Declared;
  std::unique_ptr<Declared> declared_;
};

}  // namespace policies::command_line
