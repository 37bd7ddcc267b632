// How the lease partition of this machine stands: its slots, its TPM, whether it is open.
#include <fmt/format.h>

#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/lease_options.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

std::string purpose_of(const lease::StatusReport& report, std::uint32_t slot) {
  for (const disk::TokenSlot& named : report.facts.token->slots)
    if (named.slot == slot) return named.purpose;
  for (const lease::Slots::Sealed& sealed : report.slots.sealed)
    if (sealed.slot == slot) return "tpm";
  return "stray";
}

void print_json(const lease::StatusReport& report, const std::string& device, Streams& streams) {
  JsonText json(JsonLayout::Indented);
  json.object().key("partition").text(device).key("luks").text(report.uuid).key("open").boolean(report.mapped).key("slots").array();
  for (const std::uint32_t slot : report.facts.slots) json.object().key("slot").number(slot).key("purpose").text(purpose_of(report, slot)).end();
  json.end().key("tpm_opens").boolean(report.tpm_opens).key("tpm_trouble").text(report.tpm_trouble);
  if (report.boot_state_measured) json.key("boot_state_measured").boolean(*report.boot_state_measured);
  json.key("filesystem").text(report.slots.filesystem ? report.slots.filesystem->uuid : "").key("facts").object();
  for (const auto& [name, value] : report.facts.token->facts) json.key(name).text(value);
  json.end().end();
  streams.out << json.finished() << "\n";
}

void print_text(const lease::StatusReport& report, const std::string& device, Streams& streams) {
  streams.out << fmt::format("{}: LUKS2 {}, {}\n", device, report.uuid, report.mapped ? "open" : "closed");
  for (const std::uint32_t slot : report.facts.slots) streams.out << fmt::format("  slot {:>2}  {}\n", slot, purpose_of(report, slot));
  streams.out << (report.tpm_opens ? "  the TPM opens it in the present boot state\n" : "  not opened by the TPM: " + report.tpm_trouble + "\n");
  if (report.boot_state_measured && !*report.boot_state_measured) streams.out << "  the firmware measures nothing into PCR 7\n";
  streams.out << (report.slots.filesystem ? fmt::format("  filesystem ext4 {}\n", report.slots.filesystem->uuid) : "  no filesystem yet\n");
}

Result<ExitCode> run(const LeaseOptions& options, const Ports& ports, Streams& streams) {
  const auto desk = LeaseDesk::open(options, ports);
  if (!desk) return desk.error();
  const auto report = lease::lease_status(options.name, desk->ports());
  if (!report) return report.error().within("reading " + desk->device());
  if (options.json) print_json(*report, desk->device(), streams);
  else print_text(*report, desk->device(), streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command lease_status_command(const Ports& ports) {
  return command_line::command<LeaseOptions>(
      {.noun = "lease",
       .verb = "status",
       .summary = "say how the lease partition of this machine stands",
       .description = "Shows its key slots and their purposes, whether the TPM opens it in the present boot state, and whether it is open. Changes nothing.",
       .examples = {"leaseback-provision lease status"},
       .exits = {}},
      declare_lease, [&ports](const LeaseOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
