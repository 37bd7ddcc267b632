// The commands of leaseback-fleet, each in its own source; one function per command. They speak to the controller by API.md only.
#pragma once

#include <functional>
#include <memory>

#include "agent/link/http.h"
#include "images/files/files.h"
#include "policies/command_line/command.h"

namespace fleet::cli {
using namespace policies::vocabulary;
namespace command_line = policies::command_line;

// What main lends; everything outlives the commands.
struct Ports {
  images::files::Files& files;
  const Clock& clock;  // the real one
  std::function<Result<std::unique_ptr<Clock>>(const std::string& path)> open_clock;  // for --clock
  // Connects to the controller that a home names.
  std::function<Result<std::unique_ptr<agent::link::HttpExchange>>(agent::link::HttpsClientSettings, const Clock&)> connect;
};

command_line::Command machine_list(const Ports& ports);
command_line::Command machine_show(const Ports& ports);
command_line::Command machine_give_up(const Ports& ports);
command_line::Command machine_drain(const Ports& ports);
command_line::Command machine_force_release(const Ports& ports);
command_line::Command agreement_list(const Ports& ports);
command_line::Command agreement_show(const Ports& ports);
command_line::Command agreement_terminate(const Ports& ports);
command_line::Command line_register(const Ports& ports);
command_line::Command voucher_import(const Ports& ports);
command_line::Command party_add(const Ports& ports);
command_line::Command party_list(const Ports& ports);
command_line::Command party_show(const Ports& ports);
command_line::Command ledger_statement(const Ports& ports);
command_line::Command ledger_entries(const Ports& ports);
command_line::Command ledger_explain(const Ports& ports);
command_line::Command ledger_export(const Ports& ports);
command_line::Command ledger_verify(const Ports& ports);
command_line::Command event_list(const Ports& ports);
command_line::Command health(const Ports& ports);

command_line::Program fleet_program(const Ports& ports);

}  // namespace fleet::cli
