// The sandbox on bubblewrap: new user, process, mount, network, IPC and host-name namespaces, no capabilities, a system
// call filter, a read-only root of nothing but the task's elements, sized scratch space; limits by the kernel. Works as
// root and as a plain user; control groups of version 1 are used where they can be made.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "agent/sandbox/control_group.h"
#include "agent/sandbox/sandbox.h"

namespace agent::sandbox {

struct BubblewrapSettings {
  std::string bwrap = "/usr/bin/bwrap";
  std::string control_groups = "/sys/fs/cgroup";
  Bytes shared_memory = mebibytes(16);  // /dev/shm of a task
  Duration stop_grace{10'000};          // from ask_to_stop to kill
};

class BubblewrapSandbox final : public Sandbox {
 public:
  // Tries once whether a sandbox can be made; abilities() tells. `ended` is called from threads of the sandbox and must
  // not call back into it. Makes this process the reaper of its tasks' orphans.
  BubblewrapSandbox(BubblewrapSettings settings, TaskEndSink ended);
  // Kills what runs; ends are told before it returns.
  ~BubblewrapSandbox() override;
  BubblewrapSandbox(const BubblewrapSandbox&) = delete;
  BubblewrapSandbox& operator=(const BubblewrapSandbox&) = delete;

  [[nodiscard]] const SandboxAbilities& abilities() const override { return abilities_; }
  Done start(const TaskSpec& spec) override;
  void freeze(const AssignmentId& assignment) override;
  void thaw(const AssignmentId& assignment) override;
  void ask_to_stop(const AssignmentId& assignment) override;
  void ask_checkpoint(const AssignmentId& assignment) override;
  void kill(const AssignmentId& assignment) override;
  Result<std::string> checkpoint(const std::string& folder) override;
  Done discard(const std::string& folder) override;

 private:
  class Watch;
  void try_out();
  void forget_ended();
  Watch* running(const AssignmentId& assignment);

  BubblewrapSettings settings_;
  TaskEndSink ended_;
  SandboxAbilities abilities_;
  GroupAbilities groups_;
  std::uint64_t launches_ = 0;
  std::map<AssignmentId, std::unique_ptr<Watch>> tasks_;
};

}  // namespace agent::sandbox
