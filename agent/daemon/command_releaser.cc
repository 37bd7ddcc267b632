#include "agent/daemon/command_releaser.h"

#include "images/keys/statement.h"

namespace agent::daemon {

Result<contract::Receipt> receipt_in(const std::string& output) {
  const auto read_one = [](const std::string& text) -> Result<contract::Receipt> {
    Result<images::keys::Statement> statement = images::keys::parse_statement(text);
    return contract::receipt_from(statement ? statement->payload : text);
  };
  std::string whole = output;
  while (!whole.empty() && (whole.back() == '\n' || whole.back() == ' ')) whole.pop_back();
  Result<contract::Receipt> found = read_one(whole);
  for (std::size_t at = 0; !found && at < whole.size();) {
    const std::size_t end = std::min(whole.find('\n', at), whole.size());
    if (whole[at] == '{') found = read_one(whole.substr(at, end - at));
    at = end + 1;
  }
  if (!found)
    return Error{ErrorCode::Corrupt, "no receipt is in what the release printed: " + found.error().text(), {}};
  return found;
}

CommandReleaser::CommandReleaser(images::files::Files& files, Mailbox& mailbox, CommandKeeper& keeper, std::string state_folder,
                                 const MachineId& machine, const std::vector<std::string>& command, std::optional<std::size_t> close_first)
    : files_(&files), mailbox_(&mailbox), keeper_(&keeper), order_path_(std::move(state_folder) + "/release-order.dsse"), program_(command.front()), close_first_(close_first) {
  std::vector<std::string> words;
  for (const std::string& word : command) words.push_back(replaced(replaced(word, "{order}", order_path_), "{machine}", machine.text));
  command_ = keeper_->add(std::move(words));
}

CommandReleaser::~CommandReleaser() {
  if (thread_.joinable()) thread_.join();
}

void CommandReleaser::begin_release(const std::string& order) {
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, order] {
    Done written = files_->replace(order_path_, order, images::files::Access::OwnerOnly);
    Result<CommandOutput> output = written ? CommandOutput{.status = 0, .text = {}} : Result<CommandOutput>(written.error());
    if (output && close_first_) output = keeper_->run(*close_first_);
    if (output && output->status != 0) output = Error{ErrorCode::Unavailable, "the lease partition could not be closed", {"giving the disk back"}};
    if (output) output = keeper_->run(command_);
    if (output && output->status != 0) {
      output = Error{ErrorCode::Unavailable,
                     program_ + " ended with status " + std::to_string(output->status),
                     {"giving the disk back"}};
    }
    mailbox_->post(Event(DiskReleased{output ? receipt_in(output->text) : Result<contract::Receipt>(output.error())}));
  });
}

}  // namespace agent::daemon
