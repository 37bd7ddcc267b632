#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::int64_t from = 1;
};

void declare(Options& options, command_line::OptionList& list) {
  list.optional("from", "ENTRY", options.from, {1, INT64_MAX}, "the first entry");
  declare_desk(options.desk, list);
}

void add_rows(command_line::Table& table, const json::object& entry) {
  bool first = true;
  for (const json::value& posting : list_in(entry, "postings")) {
    table.row({first ? text_in(entry, "number") : "", first ? text_in(entry, "at") : "", first ? text_in(entry, "text") : "", text_in(posting.as_object(), "account"),
               money_in(posting.as_object(), "amount")});
    first = false;
  }
}

}  // namespace

command_line::Command ledger_entries(const Ports& ports) {
  return command_line::command<Options>(
      {"ledger", "entries", "print the journal", "Every entry with its postings, which sum to zero.", {"leaseback-fleet ledger entries", "leaseback-fleet ledger entries --from 200 --json"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::array> all = desk->all("/v1/ledger/entries", "entries", options.from);
        if (!all) return all.error();
        if (options.desk.json) {
          print_json(streams.out, json::object{{"entries", *all}});
          return command_line::ExitCode::Done;
        }
        command_line::Table table({{"ENTRY", command_line::Align::Right}, {"AT"}, {"WHAT"}, {"ACCOUNT"}, {"AMOUNT", command_line::Align::Right}});
        for (const json::value& entry : *all) add_rows(table, entry.as_object());
        streams.out << table.text(streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
