// Gives the disk back by running the configured program, `leaseback-provision disk release` where provisioning set it
// up. The program is short-lived and may need rights that the daemon has given up: the keeper of rights runs it.
#pragma once

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/daemon/command_keeper.h"
#include "agent/daemon/mailbox.h"
#include "agent/daemon/ports.h"
#include "images/files/files.h"

namespace agent::daemon {

// The receipt that a release printed: a JSON payload (contract::Receipt) or its DSSE envelope on a line of its own, or
// as the whole. Corrupt when there is none.
Result<contract::Receipt> receipt_in(const std::string& output);

class CommandReleaser final : public Releaser {
 public:
  // In `command`, {order} is replaced by the path of the release order and {machine} by the machine's id. `mailbox`, `files` and
  // `keeper` must outlive it; make it before the keeper keeps rights. `close_first` is a command of the keeper that must end well
  // before each release: it closes the lease partition.
  CommandReleaser(images::files::Files& files, Mailbox& mailbox, CommandKeeper& keeper, std::string state_folder,
                  const MachineId& machine, const std::vector<std::string>& command, std::optional<std::size_t> close_first = std::nullopt);
  ~CommandReleaser() override;

  void begin_release(const std::string& order) override;

 private:
  images::files::Files* files_;
  Mailbox* mailbox_;
  CommandKeeper* keeper_;
  std::string order_path_;
  std::string program_;
  std::size_t command_ = 0;
  std::optional<std::size_t> close_first_;
  std::thread thread_;
};

}  // namespace agent::daemon
