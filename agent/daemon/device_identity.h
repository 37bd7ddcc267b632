// Who this machine is, from the files that provisioning left on it.
#pragma once

#include <string>

#include "agent/daemon/agent.h"
#include "images/files/files.h"

namespace agent::daemon {

// Reads device.key and voucher.json in `state_folder`, terms.json and authority.pem in `settings_folder`. Refused when
// they do not belong together: the voucher names another key or other terms.
Result<Identity> read_identity(images::files::Files& files, const std::string& state_folder,
                               const std::string& settings_folder);

// Processors, clock rate, memory and operating system, as the kernel tells them; `clock_mhz` of the voucher wins where
// it is set.
MachineFacts read_machine_facts(images::files::Files& files, std::uint32_t clock_mhz);

}  // namespace agent::daemon
