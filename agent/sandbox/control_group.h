// Control groups of version 1, where this process may make them: they bound memory and processes of a task exactly, and
// freeze it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"

namespace agent::sandbox {

// Which controllers can be used here.
struct GroupAbilities {
  bool memory = false;
  bool pids = false;
  bool freezer = false;
};

class ControlGroup {
 public:
  // Tries what can be made below `root` ("/sys/fs/cgroup"), in this process's own groups.
  static GroupAbilities try_out(const std::string& root);
  // The name of the n-th group that this process makes. It tells which process made it, so that its leftovers are known.
  static std::string name_of(std::uint64_t number);
  // Kills what still runs in the groups of agents that are gone (kill -9), and removes those groups. One that does not go at
  // once is empty, and goes the next time.
  static void end_leftovers(const std::string& root);

  ControlGroup() = default;
  // Makes the groups of one task; those that cannot be made are left out.
  ControlGroup(const std::string& root, GroupAbilities abilities, const std::string& name, const TaskLimits& limits);
  // Removes the groups. What is still in them must have ended.
  void remove();

  // The files into which a process writes "0" to enter; open()ed by the child between fork and exec.
  [[nodiscard]] std::vector<std::string> entrances() const;
  [[nodiscard]] bool can_freeze() const { return !freezer_.empty(); }
  void freeze() const;
  void thaw() const;
  // Kills every process in the groups; a frozen one dies when thawed.
  void kill_all() const;
  [[nodiscard]] bool ran_out_of_memory() const;

 private:
  std::string memory_;
  std::string pids_;
  std::string freezer_;
};

}  // namespace agent::sandbox
