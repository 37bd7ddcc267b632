// Opens the lease partition by running the configured program, `leaseback-provision lease open` where provisioning set it up.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "agent/daemon/command_keeper.h"
#include "agent/daemon/mailbox.h"
#include "agent/daemon/ports.h"

namespace agent::daemon {

// The words of a lease command with {vault}, {user} and {machine} replaced.
std::vector<std::string> lease_words(const std::vector<std::string>& command, const std::string& vault_folder, const std::string& user,
                                     const MachineId& machine);

class CommandOpener final : public LeaseOpener {
 public:
  // In `command`, {vault}, {user} and {machine} are replaced. `mailbox` and `keeper` must outlive it; make it before the keeper
  // keeps rights. Precondition: `command` is not empty.
  CommandOpener(Mailbox& mailbox, CommandKeeper& keeper, const std::string& vault_folder, const std::string& user, const MachineId& machine,
                const std::vector<std::string>& command);
  ~CommandOpener() override;

  void begin_open(const std::string& key) override;

 private:
  Mailbox* mailbox_;
  CommandKeeper* keeper_;
  std::size_t command_ = 0;
  std::thread thread_;
};

}  // namespace agent::daemon
