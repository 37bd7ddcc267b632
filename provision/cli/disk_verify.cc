// Proves that a disk is what its order and its station say.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/factory_run.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskVerifyOptions {
  OrderOptions order;
  std::string bundle;
  std::string bundle_key;
  SystemOptions system;
  std::string station;
  bool json = false;
};

void declare(DiskVerifyOptions& options, OptionList& list) {
  declare_order(options.order, list);
  list.required("station", "DIR", options.station, "the folder of the line that built it");
  list.optional("bundle", "FILE", options.bundle, "the agent's bundle: its files are then read back by their digests");
  list.optional("bundle-key", "PEM", options.bundle_key, "public key of whoever signed the bundle");
  declare_system(options.system, list);
  list.json(options.json);
}

Done check(const DiskVerifyOptions& options) { return check_ingredients({options.bundle, options.bundle_key, {}, {}}); }

Result<ExitCode> run(const DiskVerifyOptions& options, const Ports& ports, Streams& streams) {
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  // The order's own id names its run; where its agent calls was kept there.
  auto order = read_work(options.order, options.order.controller, ports);
  if (!order) return order.error();
  run::BuildRequest request;
  const auto controller = station->controller(order->order.text);
  if (!controller) return controller.error();
  if (*controller) {
    request.controller_url = options.order.controller.empty() ? (*controller)->url : options.order.controller;
    request.authority_pem = (*controller)->authority_pem;
    request.controller_key_pem = (*controller)->controller_key_pem;
  }
  auto work = read_work(options.order, request.controller_url, ports);
  if (!work) return work.error();
  request.work = std::move(*work);
  auto path = path_of_disk(options.order.disk, ports.disks);
  if (!path) return path.error();
  request.disk_path = std::move(*path);
  if (Done added = add_system(options.system, ports, request); !added) return added.error();
  if (Done added = add_ingredients({options.bundle, options.bundle_key, {}, {}}, ports, request); !added)
    return added.error();
  StepLines progress(streams.err);
  run::RunPorts run_ports{ports.files, ports.disks, ports.processes, ports.clock, progress};
  const auto report = run::verify_order(request, *station, run_ports);
  if (!report) return report.error();
  if (options.json || !report->findings.empty())
    print_report(*report, request.work, options.json, streams);
  else
    streams.out << "As planned.\n";
  return report->findings.empty() ? ExitCode::Done : ExitCode::Failed;
}

}  // namespace

command_line::Command disk_verify_command(const Ports& ports) {
  return command_line::command<DiskVerifyOptions>(
      {.noun = "disk",
       .verb = "verify",
       .summary = "read a finished disk back and hold it against its order",
       .description = "Reads the table, every filesystem, the sealed header and its slots by the escrowed keys, every "
                      "file that was installed, the "
                      "device key and the voucher. Prints one line for whatever is not as planned. Writes nothing.",
       .examples = {"leaseback-provision disk verify home-alice.yaml --disk alice.img --station /srv/line-1 --bundle "
                    "agent.bundle --bundle-key release.pem"},
       .exits = {{ExitCode::Failed, "the disk is not as planned, or could not be read"}}},
      declare, [&ports](const DiskVerifyOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace provision::cli
