// A thread beside each launched bwrap: hears what it says, ends it at its limits, and tells how it ended and what it
// cost.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/sandbox/control_group.h"
#include "agent/sandbox/launch.h"
#include "agent/sandbox/sandbox.h"

namespace agent::sandbox {

class TaskWatch {
 public:
  // Owns `launched` and `group` from here on. Tells `ended` once, from its own thread.
  TaskWatch(const TaskSpec& spec, const Launched& launched, ControlGroup group, Duration stop_grace,
            const TaskEndSink& ended);
  // Waits for the end: kill first.
  ~TaskWatch();
  TaskWatch(const TaskWatch&) = delete;
  TaskWatch& operator=(const TaskWatch&) = delete;

  [[nodiscard]] bool has_ended() const { return ended_; }
  void freeze();
  void thaw();
  void stop_by_grace();  // the task was asked to end: kill it after the grace
  void kill();

 private:
  using Steady = std::chrono::steady_clock;
  enum class Cause { None, Killed, Wall, Grace };

  void run();
  void listen_until_ended();
  void end_now(Cause cause);
  // What was counted by the kernel for both processes of bwrap and all below them.
  Duration collect(int& wait_status);
  TaskEnd verdict(int wait_status, Duration processor);
  void signal_tree(int signal);
  [[nodiscard]] int wait_ms();

  TaskSpec spec_;
  Launched launched_;
  ControlGroup group_;
  Duration stop_grace_;
  TaskEndSink sink_;
  int wake_ = -1;
  std::string words_;   // of standard error, at most 4 KiB
  std::string status_;  // bwrap's JSON lines
  std::mutex mutex_;    // guards what follows
  Cause cause_ = Cause::None;
  bool asked_to_stop_ = false;
  bool frozen_ = false;
  std::optional<Steady::time_point> grace_end_;
  Steady::time_point wall_end_;
  pid_t first_inside_ = 0;  // bwrap's process 1 of the sandbox, as seen from here
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

struct TrialEnd {
  int exit_code = -1;
  std::string words;
};
// Waits for a launched trial, kills it after `limit`, closes its descriptors.
TrialEnd wait_for_trial(const Launched& launched, Duration limit);

}  // namespace agent::sandbox
