// One task within its limits. The port says what the engine may ask of a sandbox; BubblewrapSandbox
// (bubblewrap_sandbox.h) is the real one. What a task sees inside is agent/runtime/RUNTIME.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace agent::sandbox {
using namespace policies::vocabulary;

struct TaskLimits {
  Bytes memory = mebibytes(512);  // address space, or memory of the control group where there is one
  Bytes scratch = mebibytes(64);  // /task/scratch
  Bytes result = mebibytes(1);
  Duration processor{600'000};   // processor time, all processes together where the kernel counts them so
  Duration wall{86'400'000};     // real time from start to kill; time spent frozen counts
  std::uint32_t processes = 64;  // processes and threads
};

struct TaskElement {
  std::string name{};  // under /task/elements; no '/', not "." or ".."
  std::string path{};  // on this machine
  bool executable = false;
};

struct TaskSpec {
  AssignmentId assignment{};
  // Private to the task and kept from one start to the next: the sandbox keeps the checkpoint slots here. On this
  // machine.
  std::string folder{};
  std::vector<TaskElement> elements{};
  std::string entry{};  // name of the element to run
  std::vector<std::string> arguments{};
  std::string parameters_json{};
  TaskLimits limits{};
};

enum class EndKind {
  Exited,      // exit_code says how; 0 and a result within its limit: the result is there
  Unfinished,  // exit status 75, or ended after ask_to_stop without status 0: start it again from its checkpoint
  OverLimit,   // memory, processor time, wall time, file size or result size; reason says which
  Killed,      // by kill()
  NotStarted,  // the sandbox could not be made; reason says why
};

struct TaskEnd {
  AssignmentId assignment{};
  EndKind kind = EndKind::NotStarted;
  int exit_code = 0;      // 128 + signal when a signal ended it
  Duration processor{0};  // user and system time of all its processes in this start, from the kernel
  std::string result{};   // at most limits.result
  std::string reason{};   // for people; holds the task's last words on standard error, at most 4 KiB
};

struct SandboxAbilities {
  bool available = false;  // false: no task may run here
  std::string reason{};    // why not; or what bounds memory and processes
};

// Runs tasks beside each other. Calls return at once; each started task ends with exactly one TaskEnd, told to whoever
// owns the sandbox (an implementation says how). All calls come from one thread, the one that lives longest: a task
// dies with it.
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  [[nodiscard]] virtual const SandboxAbilities& abilities() const = 0;

  // Conflict when the assignment already runs; InvalidInput for a spec that breaks its own rules. After an error no end
  // follows.
  virtual Done start(const TaskSpec& spec) = 0;
  // No processor time at all until thaw(). Freezing twice, or what does not run, is no error.
  virtual void freeze(const AssignmentId& assignment) = 0;
  virtual void thaw(const AssignmentId& assignment) = 0;
  // Thaws it, asks for a checkpoint and an end, and kills it when it has not ended after the grace of 10 s.
  virtual void ask_to_stop(const AssignmentId& assignment) = 0;
  // Asks for a checkpoint; the task runs on.
  virtual void ask_checkpoint(const AssignmentId& assignment) = 0;
  virtual void kill(const AssignmentId& assignment) = 0;
  // The newest whole checkpoint in a task's folder, running or not. NotFound when there is none.
  virtual Result<std::string> checkpoint(const std::string& folder) = 0;
  // Deletes a task's folder with all that is in it. What is not there is no error. Never while the task runs.
  virtual Done discard(const std::string& folder) = 0;
};

// Where a sandbox tells ends; may be called from any thread.
using TaskEndSink = std::function<void(TaskEnd)>;

}  // namespace agent::sandbox
