#include <boost/json.hpp>

#include "fleet/cli/facts.h"
#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string machine;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("MACHINE", options.machine, "its id, the beginning of its id, or its serial");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command machine_show(const Ports& ports) {
  return command_line::command<Options>(
      {"machine", "show", "show all that is known of one machine",
       "State and since when, owner and agreement, last call, window, what it holds and runs, what was allocated to whom, what it earned, and its history.",
       {"leaseback-fleet machine show SN-1001", "leaseback-fleet machine show 3f9a --json"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> machine = desk->get("/v1/machines/" + escaped(options.machine));
        if (!machine) return machine.error();
        if (options.desk.json) print_json(streams.out, *machine);
        else print_machine(streams.out, *machine, streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
