// Records what a machine says of itself, so that somebody elsewhere can look at it.
#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/commands.h"
#include "provision/hardware/sysfs_machine.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;
using images::files::Access;

struct MachineRecordOptions {
  std::string into;
  std::string sysroot = "/";
  bool json = false;
};

void declare(MachineRecordOptions& options, OptionList& list) {
  list.required("into", "DIR", options.into, "folder to make; it must not be there yet, or be empty");
  list.optional("sysroot", "DIR", options.sysroot, "where the machine's sys/ and proc/ are");
  list.json(options.json);
}

Done write(const std::map<std::string, std::string>& readings, const std::string& folder, images::files::Files& files) {
  for (const auto& [path, bytes] : readings) {
    const std::string whole = folder + "/" + path;
    // Serial numbers are in it: for whoever records it, not for everybody on the station.
    if (Done made = files.make_directory(whole.substr(0, whole.rfind('/')), Access::OwnerOnly); !made) return made;
    if (path.ends_with('/')) continue;
    if (Done written = files.replace(whole, bytes, Access::OwnerOnly); !written) return written;
  }
  return {};
}

Result<ExitCode> run(const MachineRecordOptions& options, const Ports& ports, Streams& streams) {
  const auto there = ports.files.list(options.into);
  if (there && !there->empty())
    return Error{ErrorCode::AlreadyExists, "'" + options.into + "' is not empty: name a new folder, so that one record holds one machine", {}};
  hardware::SysfsMachine machine(ports.files, options.sysroot);
  if (const auto facts = machine.read(); !facts) return facts.error();
  if (Done written = write(machine.readings(), options.into, ports.files); !written) return written.error().within("recording the machine");
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("folder").text(options.into).key("readings").number(static_cast<std::int64_t>(machine.readings().size())).end();
    streams.out << json.finished() << "\n";
  } else {
    streams.out << machine.readings().size() << " readings in " << options.into << ", serial numbers among them\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command machine_record_command(const Ports& ports) {
  return command_line::command<MachineRecordOptions>(
      {.noun = "machine",
       .verb = "record",
       .summary = "record what a machine says of itself, to look at it elsewhere",
       .description = "Copies all that `machine check` reads (files of sysfs and procfs) into a folder that can be sent, and given to --sysroot anywhere. "
                      "Serial numbers and network addresses are in it.",
       .examples = {"leaseback-provision machine record --into LB-1001.record"},
       .exits = {}},
      declare, [&ports](const MachineRecordOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
