// What the daemon says of itself in status.json, for commands and for people.
#pragma once

#include <string>

#include "agent/contract/install_paths.h"
#include "agent/daemon/agent.h"

namespace agent::daemon {

using contract::status_name;

// One JSON object, ending in a line end.
std::string status_json(const AgentReport& report, Instant now);
// From status_json; `running` tells whether a daemon is there now. Lines for people.
Result<std::string> status_for_people(std::string_view json, bool running);

}  // namespace agent::daemon
