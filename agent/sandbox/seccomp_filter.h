// The system calls that a task has no business with, as a filter for the kernel.
#pragma once

#include "policies/vocabulary/result.h"

namespace agent::sandbox {
using namespace policies::vocabulary;

enum class NewProcesses {
  Allowed,  // their number is bounded by the kernel in another way
  Refused,  // nothing counts them here, so a task stays one process with one thread
};

// A new anonymous file that holds the filter, at its beginning. The kernel's reader moves on in it: one launch, one
// file. The caller closes the descriptor. Calls outside a task's life (sockets, mounts, namespaces, tracing, keys,
// modules, clocks, ...) give EPERM; a foreign architecture kills.
Result<int> seccomp_filter_file(NewProcesses processes);

}  // namespace agent::sandbox
