// Gives up a run that will not be finished.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/abandon.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct Options {
  std::string order;
  std::string station;
  std::string operator_name;
  std::string reason;
  std::string clock;
};

void declare(Options& options, OptionList& list) {
  list.word("ORDER", options.order, "the order whose run is given up, as `station show` names it");
  list.required("station", "DIR", options.station, "the line's folder");
  list.required("operator", "NAME", options.operator_name, "who answers for it; goes on the record");
  list.required("reason", "WHY", options.reason, "why; goes on the record");
  declare_clock(options.clock, list);
}

Result<ExitCode> run(const Options& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  const auto lock = run::RunLock::take({station->folder() + "/runs/" + options.order});
  if (!lock) return lock.error();
  const auto kept = run::abandon_run({options.order, options.operator_name, options.reason}, *station, *clock->clock);
  if (!kept) return kept.error();
  streams.out << "order " << options.order << " may begin again; the record of this run is kept as " << *kept << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command line_abandon_command(const Ports& ports) {
  return command_line::command<Options>(
      {.noun = "line",
       .verb = "abandon",
       .summary = "give up a run that will not be finished",
       .description = "For a disk that broke before its machine was vouched for. The run's keys are destroyed, its record is kept, and the "
                      "order may begin again on another disk, as a new machine. What is on the given-up disk opens with nothing.",
       .examples = {"leaseback-provision line abandon home-alice --station /srv/line-1 --operator 'Olga Ortiz' --reason 'drive died'"},
       .exits = {}},
      declare, [&ports](const Options& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
