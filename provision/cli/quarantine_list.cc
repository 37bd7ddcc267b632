// The disks that failed and were put aside.
#include <ostream>

#include "policies/command_line/table.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/commands.h"
#include "provision/run/station.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct Options {
  std::string station;
  bool json = false;
};

void declare(Options& options, OptionList& list) {
  list.required("station", "DIR", options.station, "the line's folder");
  list.json(options.json);
}

Result<ExitCode> run(const Options& options, const Ports& ports, Streams& streams) {
  const auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  const auto runs = station->runs();
  if (!runs) return runs.error();
  JsonText json(JsonLayout::Indented);
  json.object().key("quarantined").array();
  command_line::Table table({{"order"}, {"disk"}, {"since"}, {"reason"}});
  for (const run::RunSummary& one : *runs) {
    if (one.state != "quarantined") continue;
    json.object().key("order").text(one.name).key("serial").text(one.serial).key("disk").text(one.disk).key("since").instant(one.last);
    json.key("reason").text(one.reason).end();
    table.row({one.name, one.disk, text_of(one.last), one.reason});
  }
  json.end().end();
  if (options.json) streams.out << json.finished() << "\n";
  else if (table.empty()) streams.out << "No disk is in quarantine.\n";
  else streams.out << table.text(streams.width);
  return ExitCode::Done;
}

}  // namespace

command_line::Command quarantine_list_command(const Ports& ports) {
  return command_line::command<Options>(
      {.noun = "quarantine",
       .verb = "list",
       .summary = "list the disks that failed and were put aside",
       .description = "A disk on which a run failed, or which did not read back as it was written, is not built on and not vouched for "
                      "until `quarantine clear` takes it back.",
       .examples = {"leaseback-provision quarantine list --station /srv/line-1"},
       .exits = {}},
      declare, [&ports](const Options& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
