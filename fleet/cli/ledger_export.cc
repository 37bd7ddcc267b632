#include <boost/json.hpp>

#include "fleet/cli/journal_text.h"
#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::int64_t from = 1;
  std::string format = "journal";
  std::string out;
};

void declare(Options& options, command_line::OptionList& list) {
  list.choice("format", options.format, {"journal", "csv", "json"}, "journal: what ledger and hledger read");
  list.optional("from", "ENTRY", options.from, {1, INT64_MAX}, "the first entry");
  list.optional("out", "FILE", options.out, "write there instead of standard output");
  declare_desk(options.desk, list);
}

std::string in_format(const Options& options, const json::array& entries) {
  if (options.desk.json || options.format == "json") return json::serialize(json::object{{"entries", entries}}) + "\n";
  return options.format == "csv" ? entries_csv(entries) : journal_text(entries);
}

}  // namespace

command_line::Command ledger_export(const Ports& ports) {
  return command_line::command<Options>(
      {"ledger", "export", "write the journal for other tools",
       "Every entry, with its measurement, rule and hash. Ledger and hledger read and balance the journal; a spreadsheet reads the CSV.",
       {"leaseback-fleet ledger export --out leaseback.journal && hledger -f leaseback.journal balance",
        "leaseback-fleet ledger export --format csv --from 200"},
       {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::array> all = desk->all("/v1/ledger/entries", "entries", options.from);
        if (!all) return all.error();
        const std::string text = in_format(options, *all);
        if (options.out.empty()) {
          streams.out << text;
          return command_line::ExitCode::Done;
        }
        Done written = ports.files.replace(options.out, text, images::files::Access::OwnerOnly);
        if (!written) return written.error().within("writing " + options.out);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
