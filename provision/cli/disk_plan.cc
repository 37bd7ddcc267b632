// Shows what an order makes of a disk, before anybody does it.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/factory_run.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskPlanOptions {
  OrderOptions order;
  bool create_image = false;
  bool erase = false;
  bool json = false;
};

void declare(DiskPlanOptions& options, OptionList& list) {
  declare_order(options.order, list);
  list.flag("create-image", options.create_image, "plan for an image file that is yet to be made");
  list.flag("erase", options.erase, "plan as if what is on the disk may go");
  list.json(options.json);
}

Result<ExitCode> run(const DiskPlanOptions& options, const Ports& ports, Streams& streams) {
  auto work = read_work(options.order, options.order.controller, ports);
  if (!work) return work.error();
  run::BuildRequest request;
  request.work = std::move(*work);
  auto path = path_of_disk(options.order.disk, ports.disks);
  if (!path) return path.error();
  request.disk_path = std::move(*path);
  if (options.create_image) request.image = run::ImageChoice::MakeWhenMissing;
  if (options.erase) request.existing = disk::ExistingContent::Erase;
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, ports.clock, progress};
  const auto report = run::plan_order(request, run_ports);
  if (!report) return report.error();
  print_report(*report, request.work, options.json, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_plan_command(const Ports& ports) {
  return command_line::command<DiskPlanOptions>(
      {.noun = "disk",
       .verb = "plan",
       .summary = "show what an order makes of a disk",
       .description = "Draws the layout as a bar, explains sizes and alignment, and lists every step and every "
                      "deletion, by the code that `disk "
                      "apply` uses. Writes nothing.",
       .examples = {"leaseback-provision disk plan home-alice.yaml --disk alice.img --create-image"},
       .exits = {}},
      declare, [&ports](const DiskPlanOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
