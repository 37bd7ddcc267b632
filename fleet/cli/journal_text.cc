#include "fleet/cli/journal_text.h"

#include <boost/json.hpp>
#include <initializer_list>

#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

// On one line, and without what ends a description: both readers take the rest of a line after ';' for a comment.
std::string description(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    if (c == ';' || c == '|') c = ',';
  }
  return text;
}

// Two spaces end an account's name.
std::string account(std::string name) {
  for (char& c : name)
    if (static_cast<unsigned char>(c) <= 0x20 || c == ';') c = '_';
  return name;
}

std::string date_of(const std::string& instant) { return instant.substr(0, 10); }

std::string tag(std::string_view name, const std::string& value) { return "    ; " + std::string(name) + ": " + description(value) + "\n"; }

std::string measured(const json::object& booked) {
  const json::object* measurement = object_in(booked, "measurement");
  if (measurement == nullptr) return "-";
  std::string text = text_in(*measurement, "kind") + " of " + text_in(*measurement, "subject");
  if (const json::object* quantities = object_in(*measurement, "quantities"))
    for (const auto& quantity : *quantities) text += " " + std::string(quantity.key()) + "=" + json::serialize(quantity.value());
  return text;
}

// "12.34 USD" into its two halves.
std::pair<std::string, std::string> amount_and_currency(const json::object& booked) {
  const std::string money = money_in(booked, "amount");
  const std::size_t space = money.rfind(' ');
  return space == std::string::npos ? std::pair(money, std::string()) : std::pair(money.substr(0, space), money.substr(space + 1));
}

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string record(std::initializer_list<std::string> fields) {
  std::string line;
  for (const std::string& each : fields) line += (line.empty() ? "" : ",") + field(each);
  return line + "\r\n";
}

std::string head(const json::object& booked, std::string_view number) {
  const std::string at = text_in(booked, "at");
  return date_of(at) + " (" + text_in(booked, number) + ") " + description(text_in(booked, "text")) + "\n" + tag("at", at) +
         tag("rule", text_in(booked, "rule") + " version " + text_in(booked, "rule_version")) + tag("measured", measured(booked));
}

}  // namespace

std::string journal_text(const json::array& entries) {
  std::string text = "; The journal of a Leaseback controller. A positive amount is a debit, a negative one a credit.\n";
  for (const json::value& value : entries) {
    const json::object& entry = value.as_object();
    text += "\n" + head(entry, "number") + tag("hash", text_in(entry, "hash"));
    for (const json::value& posting : list_in(entry, "postings"))
      text += "    " + account(text_in(posting.as_object(), "account")) + "  " + money_in(posting.as_object(), "amount") + "\n";
  }
  return text;
}

std::string entries_csv(const json::array& entries) {
  std::string text = record({"entry", "at", "account", "amount", "currency", "text", "rule", "rule_version", "measured", "hash"});
  for (const json::value& value : entries) {
    const json::object& entry = value.as_object();
    for (const json::value& posting : list_in(entry, "postings")) {
      const auto [amount, currency] = amount_and_currency(posting.as_object());
      text += record({text_in(entry, "number"), text_in(entry, "at"), text_in(posting.as_object(), "account"), amount, currency, text_in(entry, "text"),
                      text_in(entry, "rule"), text_in(entry, "rule_version"), measured(entry), text_in(entry, "hash")});
    }
  }
  return text;
}

std::string statement_csv(const json::object& statement) {
  std::string text = record({"entry", "at", "account", "amount", "currency", "text", "rule", "rule_version", "measured"});
  for (const json::value& value : list_in(statement, "lines")) {
    const json::object& line = value.as_object();
    const auto [amount, currency] = amount_and_currency(line);
    text += record({text_in(line, "entry"), text_in(line, "at"), text_in(line, "account"), amount, currency, text_in(line, "text"), text_in(line, "rule"),
                    text_in(line, "rule_version"), measured(line)});
  }
  return text;
}

std::string statement_journal(const json::object& statement) {
  std::string text = "; Statement of " + description(text_in(statement, "name")) + " (" + text_in(statement, "party") + "), " + text_in(statement, "from") + " to " +
                     text_in(statement, "to") + "\n; A positive amount is owed to the manufacturer, a negative one is owed by it.\n";
  for (const json::value& value : list_in(statement, "lines")) {
    const json::object& line = value.as_object();
    text += "\n" + head(line, "entry") + "    " + account(text_in(line, "account")) + "  " + money_in(line, "amount") + "\n    manufacturer\n";
  }
  return text;
}

}  // namespace fleet::cli
