// Holds the machine in front of the station against its order.
#include <ostream>

#include "policies/command_line/table.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/hardware/comparison.h"
#include "provision/hardware/sysfs_machine.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;
using hardware::Difference;
using hardware::Weight;

struct MachineCheckOptions {
  OrderOptions order;
  std::string sysroot = "/";
  bool json = false;
};

void declare(MachineCheckOptions& options, OptionList& list) {
  list.word("ORDER", options.order.order, "the order, a YAML file");
  list.optional("sysroot", "DIR", options.sysroot, "where the machine's sys/ and proc/ are: / is this machine, another folder a recorded one");
  list.optional("rules", "DIR", options.order.rules, "folder of rules (default: the rules shipped with this program)");
  list.json(options.json);
}

void print_json(const order::Work& work, const hardware::MachineFacts& facts, const std::vector<Difference>& found, bool fits, Streams& streams) {
  JsonText json(JsonLayout::Indented);
  json.object().key("order").id(work.order).key("serial").text(work.serial).key("fits").boolean(fits).key("differences").array();
  for (const Difference& difference : found) {
    json.object().key("part").text(difference.part).key("weight").text(difference.weight == Weight::Refusal ? "refusal" : "note");
    json.key("ordered").text(difference.ordered).key("found").text(difference.found).end();
  }
  json.end().key("machine");
  hardware::write_json(json, facts);
  streams.out << json.end().finished() << "\n";
}

void print_table(const order::Work& work, const std::vector<Difference>& found, bool fits, Streams& streams) {
  if (!found.empty()) {
    command_line::Table table({{""}, {"part"}, {"ordered"}, {"found"}});
    for (const Difference& difference : found)
      table.row({difference.weight == Weight::Refusal ? "refused" : "note", difference.part, difference.ordered, difference.found});
    streams.out << table.text(streams.width) << "\n";
  }
  streams.out << (fits ? "This is the machine of order " : "This is not the machine of order ") << work.order.text << ".\n";
}

Result<ExitCode> run(const MachineCheckOptions& options, const Ports& ports, Streams& streams) {
  const auto work = read_work(options.order, "", ports);
  if (!work) return work.error();
  hardware::SysfsMachine machine(ports.files, options.sysroot);
  const auto facts = machine.read();
  if (!facts) return facts.error();
  const std::vector<Difference> found = hardware::differences(*work, *facts);
  const bool fits = hardware::check_fits(*work, found).has_value();
  if (options.json)
    print_json(*work, *facts, found, fits, streams);
  else
    print_table(*work, found, fits, streams);
  return fits ? ExitCode::Done : ExitCode::Refused;
}

}  // namespace

command_line::Command machine_check_command(const Ports& ports) {
  return command_line::command<MachineCheckOptions>(
      {.noun = "machine",
       .verb = "check",
       .summary = "hold the machine in front of the station against its order",
       .description = "Reads the machine's name and serial, processor, memory, disks, network interfaces, modem, backup power, TPM and LEDs as the kernel "
                      "shows them, and names each difference from the order. A wrong, missing or smaller part refuses the machine; anything else is a "
                      "note. Writes nothing. Run it as root: the serial and the memory modules are shown to nobody else.",
       .examples = {"leaseback-provision machine check home-alice.yaml", "leaseback-provision machine check home-alice.yaml --sysroot recorded --json"},
       .exits = {{ExitCode::Refused, "it is not the machine that was ordered"}}},
      declare, [&ports](const MachineCheckOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
