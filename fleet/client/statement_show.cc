#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"
#include "policies/command_line/table.h"

namespace fleet::client {
namespace {

namespace json = boost::json;
using policies::command_line::Align;
using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct ShowOptions {
  HomeOptions where;
  bool json = false;
};

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr) return {};
  if (found->is_string()) return std::string(found->get_string());
  const json::object* amount = found->if_object();
  const json::value* minor = amount == nullptr ? nullptr : amount->if_contains("minor");
  const json::value* code = amount == nullptr ? nullptr : amount->if_contains("currency");
  if (minor == nullptr || !minor->is_int64() || code == nullptr || !code->is_string()) return json::serialize(*found);
  return Money(minor->get_int64(), Currency{std::string(code->get_string())}).text();
}

Done print_statement(const std::string& text, Streams& streams) {
  json::error_code failure;
  const json::value parsed = json::parse(text, failure);
  const json::object* statement = failure ? nullptr : parsed.if_object();
  const json::value* lines = statement == nullptr ? nullptr : statement->if_contains("lines");
  if (lines == nullptr || !lines->is_array()) return Error{ErrorCode::InvalidInput, "the controller's answer is no statement", {}};
  policies::command_line::Table table({{"at"}, {"what"}, {"rule"}, {"amount", Align::Right}});
  for (const json::value& line : lines->get_array())
    if (const json::object* facts = line.if_object()) table.row({text_at(*facts, "at"), text_at(*facts, "text"), text_at(*facts, "rule"), text_at(*facts, "amount")});
  const std::string meaning = text_at(*statement, "meaning");
  table.row({"", "total" + (meaning.empty() ? "" : ": " + text_at(*statement, "party") + " " + meaning), "", text_at(*statement, "total")});
  streams.out << table.text(streams.width);
  return {};
}

}  // namespace

policies::command_line::Command statement_show(const Ports& ports) {
  return policies::command_line::command<ShowOptions>(
      {"statement", "show", "print what this client owes, line by line", "Each line names what was measured and the rule that priced it.", {"leaseback statement show"}, {}},
      [&ports](ShowOptions& options, OptionList& list) {
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ShowOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<std::string> statement = opened->client->statement();
        if (!statement) return statement.error();
        if (options.json) {
          streams.out << *statement << "\n";
          return ExitCode::Done;
        }
        if (const Done printed = print_statement(*statement, streams); !printed) return printed.error();
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
