#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {

command_line::Command health(const Ports& ports) {
  return command_line::command<DeskOptions>(
      {"", "health", "ask the controller how it is", "Status, version, and the figures of its parts.", {"leaseback-fleet health"}, {}}, declare_desk,
      [ports](const DeskOptions& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options);
        if (!desk) return desk.error();
        Result<json::object> answer = desk->get("/v1/health");
        if (!answer) return answer.error();
        if (options.json) {
          print_json(streams.out, *answer);
          return command_line::ExitCode::Done;
        }
        command_line::Table table({{""}, {""}});
        table.row({"status", text_in(*answer, "status")});
        table.row({"version", text_in(*answer, "version")});
        if (const json::object* parts = object_in(*answer, "parts"))
          for (const auto& part : *parts) table.row({std::string(part.key()), text_in(*parts, part.key())});
        streams.out << table.text(streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
