// Turns an order into a finished disk.
#include <istream>
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/cli/firmware_options.h"
#include "provision/cli/machine_options.h"
#include "provision/run/factory_run.h"
#include "provision/run/run_events.h"
#include "provision/run/run_lock.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskApplyOptions {
  OrderOptions order;
  IngredientOptions ingredients;
  SystemOptions system;
  std::string station;
  MachineOptions machine;
  std::string sector_size;
  std::string confirm;
  std::string clock;
  bool create_image = false;
  bool erase = false;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
  bool events = false;
};

void declare(DiskApplyOptions& options, OptionList& list) {
  declare_order(options.order, list);
  list.required("station", "DIR", options.station, "the line's folder (`line init`)");
  declare_ingredients(options.ingredients, list);
  declare_system(options.system, list);
  declare_machine(options.machine, "first hold the machine against the order, and set its firmware: / is this machine, another folder a recorded one", list);
  list.flag("create-image", options.create_image,
            "make a sparse image file of the size of the disk that is given with the order");
  declare_sector_size(options.sector_size, list);
  list.flag("erase", options.erase, "let what is on the disk go");
  list.optional("confirm", "PATH", options.confirm, "for a block device: its path, serial or WWN once more");
  list.flag("dry-run", options.dry_run, "decide everything, write nothing");
  list.flag("yes", options.yes, "do not ask before erasing");
  declare_clock(options.clock, list);
  list.json(options.json);
  list.flag("events", options.events, "tell how far it is on standard output, one JSON object a line, instead of the report");
}

Done check(const DiskApplyOptions& options) { return check_ingredients(options.ingredients); }

// Erasing is asked about once more, by name, unless --yes was said.
Done confirm_erasing(const DiskApplyOptions& options, const run::RunReport& planned, Streams& streams) {
  if (!options.erase || options.yes || planned.outcome == run::RunOutcome::NoChanges) return {};
  for (const std::string& step : planned.steps) streams.err << "would " << step << "\n";
  streams.err << "Type " << options.order.disk << " to let what is on it go: " << std::flush;
  std::string answer;
  std::getline(streams.in, answer);
  if (answer == options.order.disk) return {};
  return Error{ErrorCode::Refused, "not confirmed; nothing was written (type the disk's name, or give --yes)", {}};
}

Result<ExitCode> apply(const DiskApplyOptions& options, const Ports& ports, Streams& streams, run::Progress& progress, run::EventLines* events) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  auto work = read_work(options.order, options.order.controller, ports);
  if (!work) return work.error();
  if (Done fits = check_machine(options.machine, *work, ports, streams); !fits) return fits.error();
  const auto password = read_password(options.machine.password_file, ports, streams);
  if (!password) return password.error();
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  run::BuildRequest request;
  request.work = std::move(*work);
  auto path = path_of_disk(options.order.disk, ports.disks);
  if (!path) return path.error();
  request.disk_path = std::move(*path);
  request.confirmation.repeated = options.confirm;
  request.controller_url = options.order.controller;
  if (options.create_image) request.image = run::ImageChoice::MakeWhenMissing;
  request.image_sector_size = sector_size_of(options.sector_size);
  if (options.erase) request.existing = disk::ExistingContent::Erase;
  if (Done added = add_ingredients(options.ingredients, ports, request); !added) return added.error();
  if (Done added = add_system(options.system, ports, request); !added) return added.error();
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, *clock->clock, progress};
  // The firmware is set before the disk is written: whatever refuses the disk must be known by then.
  if (options.dry_run || (options.erase && !options.yes) || !options.machine.root.empty()) {
    auto planned = run::rehearse_order(request, *station, run_ports);
    if (!planned) return planned.error();
    const auto firmware = rehearse_firmware(options.machine, request.work, *password, options.station + "/runs/" + request.work.order.text, ports, streams);
    if (!firmware) return firmware.error();
    planned->steps.insert(planned->steps.begin(), firmware->begin(), firmware->end());
    if (options.dry_run) {
      print_report(*planned, request.work, options.json, streams);
      return ExitCode::Done;
    }
    if (Done confirmed = confirm_erasing(options, *planned, streams); !confirmed) return confirmed.error();
  }
  const auto run_folder = station->run_folder(request.work.order.text);
  if (!run_folder) return run_folder.error();
  const auto lock = run::RunLock::take({*run_folder, request.disk_path});
  if (!lock) return lock.error();
  const auto firmware = apply_firmware(options.machine, request.work, *password, *run_folder, ports, streams);
  if (!firmware) return firmware.error();
  auto report = run::apply_order(request, *station, run_ports);
  if (!report) return report.error();
  report->steps.insert(report->steps.begin(), firmware->begin(), firmware->end());
  if (events == nullptr) print_report(*report, request.work, options.json, streams);
  else events->tell({run::RunEventKind::Done, {}, {}, {}, report->outcome == run::RunOutcome::NoChanges ? "no-changes" : "changed", report->machine.text, {}});
  return ExitCode::Done;
}

Result<ExitCode> run(const DiskApplyOptions& options, const Ports& ports, Streams& streams) {
  if (!options.events) {
    StepLines progress(streams.err);
    return apply(options, ports, streams, progress, nullptr);
  }
  run::EventLines events([&streams](const std::string& line) { streams.out << line << std::flush; });
  auto ended = apply(options, ports, streams, events, &events);
  if (!ended) events.tell({run::RunEventKind::Failed, ended.error().text(), {}, {}, {}, {}, std::string(name_of(ended.error().code))});
  return ended;
}

}  // namespace

command_line::Command disk_apply_command(const Ports& ports) {
  return command_line::command<DiskApplyOptions>(
      {.noun = "disk",
       .verb = "apply",
       .summary = "turn an order into a finished disk",
       .description = "Writes the partitions and filesystems, seals the lease partition, installs settings and agent, "
                      "reads everything back, and signs the "
                      "voucher by which the controller will know the machine. A customer who declined at order time "
                      "gets a disk without any of that.\n\n"
                      "Every step stands in a journal before and after it is done. Cut anywhere, the same command "
                      "finishes it; on a finished disk it says "
                      "\"No changes.\" and writes nothing. Only a blank disk is written to, unless --erase is given; "
                      "never one that is mounted, held, or the "
                      "running system's.\n\n"
                      "With --image the system partition gets the operating system of that bundle: an archive is put into it file by "
                      "file, a raw image is written and grown; the boot partition gets what the bundle has for it, and a loader entry.",
       .examples = {"leaseback-provision disk apply home-alice.yaml --disk alice.img --create-image --station "
                    "/srv/line-1 --bundle agent.bundle "
                    "--bundle-key release.pem --authority authority.pem --controller https://fleet.example",
                    "leaseback-provision disk apply home-alice.yaml --disk /dev/sdb --confirm /dev/sdb --station "
                    "/srv/line-1 --bundle agent.bundle "
                    "--bundle-key release.pem"},
       .exits = {}},
      declare, [&ports](const DiskApplyOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace provision::cli
