// Starting one bwrap with its limits. The only place where the agent forks for a task.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"

namespace agent::sandbox {

struct LaunchSettings {
  std::vector<std::string> words;  // bwrap and its arguments
  std::vector<std::string> group_entrances;
  TaskLimits limits;
  Bytes file_size;
  bool bound_address_space = true;      // false: a control group bounds memory
  std::uint32_t processes_of_user = 0;  // RLIMIT_NPROC; 0: not set, something else counts them
  int seccomp_file = -1;
};

// A bwrap under way. The descriptors are the caller's to close.
struct Launched {
  pid_t process = -1;
  int process_descriptor = -1;  // readable when it has ended
  int standard_error = -1;      // what bwrap and the task say
  int status = -1;              // bwrap's JSON lines
};

// It dies with the thread that calls this. Unavailable when no process can be made.
Result<Launched> launch(const LaunchSettings& settings);

// Ours from now on: orphans of tasks are given to this process, not to the first of the system.
void adopt_orphans();

}  // namespace agent::sandbox
