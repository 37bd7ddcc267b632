// Makes a station: the folder of a factory line, and its key.
#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct LineInitOptions {
  std::string station;
  std::string line = "line-1";
  std::string clock;
  bool json = false;
};

void declare(LineInitOptions& options, OptionList& list) {
  list.required("station", "DIR", options.station, "the folder to make");
  list.optional("line", "NAME", options.line, "the line's name: letters, digits and . _ -");
  declare_clock(options.clock, list);
  list.json(options.json);
}

Result<ExitCode> run(const LineInitOptions& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  const auto station = run::Station::make(ports.files, options.station, options.line, clock->clock->now());
  if (!station) return station.error();
  const auto key = station->line_key();
  if (!key) return key.error();
  const std::string public_key = options.station + "/line.pem";
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object()
        .key("station")
        .text(options.station)
        .key("line")
        .text(options.line)
        .key("key")
        .id(key->id())
        .key("public_key")
        .text(public_key)
        .end();
    streams.out << json.finished() << "\n";
  } else {
    streams.out << "line " << options.line << "\nkey  " << key->id().text << "\nregister " << public_key
                << " with the controller\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command line_init_command(const Ports& ports) {
  return command_line::command<LineInitOptions>(
      {.noun = "line",
       .verb = "init",
       .summary = "make a station and the key of its line",
       .description = "Makes the folder in which a factory line keeps its key, its journals, vouchers, receipts and "
                      "the escrow of lease keys. The "
                      "key never leaves it; give the public one to the controller, which believes vouchers of "
                      "registered lines only.",
       .examples = {"leaseback-provision line init --station /srv/line-1 --line line-1"},
       .exits = {}},
      declare, [&ports](const LineInitOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
