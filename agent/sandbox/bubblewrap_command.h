// The words with which bwrap is called for one task: what the task sees, decided without touching anything.
#pragma once

#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"

namespace agent::sandbox {

// Descriptors as the launched bwrap finds them.
inline constexpr int seccomp_descriptor = 3;
inline constexpr int status_descriptor = 4;

// Files in a task's folder, bound into the sandbox one by one.
inline constexpr const char* parameters_file = "parameters.json";
inline constexpr const char* control_file = "control";
inline constexpr const char* result_file = "result";
inline constexpr const char* checkpoint_files[2] = {"checkpoint.0", "checkpoint.1"};

// InvalidInput when a name would leave its place or the entry is no executable element.
Done check(const TaskSpec& spec);

// Precondition: check(spec).
std::vector<std::string> bubblewrap_command(const std::string& bwrap, const TaskSpec& spec, Bytes shared_memory);

// The same walls around a program of the system, to learn whether they can be built here at all.
std::vector<std::string> bubblewrap_trial(const std::string& bwrap, const std::string& program);

// No file of a task may grow beyond this.
Bytes file_size_max(const TaskLimits& limits);

}  // namespace agent::sandbox
