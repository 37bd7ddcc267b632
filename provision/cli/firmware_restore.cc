// Puts the firmware of a machine back to what it was before us.
#include <ostream>

#include "provision/cli/firmware_options.h"
#include "provision/firmware/sysfs_firmware.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct FirmwareRestoreOptions {
  std::string record;
  std::string sysroot = "/";
  std::string password_file;
  bool json = false;
};

void declare(FirmwareRestoreOptions& options, OptionList& list) {
  list.required("record", "FILE", options.record, "what `firmware apply` or `disk apply` kept; removed when all is back");
  list.optional("sysroot", "DIR", options.sysroot, "where the machine's sys/ is");
  declare_password(options.password_file, list);
  list.json(options.json);
}

Result<ExitCode> run(const FirmwareRestoreOptions& options, const Ports& ports, Streams& streams) {
  const auto password = read_password(options.password_file, ports, streams);
  if (!password) return password.error();
  firmware::SysfsFirmware sysfs(ports.files, options.sysroot);
  const auto report = firmware::restore(*password, options.record, sysfs, ports.files);
  if (!report) return report.error();
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("restored").boolean(report->restored);
    write_json(json, *report);
    streams.out << json.end().finished() << "\n";
  } else {
    print(*report, streams.out);
    if (report->done.empty() && report->restored) streams.out << "No changes.\n";
  }
  return report->restored ? ExitCode::Done : ExitCode::PartlyDone;
}

}  // namespace

command_line::Command firmware_restore_command(const Ports& ports) {
  return command_line::command<FirmwareRestoreOptions>(
      {.noun = "firmware",
       .verb = "restore",
       .summary = "put a machine's firmware back to what it was",
       .description = "Sets each attribute of the record back to its original value and removes an administrator's password that we had set; what the "
                      "owner has changed since stays. The record goes when all is done. Cut anywhere, the same command finishes it.",
       .examples = {"leaseback-provision firmware restore --record /var/lib/leaseback/firmware.json"},
       .exits = {{ExitCode::PartlyDone, "something can only be put back after the next start of the machine"}}},
      declare, [&ports](const FirmwareRestoreOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
