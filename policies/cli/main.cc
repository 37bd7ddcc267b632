#include <iostream>

#include "policies/cli/commands.h"
#include "policies/terms/iana_zone.h"

int main(int argc, char** argv) {
  const policies::terms::IanaZoneRules zones;
  const policies::vocabulary::SystemClock clock;
  const policies::cli::Ports ports{zones, clock};
  return policies::command_line::run_program(policies::cli::policy_program(ports), argc, argv, std::cout, std::cerr);
}
