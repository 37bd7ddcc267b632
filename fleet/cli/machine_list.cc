#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string state;
};

void declare(Options& options, command_line::OptionList& list) {
  list.optional("state", "STATE", options.state, "only machines in this state, e.g. leased");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command machine_list(const Ports& ports) {
  return command_line::command<Options>(
      {"machine", "list", "list the machines of the fleet", "One line a machine: its state, who owns it, when it last called, what it holds and runs, what it earned.",
       {"leaseback-fleet machine list", "leaseback-fleet machine list --state leased --json"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> answer = desk->get("/v1/machines");
        if (!answer) return answer.error();
        json::array chosen;
        for (const json::value& machine : list_in(*answer, "machines"))
          if (options.state.empty() || text_in(machine.as_object(), "state") == options.state) chosen.push_back(machine);
        if (options.desk.json) {
          print_json(streams.out, json::object{{"machines", chosen}});
          return command_line::ExitCode::Done;
        }
        command_line::Table table({{"MACHINE"}, {"SERIAL"}, {"OWNER"}, {"STATE"}, {"ONLINE"}, {"LAST SEEN"}, {"WINDOW"}, {"LEASE", command_line::Align::Right},
                                   {"SHARDS", command_line::Align::Right}, {"RUNS", command_line::Align::Right}, {"EARNED", command_line::Align::Right}});
        for (const json::value& value : chosen) {
          const json::object& machine = value.as_object();
          std::string state = text_in(machine, "state");
          if (machine.contains("given_up_at")) state += " (given up)";
          if (text_in(machine, "draining") == "yes" && state == "leased") state += " (draining)";
          table.row({short_id(machine, "machine"), text_in(machine, "serial"), text_in(machine, "owner"), state, text_in(machine, "online"),
                     text_in(machine, "last_seen"), text_in(machine, "window"), bytes_in(machine, "lease_bytes"), text_in(machine, "shards"),
                     text_in(machine, "running"), money_in(machine, "earned")});
        }
        streams.out << table.text(streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
