#include <ostream>

#include "agent/daemon/commands.h"
#include "agent/daemon/run_daemon.h"

namespace agent::daemon {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct RunOptions {
  Place place;
  std::string vault;
  std::string controller;
  std::string clock;
  std::string answers;
  bool print_settings = false;
};

void declare(RunOptions& options, OptionList& list) {
  declare_place(options.place, list);
  list.optional("vault", "DIR", options.vault, "where shards are kept (default: as agent.yaml says)");
  list.optional("controller", "URL", options.controller, "https://HOST:PORT (default: as agent.yaml says)");
  list.optional("clock", "FILE", options.clock, "a stepped clock, for rehearsals");
  list.optional("answers", "FILE", options.answers,
                "the owner's answers, for rehearsals: YAML with terms, renewal, name");
  list.flag("print-settings", options.print_settings, "print the settings in force and end");
}

Result<ExitCode> run(const RunOptions& options, Streams& streams) {
  Result<Settings> settings = settings_at(options.place);
  if (!settings) return std::move(settings).error();
  const auto given = [](const std::string& option, std::string& field) {
    if (!option.empty()) field = option;
  };
  given(options.vault, settings->vault_folder);
  given(options.controller, settings->controller);
  given(options.clock, settings->clock_file);
  given(options.answers, settings->answers_file);
  if (options.print_settings) {
    streams.out << text_of(*settings);
    return ExitCode::Done;
  }
  Done checked = check(*settings);
  if (checked) checked = run_daemon(*settings);
  if (!checked) return checked.error();
  return ExitCode::Done;
}

}  // namespace

policies::command_line::Command run_command_line() {
  return policies::command_line::command<RunOptions>(
      {.noun = "",
       .verb = "run",
       .summary = "be the agent of this machine",
       .description = "Waits for the owner's answer to the terms. When they accept, enrols the machine, runs leased "
                      "work in the agreed hours and keeps "
                      "shards for others, until the lease ends and the disk is given back; then it ends. When they "
                      "decline, gives the disk back at once. "
                      "Without an answer nothing is used.",
       .examples = {"leaseback-agent run",
                    "leaseback-agent run --state pc-1/state --settings pc-1/settings --vault pc-1/vault --controller "
                    "https://localhost:8443"},
       .exits = {{ExitCode::Done, "released, or stopped by SIGTERM; start it again to go on"}}},
      declare, run);
}

}  // namespace agent::daemon
