// Gives a leased disk back to its owner.
#include <ostream>

#include "images/keys/key_files.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/cli/firmware_options.h"
#include "provision/cli/machine_options.h"
#include "provision/disk/living_disks.h"
#include "provision/run/release_run.h"
#include "provision/run/run_lock.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskReleaseOptions {
  std::string disk;
  MachineOptions machine;
  std::string station;
  std::string order;
  std::string controller_key;
  std::string operator_name;
  std::string key;
  std::string receipt;
  std::string confirm;
  std::string clock;
  bool in_use = false;
  bool json = false;
};

void declare(DiskReleaseOptions& options, OptionList& list) {
  list.word("DISK", options.disk, "image file or block device, or PARTUUID=UUID of a partition on it");
  list.required("station", "DIR", options.station,
                "where the journal of this release is kept; made when it is not there");
  list.optional("order", "FILE", options.order, "the controller's signed release order");
  list.optional("controller-key", "PEM", options.controller_key,
                "public key of the controller, which must have signed it");
  list.optional("operator", "NAME", options.operator_name, "without an order: who answers for it; goes on the record");
  list.optional("key", "PEM", options.key,
                "private key that signs the receipt: the machine's; without it the receipt is left unsigned");
  list.optional("receipt", "FILE", options.receipt, "write the receipt there, too");
  list.optional("confirm", "PATH", options.confirm, "for a block device: its path, serial or WWN once more");
  list.flag("in-use", options.in_use, "it is the disk that this system runs from: give the space back beside what is mounted");
  declare_machine(options.machine, "then put the firmware of the machine back to what it was: / is this machine", list);
  declare_clock(options.clock, list);
  list.json(options.json);
}

Done check(const DiskReleaseOptions& options) {
  if (options.order.empty() == options.operator_name.empty())
    return Error{ErrorCode::InvalidInput, "give either --order with --controller-key, or --operator", {}};
  if (options.order.empty() != options.controller_key.empty())
    return Error{ErrorCode::InvalidInput,
                 "--order and --controller-key go together: an order is worth nothing without the key that verifies it",
                 {}};
  return {};
}

Done read_keys(const DiskReleaseOptions& options, const Ports& ports, run::ReleaseRequest& request) {
  if (!options.order.empty()) {
    auto order = ports.files.read(options.order, mebibytes(1));
    if (!order) return order.error().within("reading " + options.order);
    request.authority.order = std::move(*order);
    auto key = images::keys::read_public_key(ports.files, options.controller_key);
    if (!key) return key.error().within("reading " + options.controller_key);
    request.authority.controller_key = std::move(*key);
  }
  request.authority.operator_name = options.operator_name;
  if (options.key.empty()) return {};
  auto key = images::keys::read_private_key(ports.files, options.key);
  if (!key) return key.error().within("reading " + options.key);
  request.key = std::move(*key);
  return {};
}

void print(const run::ReleaseReport& report, const firmware::FirmwareReport& firmware, const DiskReleaseOptions& options, Streams& streams) {
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    const char* outcome = report.nothing_to_do ? "nothing-to-do" : report.done_before ? "no-changes" : "released";
    json.object().key("outcome").text(outcome).key("disk").text(options.disk).key("machine").id(report.receipt.machine);
    json.key("freed_bytes")
        .bytes(report.receipt.freed)
        .key("key_slots_destroyed")
        .boolean(report.receipt.key_slots_destroyed);
    json.key("owner_files_before")
        .id(report.receipt.owner_files_before)
        .key("owner_files_after")
        .id(report.receipt.owner_files_after);
    json.key("steps").array();
    for (const std::string& step : report.receipt.steps) json.text(step);
    json.end().key("firmware").object().key("restored").boolean(firmware.restored);
    write_json(json, firmware);
    json.end().key("receipt").text(report.receipt_path).key("receipt_text").text(report.receipt_text).end();
    streams.out << json.finished() << "\n";
    return;
  }
  if (report.nothing_to_do) {
    streams.out << "No changes: nothing of ours is on " << options.disk << ".\n";
    return;
  }
  if (report.done_before) streams.err << "No changes: it was released before.\n";
  streams.err << "given back: " << report.receipt.freed.text() << (options.in_use ? "; the owner's files were in use, and not compared" : "; the owner's files are unchanged") << "\nreceipt "
              << report.receipt_path << "\n";
  std::string line = report.receipt_text;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  streams.out << line << "\n";
}

Result<ExitCode> run(const DiskReleaseOptions& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  run::ReleaseRequest request;
  auto path = path_of_disk(options.disk, ports.disks);
  if (!path) return path.error();
  request.disk_path = std::move(*path);
  request.confirmation.repeated = options.confirm;
  if (Done read = read_keys(options, ports, request); !read) return read.error();
  auto station = run::Station::open_bare(ports.files, options.station);
  if (!station) return station.error();
  StepLines progress(streams.err);
  disk::LivingDisks living(ports.disks, ports.processes);
  if (options.in_use) request.state = run::DiskState::InUse;
  run::RunPorts run_ports{ports.files, options.in_use ? static_cast<disk::Disks&>(living) : ports.disks, ports.processes, *clock->clock, progress};
  const auto lock = run::RunLock::take({request.disk_path});
  if (!lock) return lock.error();
  if (Done saved = save_firmware_record(options.machine, options.station, ports); !saved) return saved.error().within("saving the firmware's record");
  const auto report = run::release_disk(request, *station, run_ports);
  if (!report) return report.error();
  const firmware::FirmwareReport firmware = restore_firmware(options.machine, options.station, ports, streams);
  if (!options.receipt.empty() && !report->nothing_to_do)
    if (Done written = ports.files.replace(options.receipt, report->receipt_text, images::files::Access::Everyone);
        !written)
      return written.error();
  print(*report, firmware, options, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_release_command(const Ports& ports) {
  return command_line::command<DiskReleaseOptions>(
      {.noun = "disk",
       .verb = "release",
       .summary = "give the leased part of a disk back to its owner",
       .description = "Destroys the keys of the lease partition (this cannot be undone), deletes it, grows the owner's "
                      "partition and its ext4 over "
                      "the space, removes the agent and everything of ours, and reads it all back. Prints the receipt, "
                      "one line of JSON, with the "
                      "digests of the owner's files before and after. Cut anywhere, the same command finishes it.",
       .examples =
           {"leaseback-provision disk release alice.img --order release.dsse --controller-key controller.pem --key "
            "device.key --station work",
            "leaseback-provision disk release /dev/sdb --confirm /dev/sdb --operator 'Olga Ortiz' --station work"},
       .exits = {{ExitCode::Refused, "the order does not hold for this machine, or the disk may not be written"}}},
      declare, [&ports](const DiskReleaseOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace provision::cli
