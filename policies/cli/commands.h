// leaseback-policy: what the owners of terms and prices ask of their rules before they ship.
#pragma once

#include "policies/command_line/command.h"
#include "policies/terms/zone.h"
#include "policies/vocabulary/instant.h"

namespace policies::cli {
using namespace policies::vocabulary;

// What the commands need of the outside, made by main.cc; must outlive the Program.
struct Ports {
  const terms::ZoneRules& zones;
  const Clock& clock;
};

command_line::Program policy_program(const Ports& ports);

command_line::Command rules_check_command();
command_line::Command order_quote_command(const Ports& ports);
command_line::Command terms_show_command(const Ports& ports);
command_line::Command window_show_command(const Ports& ports);

// "--rules DIR", declared and meant alike in all commands.
void declare_rules(std::string& folder, command_line::OptionList& list);
// The folder given, or the rules shipped with the program.
std::string rules_folder(const std::string& given);

}  // namespace policies::cli
