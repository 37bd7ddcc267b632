// Takes the agent and its settings off this machine, once its release is done and reported.
#include <ostream>

#include "agent/contract/install_paths.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/commands.h"
#include "provision/disk/living_tree.h"
#include "provision/run/leave_run.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct MachineLeaveOptions {
  std::string root;
  bool json = false;
};

void declare(MachineLeaveOptions& options, OptionList& list) {
  list.optional("root", "DIR", options.root, "the machine's files are below this folder, for rehearsals (default: /)");
  list.json(options.json);
}

// What the system had read from the files that are gone. Failing is harmless: the next boot reads none of them.
void tell_system(const Ports& ports) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"systemctl", "--no-block", "daemon-reload"}, {"udevadm", "control", "--reload"}})
    (void)ports.processes.run(words);
}

Result<ExitCode> run(const MachineLeaveOptions& options, const Ports& ports, Streams& streams) {
  disk::LivingTree machine(options.root.empty() ? "/" : options.root);
  const auto report = run::leave_machine(machine, ports.files, options.root, std::string(agent::contract::release_folder));
  if (!report) return report.error().within("leaving the machine");
  if (report->due && options.root.empty()) tell_system(ports);
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("outcome").text(report->due ? "left" : "not-due").key("removed").array();
    for (const std::string& path : report->removed) json.text(path);
    streams.out << json.end().end().finished() << "\n";
    return ExitCode::Done;
  }
  if (!report->due) streams.out << "The lease has not ended, or its end is not reported yet: nothing was removed.\n";
  for (const std::string& path : report->removed) streams.out << "removed " << path << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command machine_leave_command(const Ports& ports) {
  return command_line::command<MachineLeaveOptions>(
      {.noun = "machine",
       .verb = "leave",
       .summary = "take the agent off this machine after its release",
       .description = "Removes the agent, its settings and everything else that provisioning installed, once the agent has reported that the lease partition was "
                      "given back; before that it does nothing. Consent and receipt stay in /var/lib/leaseback-release. Cut anywhere, the next boot removes the rest.",
       .examples = {"leaseback-provision machine leave"},
       .exits = {{ExitCode::Done, "removed, or nothing to do yet"}}},
      declare, [&ports](const MachineLeaveOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
