#include <boost/json.hpp>

#include "fleet/cli/journal_text.h"
#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string party;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<std::string> month;
  std::string format = "text";
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("PARTY", options.party, "an owner or a client");
  list.optional("from", "TIME", options.from, "from this UTC time on, e.g. 2026-12-01T00:00:00Z");
  list.optional("to", "TIME", options.to, "up to this UTC time");
  list.optional("month", "YYYY-MM", options.month, "the whole of that month in UTC, instead of --from and --to");
  list.choice("format", options.format, {"text", "csv", "journal", "json"}, "journal: what ledger and hledger read");
  declare_desk(options.desk, list);
}

std::string measured(const json::object& line) {
  const json::object* measurement = object_in(line, "measurement");
  if (measurement == nullptr) return "-";
  std::string text = text_in(*measurement, "kind") + " of " + text_in(*measurement, "subject");
  if (const json::object* quantities = object_in(*measurement, "quantities"))
    for (const auto& quantity : *quantities) text += ", " + std::string(quantity.key()) + " " + json::serialize(quantity.value());
  return text;
}

// Fills `from` and `to` from the month.
Done take_month(Options& options) {
  if (!options.month) return {};
  const std::string& month = *options.month;
  if (options.from || options.to) return Error{ErrorCode::InvalidInput, "--month goes without --from and --to", {}};
  const Result<Instant> begin = instant_from(month + "-01T00:00:00Z");
  if (month.size() != 7 || !begin) return Error{ErrorCode::InvalidInput, "--month is written like 2026-12, not '" + month + "'", {}};
  const std::chrono::year_month_day first(std::chrono::floor<std::chrono::days>(*begin));
  options.from = text_of(*begin);
  options.to = text_of(Instant(std::chrono::sys_days(first + std::chrono::months(1))));
  return {};
}

void print(std::ostream& out, const json::object& statement, std::size_t width) {
  out << "Statement of " << text_in(statement, "name") << " (" << text_in(statement, "party") << "), " << text_in(statement, "from") << " to "
      << text_in(statement, "to") << "\nA positive amount is owed to the manufacturer, a negative one is owed by it.\n\n";
  command_line::Table table({{"ENTRY", command_line::Align::Right}, {"AT"}, {"WHAT"}, {"MEASURED"}, {"BY RULE"}, {"AMOUNT", command_line::Align::Right}});
  for (const json::value& value : list_in(statement, "lines")) {
    const json::object& line = value.as_object();
    table.row({text_in(line, "entry"), text_in(line, "at"), text_in(line, "text"), measured(line), text_in(line, "rule") + " version " + text_in(line, "rule_version"),
               money_in(line, "amount")});
  }
  out << table.text(width) << "\nTotal: " << money_in(statement, "total") << " (" << text_in(statement, "party") << " " << text_in(statement, "meaning") << ")\n";
}

}  // namespace

command_line::Command ledger_statement(const Ports& ports) {
  return command_line::command<Options>(
      {"ledger", "statement", "print what a party owes or is owed",
       "Each line names the measurement and the rule, with its version, from which its amount follows; `ledger explain ENTRY` computes it again.",
       {"leaseback-fleet ledger statement alice", "leaseback-fleet ledger statement acme --month 2026-12 --format csv",
        "leaseback-fleet ledger statement acme --from 2026-12-01T00:00:00Z --json"}, {}},
      declare, [ports](const Options& given, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Options options = given;
        if (Done taken = take_month(options); !taken) return taken.error();
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        std::string target = "/v1/ledger/statement?party=" + escaped(options.party);
        if (options.from) target += "&from=" + escaped(*options.from);
        if (options.to) target += "&to=" + escaped(*options.to);
        Result<json::object> statement = desk->get(target);
        if (!statement) return statement.error();
        if (options.desk.json || options.format == "json") print_json(streams.out, *statement);
        else if (options.format == "csv") streams.out << statement_csv(*statement);
        else if (options.format == "journal") streams.out << statement_journal(*statement);
        else print(streams.out, *statement, streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
