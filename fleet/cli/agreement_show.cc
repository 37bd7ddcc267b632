#include <boost/json.hpp>

#include "fleet/cli/facts.h"
#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string agreement;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("AGREEMENT", options.agreement, "its id, from agreement list");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command agreement_show(const Ports& ports) {
  return command_line::command<Options>(
      {"agreement", "show", "show one agreement in full", "Its state, term, terms in words, incentives with their value, the signed consent, the renewal, and its history.",
       {"leaseback-fleet agreement show a00000001"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> agreement = desk->get("/v1/agreements/" + escaped(options.agreement));
        if (!agreement) return agreement.error();
        if (options.desk.json) print_json(streams.out, *agreement);
        else print_agreement(streams.out, *agreement, streams.width);
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli
