// What a line did.
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

struct StationShowOptions {
  std::string station;
  bool json = false;
};

void declare(StationShowOptions& options, OptionList& list) {
  list.required("station", "DIR", options.station, "the line's folder");
  list.json(options.json);
}

void print_json(const run::Station& station, const KeyId& key, const std::vector<run::RunSummary>& runs,
                Streams& streams) {
  JsonText json(JsonLayout::Indented);
  json.object()
      .key("station")
      .text(station.folder())
      .key("line")
      .text(station.line())
      .key("key")
      .id(key)
      .key("runs")
      .array();
  for (const run::RunSummary& run : runs) {
    json.object().key("run").text(run.name).key("what").text(run.what).key("state").text(run.state).key("serial").text(
        run.serial);
    json.key("machine").text(run.machine).key("disk").text(run.disk).key("reason").text(run.reason);
    json.key("began").instant(run.began).key("last").instant(run.last).end();
  }
  streams.out << json.end().end().finished() << "\n";
}

Result<ExitCode> run(const StationShowOptions& options, const Ports& ports, Streams& streams) {
  const auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  const auto key = station->line_key();
  if (!key) return key.error();
  const auto runs = station->runs();
  if (!runs) return runs.error();
  if (options.json) {
    print_json(*station, key->id(), *runs, streams);
    return ExitCode::Done;
  }
  streams.out << "line " << station->line() << ", key " << key->id().text << "\n";
  command_line::Table table({{"run"}, {"what"}, {"state"}, {"serial"}, {"disk"}, {"last"}, {"reason"}});
  for (const run::RunSummary& run : *runs)
    table.row({run.name, run.what, run.state, run.serial, run.disk, text_of(run.last), run.reason});
  if (!table.empty()) streams.out << table.text(streams.width);
  return ExitCode::Done;
}

}  // namespace

command_line::Command station_show_command(const Ports& ports) {
  return command_line::command<StationShowOptions>(
      {.noun = "station",
       .verb = "show",
       .summary = "list what a line did",
       .description = "One line for each run: finished, cut, or failed and why. A run that was cut or failed is gone "
                      "on with by the command that began it.",
       .examples = {"leaseback-provision station show --station /srv/line-1"},
       .exits = {}},
      declare, [&ports](const StationShowOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
