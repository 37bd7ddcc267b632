// A sandbox in the hands of the test: nothing runs until the test says how it ends.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"

namespace tests::fakes {
using namespace policies::vocabulary;

class ScriptedSandbox final : public agent::sandbox::Sandbox {
 public:
  agent::sandbox::SandboxAbilities can{.available = true, .reason = "scripted"};
  std::map<AssignmentId, agent::sandbox::TaskSpec> running;
  std::set<AssignmentId> frozen;
  std::set<AssignmentId> asked_to_stop;
  std::map<std::string, std::string> checkpoints;      // by folder
  std::vector<AssignmentId> started;                   // every start, in order
  std::function<void(agent::sandbox::TaskEnd)> ended;  // told of kills, within the call, and of what finish() says
  Done next_start;                                     // what the next start answers

  [[nodiscard]] const agent::sandbox::SandboxAbilities& abilities() const override { return can; }
  Done start(const agent::sandbox::TaskSpec& spec) override {
    if (running.contains(spec.assignment)) return Error{ErrorCode::Conflict, "it runs already", {}};
    Done answer = std::exchange(next_start, Done{});
    if (!answer) return answer;
    running[spec.assignment] = spec;
    started.push_back(spec.assignment);
    return {};
  }
  void freeze(const AssignmentId& assignment) override { frozen.insert(assignment); }
  void thaw(const AssignmentId& assignment) override { frozen.erase(assignment); }
  void ask_to_stop(const AssignmentId& assignment) override { asked_to_stop.insert(assignment); }
  void ask_checkpoint(const AssignmentId&) override {}
  void kill(const AssignmentId& assignment) override {
    if (running.contains(assignment))
      finish({.assignment = assignment,
              .kind = agent::sandbox::EndKind::Killed,
              .exit_code = 137,
              .processor = Duration{5}});
  }
  Result<std::string> checkpoint(const std::string& folder) override {
    const auto found = checkpoints.find(folder);
    if (found == checkpoints.end()) return Error{ErrorCode::NotFound, "the task has not saved a checkpoint", {}};
    return found->second;
  }
  Done discard(const std::string& folder) override {
    checkpoints.erase(folder);
    return {};
  }

  void finish(const agent::sandbox::TaskEnd& end) {
    running.erase(end.assignment);
    frozen.erase(end.assignment);
    asked_to_stop.erase(end.assignment);
    if (ended) ended(end);
  }
  void finish(const AssignmentId& assignment, std::string result, Duration processor) {
    finish({.assignment = assignment,
            .kind = agent::sandbox::EndKind::Exited,
            .exit_code = 0,
            .processor = processor,
            .result = std::move(result)});
  }
};

}  // namespace tests::fakes
