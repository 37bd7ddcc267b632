// Where threads leave what happened for the one loop that acts on it. The only place of the daemon that waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <variant>

#include "agent/daemon/events.h"

namespace agent::daemon {

struct Nudge {};      // look again: the owner said something
struct Terminate {};  // stop at once
using Mail = std::variant<Event, Nudge, Terminate>;

class Mailbox {
 public:
  Mailbox();
  void post(Mail mail);
  // All that is there; waits for something at most this long. Empty when nothing came.
  std::deque<Mail> take(Duration at_most);
  // Real time since the mailbox was made; only goes on.
  [[nodiscard]] Duration running() const;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Mail> mails_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace agent::daemon
