#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"

namespace fleet::cli {

command_line::Command ledger_verify(const Ports& ports) {
  return command_line::command<DeskOptions>(
      {"ledger", "verify", "check the whole journal", "Recomputes every sum and every hash of the chain, and says where it was broken.", {"leaseback-fleet ledger verify"},
       {{command_line::ExitCode::Failed, "the journal does not balance or its chain is broken, or asking failed"}}},
      declare_desk, [ports](const DeskOptions& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<StaffDesk> desk = StaffDesk::open(ports, options);
        if (!desk) return desk.error();
        Result<json::object> answer = desk->get("/v1/ledger/verify");
        if (!answer) return answer.error();
        const bool sound = text_in(*answer, "balanced") == "yes" && text_in(*answer, "chain") == "intact";
        if (options.json) print_json(streams.out, *answer);
        else
          streams.out << text_in(*answer, "entries") << " entries, balanced: " << text_in(*answer, "balanced") << ", chain: " << text_in(*answer, "chain")
                      << (sound ? "" : ", first fault: " + text_in(*answer, "first_fault")) << "\n";
        return sound ? command_line::ExitCode::Done : command_line::ExitCode::Failed;
      });
}

}  // namespace fleet::cli
