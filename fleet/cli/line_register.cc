#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string line;
  std::string name;
  std::string key;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("LINE", options.line, "a short id, e.g. line-1");
  list.optional("name", "TEXT", options.name, "for people; the id when left out");
  list.required("key", "FILE", options.key, "the line's public key (PEM)");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command line_register(const Ports& ports) {
  return command_line::command<Options>(
      {"line", "register", "believe the vouchers of a factory line", "From now on vouchers signed by this key may be imported, and their machines enrol.",
       {"leaseback-fleet line register line-1 --key station/line.pub"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<std::string> pem = ports.files.read(options.key, kibibytes(64));
        if (!pem) return pem.error().within("reading " + options.key);
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> line = desk->post("/v1/lines", {{"line", options.line}, {"name", options.name.empty() ? options.line : options.name}, {"public_key_pem", *pem}});
        if (!line) return line.error();
        if (options.desk.json) print_json(streams.out, *line);
        else streams.out << "Line " << text_in(*line, "line") << " is registered; its key is " << text_in(*line, "key") << "\n";
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
