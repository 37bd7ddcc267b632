// machine give-up, machine drain and machine force-release: what cannot be taken back wants the machine named twice.
#include <boost/json.hpp>

#include "fleet/cli/facts.h"
#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string machine;
  std::string confirm;
  std::string reason;
  bool dry_run = false;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("MACHINE", options.machine, "its id, the beginning of its id, or its serial");
  list.required("reason", "TEXT", options.reason, "why, for the record");
  list.optional("confirm", "MACHINE", options.confirm, "the same name once more; without it nothing is done");
  list.flag("dry-run", options.dry_run, "only say what would be done");
  declare_desk(options.desk, list);
}

Done check(const Options& options) {
  if (options.dry_run || options.confirm == options.machine) return {};
  return Error{ErrorCode::InvalidInput, "repeat the machine to go on: --confirm " + options.machine + " (or look first with --dry-run)", {}};
}

command_line::Command act(const Ports& ports, command_line::Explanation explanation, const std::string& verb, const std::string& consequence) {
  return command_line::command<Options>(
      std::move(explanation), declare,
      [ports, verb, consequence](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        const std::string target = "/v1/machines/" + escaped(options.machine);
        Result<json::object> machine = desk->get(target);
        if (!machine) return machine.error();
        if (options.dry_run) {
          streams.out << "Would " << verb << " machine " << text_in(*machine, "machine") << " of " << text_in(*machine, "owner") << ": " << consequence << " "
                      << text_in(*machine, "shards") << " shards and " << text_in(*machine, "running") << " assignments are there now.\n";
          return command_line::ExitCode::Done;
        }
        machine = desk->post(target + "/" + verb, {{"reason", options.reason}});
        if (!machine) return machine.error();
        if (options.desk.json) print_json(streams.out, *machine);
        else print_machine(streams.out, *machine, streams.width);
        return command_line::ExitCode::Done;
      },
      check);
}

}  // namespace

command_line::Command machine_give_up(const Ports& ports) {
  return act(ports,
             {"machine", "give-up", "hold a machine lost",
              "What it held is rebuilt on other machines, what it ran is given to others. When it calls again, what it holds is stale and is freed, and it may furnish again.",
              {"leaseback-fleet machine give-up SN-1003 --confirm SN-1003 --reason 'stolen, police report 7'"}, {}},
             "give-up", "what it holds is rebuilt elsewhere and what it runs goes to others.");
}

command_line::Command machine_force_release(const Ports& ports) {
  return act(ports,
             {"machine", "force-release", "order a machine to release before it is drained",
              "For a machine whose lease is over and which cannot be drained. What only it held is lost; your name stands in the signed order and in the machine's receipt.",
              {"leaseback-fleet machine force-release SN-1003 --confirm SN-1003 --reason 'owner moves abroad tomorrow'"}, {}},
             "force-release", "it gives its partition back at once, with all that others stored there.");
}

command_line::Command machine_drain(const Ports& ports) {
  return act(ports,
             {"machine", "drain", "move everything away from a machine",
              "It gets no new work or shards; its shards are copied to other machines and then deleted on it.",
              {"leaseback-fleet machine drain SN-1003 --confirm SN-1003 --reason 'goes to repair'"}, {}},
             "drain", "it gets nothing new, and what it holds is copied elsewhere and then deleted on it.");
}

}  // namespace fleet::cli
