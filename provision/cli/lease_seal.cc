// Seals a slot of the lease partition to the machine's TPM as it has booted now.
#include <fmt/format.h>

#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/lease_options.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct LeaseSealOptions {
  LeaseOptions lease;
  bool key_stdin = false;
};

void declare(LeaseSealOptions& options, OptionList& list) {
  declare_lease(options.lease, list);
  declare_key(options.key_stdin, list);
}

void print(const lease::SealReport& report, const LeaseSealOptions& options, Streams& streams) {
  if (options.lease.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("slot").number(report.slot).key("retired_slots").array();
    for (const std::uint32_t slot : report.retired.slots) json.number(slot);
    json.end().key("notes").array();
    for (const std::string& note : report.notes) json.text(note);
    json.end().end();
    streams.out << json.finished() << "\n";
    return;
  }
  for (const std::string& note : report.notes) streams.err << note << "\n";
  streams.out << fmt::format("slot {} is sealed to the TPM and was seen to open; {} older slots were taken away\n", report.slot, report.retired.slots.size());
}

Result<ExitCode> run(const LeaseSealOptions& options, const Ports& ports, Streams& streams) {
  const auto key = key_from(options.key_stdin, streams);
  if (!key) return key.error();
  const auto desk = LeaseDesk::open(options.lease, ports);
  if (!desk) return desk.error();
  const auto report = lease::seal_lease(*key, desk->ports());
  if (!report) return report.error().within("sealing " + desk->device());
  print(*report, options, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command lease_seal_command(const Ports& ports) {
  return command_line::command<LeaseSealOptions>(
      {.noun = "lease",
       .verb = "seal",
       .summary = "seal the lease partition to this machine's TPM",
       .description = "Makes a slot whose random key the TPM gives out only in the boot state of now (PCR 7), sees that it opens, and takes older TPM slots "
                      "away. The slots of the controller and for recovery stay. Needs the controller's or the recovery key on standard input, or a TPM slot "
                      "that still opens.",
       .examples = {"leaseback-provision lease seal", "leaseback-provision lease seal /dev/nvme0n1p4 --key-stdin < key.hex"},
       .exits = {{ExitCode::Refused, "no key was given and the TPM does not give its own, or the given one does not fit"}}},
      declare, [&ports](const LeaseSealOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
