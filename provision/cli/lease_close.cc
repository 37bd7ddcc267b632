// Closes the lease partition of the machine that this runs on.
#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/lease_options.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct LeaseCloseOptions {
  LeaseOptions lease;
  std::string mount;
};

void declare(LeaseCloseOptions& options, OptionList& list) {
  declare_lease(options.lease, list);
  list.optional("mount", "DIR", options.mount, "where it is mounted, to be unmounted first");
}

Result<ExitCode> run(const LeaseCloseOptions& options, const Ports& ports, Streams& streams) {
  LeaseOptions without_tpm = options.lease;
  without_tpm.tpm = "none";
  const auto desk = LeaseDesk::open(without_tpm, ports);
  if (!desk && desk.error().code == ErrorCode::NotFound) {
    // A release that was cut may have deleted it already; what is not there is not open.
    streams.err << desk.error().text() << "\n";
    return ExitCode::Done;
  }
  if (!desk) return desk.error();
  if (Done closed = lease::close_lease(options.lease.name, options.mount, desk->ports()); !closed) return closed.error().within("closing " + desk->device());
  if (options.lease.json) streams.out << JsonText().object().key("state").text("closed").key("partition").text(desk->device()).end().finished() << "\n";
  else streams.out << "closed " << desk->device() << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command lease_close_command(const Ports& ports) {
  return command_line::command<LeaseCloseOptions>(
      {.noun = "lease",
       .verb = "close",
       .summary = "close the lease partition of this machine",
       .description = "Unmounts it where --mount says and takes its mapping away: from then on the kernel holds no key of it. Closing what is not open is no error.",
       .examples = {"leaseback-provision lease close --mount /var/lib/leaseback/vault"},
       .exits = {}},
      declare, [&ports](const LeaseCloseOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
