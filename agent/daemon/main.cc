#include <iostream>

#include "agent/daemon/commands.h"

int main(int argc, char** argv) {
  return policies::command_line::run_program(agent::daemon::agent_program(), argc, argv, std::cout, std::cerr);
}
