#include <boost/json.hpp>

#include "fleet/cli/facts.h"
#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string agreement;
  std::string confirm;
  std::string by = "manufacturer";
  std::string reason;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("AGREEMENT", options.agreement, "its id, from agreement list");
  list.required("confirm", "AGREEMENT", options.confirm, "the same id once more");
  list.choice("by", options.by, {"manufacturer", "owner"}, "who gave notice");
  list.required("reason", "TEXT", options.reason, "why, for the record");
  declare_desk(options.desk, list);
}

Done check(const Options& options) {
  if (options.confirm == options.agreement) return {};
  return Error{ErrorCode::InvalidInput, "--confirm must repeat the agreement, '" + options.agreement + "'", {}};
}

}  // namespace

command_line::Command agreement_terminate(const Ports& ports) {
  return command_line::command<Options>(
      {"agreement", "terminate", "give notice on an agreement", "It ends when the notice of its terms is over; then its machines are drained and released.",
       {"leaseback-fleet agreement terminate a00000001 --confirm a00000001 --by owner --reason 'moves abroad'"}, {}},
      declare,
      [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> agreement =
            desk->post("/v1/agreements/" + escaped(options.agreement) + "/terminate", {{"by", options.by}, {"reason", options.reason}});
        if (!agreement) return agreement.error();
        if (options.desk.json) print_json(streams.out, *agreement);
        else print_agreement(streams.out, *agreement, streams.width);
        return command_line::ExitCode::Done;
      },
      check);
}

}  // namespace fleet::cli
