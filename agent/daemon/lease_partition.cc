// The lease partition: opened before anything is furnished from it, and reported as it stands.
#include "agent/contract/messages.pb.h"
#include "agent/daemon/machine_agent.h"

namespace agent::daemon {
namespace {

// What the filesystem keeps for its own growing: a vault that fills the last block cannot even compact itself.
constexpr std::uint64_t kept_free_percent = 2;

}  // namespace

Bytes MachineAgent::vault_budget() const {
  return settings_.vault_budget.count > 0 ? settings_.vault_budget : identity_.voucher_facts.lease;
}

bool MachineAgent::partition_settled() const { return !opening_ || opening_->standing() != partition::Standing::Opening; }

Done MachineAgent::open_vault(Bytes capacity) {
  Result<vault::Vault> vault = vault::Vault::open(ports_.files, settings_.vault_folder, vault::limits_for(std::min(capacity, vault_budget())));
  if (!vault) return std::move(vault).error();
  lease_->vault.emplace(*std::move(vault));
  return {};
}

Done MachineAgent::open_partition() {
  if (!opening_ || busy_) return {};
  switch (opening_->next(moment_.running)) {
    case partition::Wish::Nothing:
      break;
    case partition::Wish::RunCommand:
      ports_.opener->begin_open(opening_->take_key());
      break;
    case partition::Wish::AskForKey:
      busy_ = true;
      ports_.exchange.begin_slot_key();
      break;
  }
  return {};
}

Done MachineAgent::partition_answered(const Result<partition::OpenAnswer>& answer) {
  if (!opening_ || !lease_) return {};
  opening_->command_ended(answer, moment_.running);
  if (opening_->standing() == partition::Standing::Sound && !lease_->vault) {
    const Bytes capacity = opening_->capacity();
    const Done opened = open_vault(capacity.count == 0 ? vault_budget() : Bytes{capacity.count / 100 * (100 - kept_free_percent)});
    vault_trouble_ = opened ? "" : opened.error().text();
  }
  if (!partition_settled()) return {};
  // Once for what could not be opened; again when it is open after all: the controller then learns what is held.
  if (introduced_ && !lease_->vault) return {};
  next_exchange_ = moment_.running;
  return introduce_ourselves();
}

Done MachineAgent::refuse_shard(std::uint64_t request, const std::string& shard) {
  contract::Message message;
  contract::ShardStatus& status = *message.mutable_shard_status();
  status.set_request(request);
  status.set_shard(shard);
  status.set_outcome(contract::SHARD_FAILED);
  status.set_reason("the lease partition is not open");
  return say(message);
}

}  // namespace agent::daemon
