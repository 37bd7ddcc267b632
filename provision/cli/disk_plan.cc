// Shows what an order makes of a disk, before anybody does it.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/cli/layout_picture.h"
#include "provision/run/factory_run.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskPlanOptions {
  OrderOptions order;
  SystemOptions system;
  std::string sector_size;
  std::string picture;
  bool create_image = false;
  bool erase = false;
  bool json = false;
};

void declare(DiskPlanOptions& options, OptionList& list) {
  declare_order(options.order, list);
  declare_system(options.system, list);
  list.flag("create-image", options.create_image, "plan for an image file that is yet to be made");
  declare_sector_size(options.sector_size, list);
  list.optional("picture", "FILE", options.picture, "draw the layout into this file too, as SVG");
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
  request.image_sector_size = sector_size_of(options.sector_size);
  if (Done added = add_system(options.system, ports, request); !added) return added.error();
  if (options.erase) request.existing = disk::ExistingContent::Erase;
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, ports.clock, progress};
  const auto report = run::plan_order(request, run_ports);
  if (!report) return report.error();
  if (!options.picture.empty()) {
    Done drawn = ports.files.replace(options.picture, layout_picture(report->plan, report->deletions), images::files::Access::Everyone);
    if (!drawn) return drawn.error().within("drawing the layout");
  }
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
       .examples = {"leaseback-provision disk plan home-alice.yaml --disk alice.img --create-image",
                    "leaseback-provision disk plan home-alice.yaml --disk serial:S4EVNX0 --picture alice.svg"},
       .exits = {}},
      declare, [&ports](const DiskPlanOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
