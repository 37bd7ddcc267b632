// Makes room for a lease on a disk that its owner uses.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/retrofit_run.h"
#include "provision/run/run_lock.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskRetrofitOptions {
  OrderOptions order;
  IngredientOptions ingredients;
  std::string station;
  std::string confirm;
  std::string clock;
  bool dry_run = false;
  bool json = false;
};

void declare(DiskRetrofitOptions& options, OptionList& list) {
  declare_order(options.order, list);
  list.required("station", "DIR", options.station, "the line's folder (`line init`)");
  declare_ingredients(options.ingredients, list);
  list.optional("confirm", "PATH", options.confirm, "for a block device: its path, serial or WWN once more");
  list.flag("dry-run", options.dry_run, "decide everything, write nothing");
  declare_clock(options.clock, list);
  list.json(options.json);
}

Done check(const DiskRetrofitOptions& options) { return check_ingredients(options.ingredients); }

Result<ExitCode> run(const DiskRetrofitOptions& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  auto work = read_work(options.order, options.order.controller, ports);
  if (!work) return work.error();
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  run::BuildRequest request;
  request.work = std::move(*work);
  auto path = path_of_disk(options.order.disk, ports.disks);
  if (!path) return path.error();
  request.disk_path = std::move(*path);
  request.confirmation.repeated = options.confirm;
  request.controller_url = options.order.controller;
  if (Done added = add_ingredients(options.ingredients, ports, request); !added) return added.error();
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, *clock->clock, progress};
  const auto run_folder = station->run_folder(request.work.order.text);
  if (!run_folder) return run_folder.error();
  const auto lock = run::RunLock::take({*run_folder, request.disk_path});
  if (!lock) return lock.error();
  const auto report = options.dry_run ? run::rehearse_retrofit(request, *station, run_ports)
                                      : run::retrofit_order(request, *station, run_ports);
  if (!report) return report.error();
  print_report(*report, request.work, options.json, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_retrofit_command(const Ports& ports) {
  return command_line::command<DiskRetrofitOptions>(
      {.noun = "disk",
       .verb = "retrofit",
       .summary = "make room for a lease on a disk in use, without touching its owner's files",
       .description = "Saves the partition table at the station, checks and shrinks the last filesystem (ext4), adds "
                      "the sealed lease partition "
                      "behind it and installs the agent. The receipt holds the digest of the owner's files before and "
                      "after: they are the same. "
                      "Cut anywhere, the same command finishes it. A declined order changes nothing on the disk and "
                      "has a receipt that says so.",
       .examples = {"leaseback-provision disk retrofit home-frank-retrofit.yaml --disk frank.img --station /srv/line-1 "
                    "--bundle agent.bundle "
                    "--bundle-key release.pem"},
       .exits = {}},
      declare, [&ports](const DiskRetrofitOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace provision::cli
