// The commands of `leaseback-agent`, each in a file of its own.
#pragma once

#include <string>

#include "agent/daemon/settings.h"
#include "policies/command_line/command.h"

namespace agent::daemon {

policies::command_line::Program agent_program();

policies::command_line::Command run_command_line();
policies::command_line::Command first_boot_command();
policies::command_line::Command status_command();
policies::command_line::Command pause_command();
policies::command_line::Command resume_command();
policies::command_line::Command renewal_accept_command();
policies::command_line::Command renewal_decline_command();
policies::command_line::Command task_run_command();

// The options that say which machine is meant; the same for every command.
struct Place {
  std::string state;
  std::string settings;
};
void declare_place(Place& place, policies::command_line::OptionList& list);
// Defaults, then agent.yaml of the settings folder where there is one, then what was given.
Result<Settings> settings_at(const Place& place);

}  // namespace agent::daemon
