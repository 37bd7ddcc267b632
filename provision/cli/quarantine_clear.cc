// Takes a disk back out of quarantine.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/quarantine.h"
#include "provision/run/run_lock.h"

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
  std::string disk;
  std::string confirm;
  std::string clock;
};

void declare(Options& options, OptionList& list) {
  list.word("ORDER", options.order, "the order whose run failed, as `quarantine list` names it");
  list.required("station", "DIR", options.station, "the line's folder");
  list.required("operator", "NAME", options.operator_name, "who answers for it; goes on the record");
  list.required("reason", "WHY", options.reason, "why the disk may be used again; goes on the record");
  list.optional("disk", "PATH", options.disk, "the disk, to take its note off; without it only the station's record is changed");
  list.optional("confirm", "PATH", options.confirm, "for a block device: its path, serial or WWN once more");
  declare_clock(options.clock, list);
}

Result<ExitCode> run(const Options& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  run::ClearRequest request{options.order, options.operator_name, options.reason, {}, {options.confirm}};
  if (!options.disk.empty()) {
    auto path = path_of_disk(options.disk, ports.disks);
    if (!path) return path.error();
    request.disk_path = std::move(*path);
  }
  const auto lock = run::RunLock::take(options.disk.empty() ? std::vector{station->folder() + "/runs/" + options.order}
                                                            : std::vector{station->folder() + "/runs/" + options.order, request.disk_path});
  if (!lock) return lock.error();
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, *clock->clock, progress};
  if (Done cleared = run::clear_quarantine(request, *station, run_ports); !cleared) return cleared.error();
  streams.out << "order " << options.order << " may be applied again\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command quarantine_clear_command(const Ports& ports) {
  return command_line::command<Options>(
      {.noun = "quarantine",
       .verb = "clear",
       .summary = "take a disk out of quarantine",
       .description = "Says in the station's record who took the disk back and why, and takes the note off the disk. The run of its order "
                      "can then be gone on with.",
       .examples = {"leaseback-provision quarantine clear home-alice --station /srv/line-1 --disk alice.img --operator 'Olga Ortiz' --reason "
                    "'cable replaced'"},
       .exits = {}},
      declare, [&ports](const Options& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
