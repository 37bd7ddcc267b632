#include "agent/daemon/command_opener.h"

#include <cstring>

namespace agent::daemon {

std::vector<std::string> lease_words(const std::vector<std::string>& command, const std::string& vault_folder, const std::string& user,
                                     const MachineId& machine) {
  std::vector<std::string> words;
  for (const std::string& word : command)
    words.push_back(replaced(replaced(replaced(word, "{vault}", vault_folder), "{user}", user.empty() ? "root" : user), "{machine}", machine.text));
  return words;
}

CommandOpener::CommandOpener(Mailbox& mailbox, CommandKeeper& keeper, const std::string& vault_folder, const std::string& user,
                             const MachineId& machine, const std::vector<std::string>& command)
    : mailbox_(&mailbox), keeper_(&keeper), command_(keeper.add(lease_words(command, vault_folder, user, machine))) {}

CommandOpener::~CommandOpener() {
  if (thread_.joinable()) thread_.join();
}

void CommandOpener::begin_open(const std::string& key) {
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, key = std::string(key)]() mutable {
    const Result<CommandOutput> output = keeper_->run(command_, key);
    ::explicit_bzero(key.data(), key.size());
    mailbox_->post(Event(PartitionAnswered{output ? partition::open_answer_from(output->status, output->text)
                                                  : Result<partition::OpenAnswer>(output.error())}));
  });
}

}  // namespace agent::daemon
