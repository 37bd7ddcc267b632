#include "fleet/cli/commands.h"

namespace fleet::cli {

command_line::Program fleet_program(const Ports& ports) {
  return {"leaseback-fleet",
          "find machines, read agreements, watch money: for support, finance and operations",
          {machine_list(ports), machine_show(ports), machine_give_up(ports), machine_drain(ports), machine_force_release(ports), agreement_list(ports),
           agreement_show(ports), agreement_terminate(ports), line_register(ports), voucher_import(ports), party_add(ports),
           party_list(ports), party_show(ports), ledger_statement(ports), ledger_entries(ports), ledger_explain(ports),
           ledger_export(ports),
           ledger_verify(ports), event_list(ports), health(ports)}};
}

}  // namespace fleet::cli
