// Opens the lease partition of the machine that this runs on.
#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/lease_options.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct LeaseOpenOptions {
  LeaseOptions lease;
  std::string mount;
  std::string owner = "root";
  bool visible = false;
  bool dry_run = false;
  bool key_stdin = false;
};

void declare(LeaseOpenOptions& options, OptionList& list) {
  declare_lease(options.lease, list);
  list.optional("mount", "DIR", options.mount, "mount its filesystem there, made when it never had one");
  list.optional("owner", "USER", options.owner, "whose the mounted folder is, by name or number");
  list.flag("visible", options.visible, "mount it even where the whole machine sees it");
  list.flag("dry-run", options.dry_run, "say which key opens it, and change nothing");
  declare_key(options.key_stdin, list);
}

Done check(const LeaseOpenOptions& options) {
  if (options.mount.empty() || options.mount.starts_with('/')) return {};
  return Error{ErrorCode::InvalidInput, "--mount wants an absolute path, not '" + options.mount + "'", {}};
}

void print(const lease::OpenReport& report, const LeaseOpenOptions& options, const std::string& device, Streams& streams) {
  const char* state = !report.opened ? "key-needed" : options.dry_run ? "would-open" : "open";
  if (options.lease.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("state").text(state).key("partition").text(device);
    if (report.opened) json.key("by").text(name_of(report.means));
    if (report.opened && report.means != lease::Means::Mapped) json.key("slot").number(report.slot);
    json.key("sealed").boolean(report.sealed).key("made_filesystem").boolean(report.made_filesystem);
    json.key("mounted").text(report.mounted ? options.mount : "").key("capacity_bytes").bytes(report.capacity).key("reason").text(report.reason).key("notes").array();
    for (const std::string& note : report.notes) json.text(note);
    json.end().end();
    streams.out << json.finished() << "\n";
    return;
  }
  for (const std::string& note : report.notes) streams.err << note << "\n";
  if (!report.opened) {
    streams.err << report.reason << "\n";
    streams.out << state << "\n";
    return;
  }
  streams.out << state << " " << device << " by " << name_of(report.means);
  if (report.means != lease::Means::Mapped) streams.out << ", slot " << report.slot;
  if (report.sealed) streams.out << "; sealed to the TPM";
  if (report.made_filesystem) streams.out << "; filesystem made";
  if (report.mounted) streams.out << "; at " << options.mount;
  streams.out << "\n";
}

Result<ExitCode> run(const LeaseOpenOptions& options, const Ports& ports, Streams& streams) {
  lease::OpenRequest request;
  request.depth = options.dry_run ? lease::Depth::TryKeys : options.mount.empty() ? lease::Depth::Map : lease::Depth::Mount;
  request.mapping = options.lease.name;
  request.target = options.mount;
  request.visible = options.visible;
  auto owner = lease::owner_named(options.owner);
  if (!owner) return owner.error();
  request.owner = *owner;
  auto key = key_from(options.key_stdin, streams);
  if (!key) return key.error();
  request.given = *std::move(key);
  const auto desk = LeaseDesk::open(options.lease, ports);
  if (!desk) return desk.error();
  const auto report = lease::open_lease(request, desk->ports());
  if (!report) return report.error().within("opening " + desk->device());
  print(*report, options, desk->device(), streams);
  return report->opened ? ExitCode::Done : ExitCode::Refused;
}

}  // namespace

command_line::Command lease_open_command(const Ports& ports) {
  return command_line::command<LeaseOpenOptions>(
      {.noun = "lease",
       .verb = "open",
       .summary = "open the lease partition of this machine",
       .description = "Opens it with the slot that the TPM sealed for the present boot state. When there is none, or the TPM refuses (a firmware "
                      "update changed the boot state), it ends with 'key-needed': the same call with the key that the controller holds on standard "
                      "input opens it, and seals a new slot to the TPM; the old one goes only when the new one was seen to open. With --mount its "
                      "filesystem is made at the very first time, and mounted with nodev, nosuid and noexec. Cut anywhere, the same call goes on.",
       .examples = {"leaseback-provision lease open --mount /var/lib/leaseback/vault --owner leaseback",
                    "leaseback-provision lease open PARTUUID=5c1e0000-0000-4000-8000-000000000000 --key-stdin --dry-run < key.hex"},
       .exits = {{ExitCode::Refused, "a key is needed ('key-needed' on standard output), or the given one does not fit"}}},
      declare, [&ports](const LeaseOpenOptions& options, Streams& streams) { return run(options, ports, streams); }, check);
}

}  // namespace provision::cli
