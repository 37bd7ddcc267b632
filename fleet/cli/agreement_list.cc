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
  list.optional("state", "STATE", options.state, "only agreements in this state, e.g. active");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command agreement_list(const Ports& ports) {
  return command_line::command<Options>(
      {"agreement", "list", "list the agreements", "One line an agreement: owner, state, terms, offer, and its term.", {"leaseback-fleet agreement list --state active"}, {}}, declare,
      [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> answer = desk->get("/v1/agreements");
        if (!answer) return answer.error();
        json::array chosen;
        for (const json::value& agreement : list_in(*answer, "agreements"))
          if (options.state.empty() || text_in(agreement.as_object(), "state") == options.state) chosen.push_back(agreement);
        if (options.desk.json) {
          print_json(streams.out, json::object{{"agreements", chosen}});
          return command_line::ExitCode::Done;
        }
        command_line::Table table({{"AGREEMENT"}, {"OWNER"}, {"STATE"}, {"MACHINE"}, {"TERMS"}, {"OFFER"}, {"STARTS"}, {"ENDS"}});
        for (const json::value& value : chosen) {
          const json::object& agreement = value.as_object();
          table.row({text_in(agreement, "agreement"), text_in(agreement, "owner"), text_in(agreement, "state"), short_id(agreement, "machine"),
                     text_in(agreement, "terms"), text_in(agreement, "offer"), text_in(agreement, "starts_at"), text_in(agreement, "ends_at")});
        }
        streams.out << table.text(streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
