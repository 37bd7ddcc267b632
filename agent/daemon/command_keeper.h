// Runs the programs that need rights which the daemon gives up: a process made before that keeps the rights, and does nothing but run
// one of the commands that it was made with when it is asked. The daemon can choose among them, and hand one a secret on its
// standard input; it cannot name another program or argument.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "policies/vocabulary/result.h"

namespace agent::daemon {
using namespace policies::vocabulary;

struct CommandOutput {
  int status = -1;   // exit status, or 128 + signal
  std::string text;  // standard output, at most 1 MiB
};
// Runs `words` to its end with `input` (at most 4 KiB) on its standard input; standard error is ours. Unavailable when it cannot be
// started.
Result<CommandOutput> run_command(const std::vector<std::string>& words, std::string_view input = {});

std::string replaced(std::string word, const std::string& what, const std::string& by);

class CommandKeeper {
 public:
  CommandKeeper() = default;
  CommandKeeper(const CommandKeeper&) = delete;
  CommandKeeper& operator=(const CommandKeeper&) = delete;
  ~CommandKeeper();  // the keeper ends when what it runs has ended

  // The number by which run() names it. Call before keep_rights().
  std::size_t add(std::vector<std::string> words);
  // Makes the process. Call it before threads and before rights are given up; without it, run() runs commands with our own rights.
  Done keep_rights();

  // May be called by several threads: one command runs at a time.
  Result<CommandOutput> run(std::size_t command, std::string_view input = {});

 private:
  std::vector<std::vector<std::string>> commands_;
  int keeper_ = -1;
  std::mutex one_at_a_time_;
};

}  // namespace agent::daemon
