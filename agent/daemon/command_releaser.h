// Gives the disk back by running the configured program, `leaseback-provision disk release` where provisioning set it
// up. The program is short-lived and may need rights that the daemon has given up: then a keeper, made before that,
// runs it.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/daemon/mailbox.h"
#include "agent/daemon/ports.h"
#include "images/files/files.h"

namespace agent::daemon {

struct CommandOutput {
  int status = -1;   // exit status, or 128 + signal
  std::string text;  // standard output, at most 1 MiB
};
// Runs `words` to its end; standard input is empty, standard error is ours. Unavailable when it cannot be started.
Result<CommandOutput> run_command(const std::vector<std::string>& words);

// The receipt that a release printed: a JSON payload (contract::Receipt) or its DSSE envelope on a line of its own, or
// as the whole. Corrupt when there is none.
Result<contract::Receipt> receipt_in(const std::string& output);

class CommandReleaser final : public Releaser {
 public:
  // In `command`, {order} is replaced by the path of the release order and {machine} by the machine's id. `mailbox` and
  // `files` must outlive it.
  CommandReleaser(images::files::Files& files, Mailbox& mailbox, std::string state_folder, const MachineId& machine,
                  std::vector<std::string> command);
  ~CommandReleaser() override;

  // Makes a process that keeps the present rights and does nothing but run the command when asked. Call it before
  // threads and before rights are given up.
  Done keep_rights();

  void begin_release(const std::string& order) override;

 private:
  Result<CommandOutput> run();
  images::files::Files* files_;
  Mailbox* mailbox_;
  std::string order_path_;
  std::vector<std::string> command_;
  int keeper_ = -1;
  std::thread thread_;
};

}  // namespace agent::daemon
