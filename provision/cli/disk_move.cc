// Moves an owner's disk to a larger new one.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/move_run.h"
#include "provision/run/run_lock.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskMoveOptions {
  OrderOptions order;
  IngredientOptions ingredients;
  std::string from;
  std::string station;
  std::string confirm;
  std::string clock;
  bool create_image = false;
  bool erase = false;
  bool dry_run = false;
  bool json = false;
};

void declare(DiskMoveOptions& options, OptionList& list) {
  declare_order(options.order, list);
  list.required("from", "PATH", options.from, "the old disk, which is only read; --disk is the new one");
  list.required("station", "DIR", options.station, "the line's folder (`line init`)");
  declare_ingredients(options.ingredients, list);
  list.optional("confirm", "PATH", options.confirm, "for a block device: the new disk's path, serial or WWN once more");
  list.flag("create-image", options.create_image, "make a sparse image file of the size of the disk that is given with the order");
  list.flag("erase", options.erase, "let what is on the new disk go");
  list.flag("dry-run", options.dry_run, "decide everything, write nothing");
  declare_clock(options.clock, list);
  list.json(options.json);
}

Done check(const DiskMoveOptions& options) { return check_ingredients(options.ingredients); }

Result<ExitCode> run(const DiskMoveOptions& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  auto work = read_work(options.order, options.order.controller, ports);
  if (!work) return work.error();
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  run::MoveOrder order;
  order.build.work = std::move(*work);
  auto from = path_of_disk(options.from, ports.disks);
  if (!from) return from.error();
  order.from_path = std::move(*from);
  auto to = path_of_disk(options.order.disk, ports.disks);
  if (!to) return to.error();
  order.build.disk_path = std::move(*to);
  order.build.confirmation.repeated = options.confirm;
  order.build.controller_url = options.order.controller;
  if (options.create_image) order.build.image = run::ImageChoice::MakeWhenMissing;
  if (options.erase) order.build.existing = disk::ExistingContent::Erase;
  if (Done added = add_ingredients(options.ingredients, ports, order.build); !added) return added.error();
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, *clock->clock, progress};
  const auto run_folder = station->run_folder(order.build.work.order.text);
  if (!run_folder) return run_folder.error();
  const auto lock = run::RunLock::take({*run_folder, order.build.disk_path});
  if (!lock) return lock.error();
  const auto report = options.dry_run ? run::rehearse_move(order, *station, run_ports) : run::move_order(order, *station, run_ports);
  if (!report) return report.error();
  print_report(*report, order.build.work, options.json, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_move_command(const Ports& ports) {
  return command_line::command<DiskMoveOptions>(
      {.noun = "disk",
       .verb = "move",
       .summary = "move an owner's disk to a larger new one, and lease a share of that",
       .description = "Copies every partition to the new disk, holes as holes, reads each piece back and compares it, grows the last filesystem, compares the "
                      "owner's files on both disks, and goes on as `disk retrofit` does with the new disk. The old disk is only read, and must not be in "
                      "use; take it out of the machine afterwards. A declined order gets the larger disk and nothing else. Cut anywhere, the same command "
                      "finishes it.",
       .examples = {"leaseback-provision disk move home-frank-retrofit.yaml --from /dev/sda --disk /dev/sdb --confirm /dev/sdb --station /srv/line-1 "
                    "--bundle agent.bundle --bundle-key release.pem"},
       .exits = {}},
      declare, [&ports](const DiskMoveOptions& options, Streams& streams) { return run(options, ports, streams); }, check);
}

}  // namespace provision::cli
