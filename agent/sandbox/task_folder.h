// The files of one task on this machine, between its starts.
#pragma once

#include <string>
#include <string_view>

#include "agent/sandbox/sandbox.h"

namespace agent::sandbox {

// Writes parameters and control, empties the result, makes the checkpoint slots that are not there; makes the
// executable elements executable.
Done prepare_folder(const TaskSpec& spec);
// Writes the control byte in place: the task has this very file bound.
void set_control(const std::string& folder, char byte);
// LimitExceeded when it is larger than `limit`.
Result<std::string> read_result(const std::string& folder, Bytes limit);
// The newest slot whose checksum holds (agent/runtime/RUNTIME.md). NotFound when there is none.
Result<std::string> newest_checkpoint(const std::string& folder);
Done discard_folder(const std::string& folder);

}  // namespace agent::sandbox
