// Sets the firmware of a machine as its order wants.
#include <ostream>

#include "provision/cli/build_options.h"
#include "provision/cli/firmware_options.h"
#include "provision/firmware/sysfs_firmware.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct FirmwareApplyOptions {
  OrderOptions order;
  std::string record;
  std::string sysroot = "/";
  std::string password_file;
  bool json = false;
};

void declare(FirmwareApplyOptions& options, OptionList& list) {
  list.word("ORDER", options.order.order, "the order, a YAML file");
  list.required("record", "FILE", options.record, "where the values that were there are kept, so that `firmware restore` can put them back");
  list.optional("sysroot", "DIR", options.sysroot, "where the machine's sys/ is");
  declare_password(options.password_file, list);
  list.optional("rules", "DIR", options.order.rules, "folder of rules (default: the rules shipped with this program)");
  list.json(options.json);
}

Result<ExitCode> run(const FirmwareApplyOptions& options, const Ports& ports, Streams& streams) {
  const auto work = read_work(options.order, "", ports);
  if (!work) return work.error();
  const auto password = read_password(options.password_file, ports, streams);
  if (!password) return password.error();
  firmware::SysfsFirmware sysfs(ports.files, options.sysroot);
  const auto report = firmware::apply(work->firmware, *password, options.record, sysfs, ports.files);
  if (!report) return report.error();
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("order").id(work->order);
    write_json(json, *report);
    streams.out << json.end().finished() << "\n";
  } else {
    print(*report, streams.out);
    if (report->done.empty()) streams.out << "No changes.\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command firmware_apply_command(const Ports& ports) {
  return command_line::command<FirmwareApplyOptions>(
      {.noun = "firmware",
       .verb = "apply",
       .summary = "set a machine's firmware as its order wants",
       .description = "Sets remote wake, power on after power loss and the administrator's lock through the kernel's firmware-attributes class, by the "
                      "model's wishes; for an order that declined, remote wake and lock are switched off. What was there is kept in the record first. "
                      "Where the firmware has an administrator's password, it is needed; where the lock is wished and none is set, the one given is "
                      "set. Cut anywhere, the same command finishes it.",
       .examples = {"leaseback-provision firmware apply home-alice.yaml --record firmware.json",
                    "leaseback-provision firmware apply business-grace.yaml --record firmware.json --password-file admin.pass"},
       .exits = {}},
      declare, [&ports](const FirmwareApplyOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
