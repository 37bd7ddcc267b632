#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

std::string roles_of(const json::object& party) {
  std::string roles;
  for (const json::value& role : list_in(party, "roles")) roles += (roles.empty() ? "" : ", ") + std::string(role.as_string());
  return roles;
}

command_line::Table table_of(const json::array& parties) {
  command_line::Table table({{"PARTY"}, {"NAME"}, {"ROLES"}, {"SINCE"}, {"LIMIT A MONTH", command_line::Align::Right}, {"KEY"}});
  for (const json::value& value : parties) {
    const json::object& party = value.as_object();
    table.row({text_in(party, "party"), text_in(party, "name"), roles_of(party), text_in(party, "since"), money_in(party, "spending_limit"), short_id(party, "key")});
  }
  return table;
}

struct ShowOptions {
  DeskOptions desk;
  std::string party;
};

}  // namespace

command_line::Command party_list(const Ports& ports) {
  return command_line::command<DeskOptions>(
      {"party", "list", "list owners, clients and staff", "One line a party.", {"leaseback-fleet party list"}, {}}, declare_desk,
      [ports](const DeskOptions& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options);
        if (!desk) return desk.error();
        Result<json::object> answer = desk->get("/v1/parties");
        if (!answer) return answer.error();
        if (options.json) print_json(streams.out, *answer);
        else streams.out << table_of(list_in(*answer, "parties")).text(streams.width);
        return command_line::ExitCode::Done;
      });
}

command_line::Command party_show(const Ports& ports) {
  return command_line::command<ShowOptions>(
      {"party", "show", "show one party", "Who it is, what it may do, and its key.", {"leaseback-fleet party show acme"}, {}},
      [](ShowOptions& options, command_line::OptionList& list) {
        list.word("PARTY", options.party, "its id, from party list");
        declare_desk(options.desk, list);
      },
      [ports](const ShowOptions& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> party = desk->get("/v1/parties/" + escaped(options.party));
        if (!party) return party.error();
        if (options.desk.json) print_json(streams.out, *party);
        else streams.out << table_of({json::value(*party)}).text(streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
