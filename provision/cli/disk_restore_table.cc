// Puts a used disk's partition table back as it was.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/run_lock.h"
#include "provision/run/table_restore.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct RestoreTableOptions {
  std::string disk;
  std::string order;
  std::string station;
  std::string confirm;
};

void declare(RestoreTableOptions& options, OptionList& list) {
  list.word("DISK", options.disk, "image file, or block device by its path, serial:SERIAL or wwn:WWN");
  list.required("order", "ID", options.order, "the id of the order whose retrofit saved the table");
  list.required("station", "DIR", options.station, "the line's folder at which it was saved");
  list.optional("confirm", "PATH", options.confirm, "for a block device: its path, serial or WWN once more");
}

Result<ExitCode> run(const RestoreTableOptions& options, const Ports& ports, Streams& streams) {
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  const auto path = path_of_disk(options.disk, ports.disks);
  if (!path) return path.error();
  const auto run_folder = station->run_folder(options.order);
  if (!run_folder) return run_folder.error();
  const auto lock = run::RunLock::take({*run_folder, *path});
  if (!lock) return lock.error();
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, ports.clock, progress};
  const auto done = run::restore_table_of_run(options.order, *path, {options.confirm}, *station, run_ports);
  if (!done) return done.error();
  for (const std::string& line : *done) streams.out << line << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_restore_table_command(const Ports& ports) {
  return command_line::command<RestoreTableOptions>(
      {.noun = "disk",
       .verb = "restore-table",
       .summary = "put the partition table back that a retrofit saved",
       .description = "For a retrofit that was begun and shall not be finished: the keys of its lease partition are destroyed, the GPT or MBR is again what it "
                      "was, and the last filesystem grows over its place. A finished one is given back with `disk release`.",
       .examples = {"leaseback-provision disk restore-table frank.img --order home-frank-retrofit --station /srv/line-1"},
       .exits = {}},
      declare, [&ports](const RestoreTableOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
