#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string entry;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("ENTRY", options.entry, "its number, from a statement");
  declare_desk(options.desk, list);
}

void print(std::ostream& out, const json::object& entry, const json::object& explanation, std::size_t width) {
  command_line::Table table({{""}, {""}});
  table.row({"Entry", text_in(entry, "number") + " of " + text_in(entry, "at") + ": " + text_in(entry, "text")});
  table.row({"Rule", text_in(entry, "rule") + " version " + text_in(entry, "rule_version")});
  if (const json::object* measurement = object_in(entry, "measurement")) {
    table.row({"Measured", text_in(*measurement, "kind") + " of " + text_in(*measurement, "subject")});
    if (const json::object* quantities = object_in(*measurement, "quantities"))
      for (const auto& quantity : *quantities) table.row({"", std::string(quantity.key()) + " = " + json::serialize(quantity.value())});
  }
  table.row({"Arithmetic", text_in(explanation, "formula")});
  table.row({"Computed", money_in(explanation, "computed")});
  table.row({"Booked", money_in(explanation, "booked")});
  table.row({"Agrees", text_in(explanation, "agrees")});
  if (text_in(explanation, "difference") != "-") table.row({"Difference", text_in(explanation, "difference")});
  out << table.text(width);
}

}  // namespace

command_line::Command ledger_explain(const Ports& ports) {
  return command_line::command<Options>(
      {"ledger", "explain", "compute an entry again", "Shows measurement, rule, version and arithmetic, and whether the amount booked is the one they give.",
       {"leaseback-fleet ledger explain 17"}, {{command_line::ExitCode::Failed, "the amount does not follow from measurement and rule, or asking failed"}}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> entry = desk->get("/v1/ledger/entries/" + escaped(options.entry));
        if (!entry) return entry.error();
        const json::object* explanation = object_in(*entry, "explanation");
        if (explanation == nullptr) return Error{ErrorCode::InvalidInput, "the controller explained nothing", {}};
        if (options.desk.json) print_json(streams.out, *entry);
        else print(streams.out, *entry, *explanation, streams.width);
        return text_in(*explanation, "agrees") == "yes" ? command_line::ExitCode::Done : command_line::ExitCode::Failed;
      });
}

}  // namespace fleet::cli
