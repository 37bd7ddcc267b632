// What commands on orders do to the machine that the disk is in.
#pragma once

#include <string>

#include "policies/command_line/command.h"
#include "provision/cli/commands.h"

namespace provision::cli {

// Reads the machine below `root` and holds it against the order. Refused, naming each wrong part; notes go to `streams.err`.
Done check_machine(const std::string& root, const order::Work& work, const Ports& ports, command_line::Streams& streams);

}  // namespace provision::cli
