#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::int64_t from = 1;
};

void declare(Options& options, command_line::OptionList& list) {
  list.optional("from", "NUMBER", options.from, {1, INT64_MAX}, "the first event");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command event_list(const Ports& ports) {
  return command_line::command<Options>(
      {"event", "list", "list what happened", "Every act of staff, machines and the controller, oldest first.", {"leaseback-fleet event list --from 100"}, {}}, declare,
      [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::array> all = desk->all("/v1/events", "events", options.from);
        if (!all) return all.error();
        if (options.desk.json) {
          print_json(streams.out, json::object{{"events", *all}});
          return command_line::ExitCode::Done;
        }
        command_line::Table table({{"EVENT", command_line::Align::Right}, {"AT"}, {"WHAT"}, {"ABOUT"}, {"BY"}, {"TEXT"}});
        for (const json::value& value : *all) {
          const json::object& event = value.as_object();
          table.row({text_in(event, "number"), text_in(event, "at"), text_in(event, "what"), short_id(event, "subject"), text_in(event, "by"), text_in(event, "text")});
        }
        streams.out << table.text(streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
