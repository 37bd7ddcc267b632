// The daemon: one loop around an Agent with its real ports. The only place that logs.
#pragma once

#include "agent/daemon/settings.h"
#include "policies/vocabulary/instant.h"

namespace agent::daemon {

// Runs until the machine is released (then it returns) or until SIGTERM or SIGINT, which ends the process at once with
// status 0: everything that matters is on the disk already. SIGHUP makes it look at the owner's desk.
Done run_daemon(const Settings& settings);

// Takes the user's rights for good, and gives that user the folders. Precondition: no other thread runs.
Done become_user(const std::string& user, const std::vector<std::string>& folders);

}  // namespace agent::daemon
