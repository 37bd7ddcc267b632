// What machines say: about one order, or about all that they hold.
#include <algorithm>

#include "fleet/placement/model.h"

namespace fleet::placement {
namespace {

constexpr Duration pause_after_refusal = std::chrono::minutes(10);
constexpr Duration pause_after_failure = std::chrono::minutes(1);

HoldingRow* find_holding(ShardRow& row, const MachineId& machine) {
  const auto found = std::find_if(row.holdings.begin(), row.holdings.end(), [&](const HoldingRow& held) { return held.holding.machine == machine; });
  return found == row.holdings.end() ? nullptr : &*found;
}

}  // namespace

void Placement::status(const Status& status, Instant now, store::Batch& batch) {
  const std::optional<ShardKey> key = shard_key_from(status.shard);
  ShardRow* row = key ? model_->shard(*key) : nullptr;
  HoldingRow* held = row == nullptr ? nullptr : find_holding(*row, status.machine);
  if (held == nullptr) {
    // It stored what was taken back meanwhile.
    if (status.kind == StatusKind::Stored)
      model_->stale.push_back({OrderKind::Delete, 0, status.machine, status.shard, status.digest, Bytes{}});
    return;
  }
  model_->attention.insert(key->object);
  MachineRow& machine = model_->machines[status.machine];
  const HoldingState state = held->holding.state;
  const bool of_fetch = row->fetch && row->fetch->machine == status.machine && row->fetch->request == status.request;
  switch (status.kind) {
    case StatusKind::Stored:
      if (state == HoldingState::Sent && status.digest == row->digest) model_->confirm(*key, *held, now, batch);
      break;
    case StatusKind::Sent:
      if (!of_fetch || status.digest != row->digest) break;
      model_->end_fetch(*key);
      model_->set_spooled(*row, true);
      model_->write_shard(*key, batch);
      break;
    case StatusKind::Deleted:
      if (state == HoldingState::Deleting) {
        model_->drop(*key, status.machine, "deleted", now, batch);
        model_->wake_hungry();
      }
      break;
    case StatusKind::Missing:
      // For a machine that was told to delete, missing is as good as deleted; one still to fetch has nothing to miss.
      if (state != HoldingState::Sent) model_->drop(*key, status.machine, state == HoldingState::Deleting ? "deleted" : "missing on the machine", now, batch);
      break;
    case StatusKind::Corrupt:
      if (of_fetch) model_->end_fetch(*key);
      if (state != HoldingState::Deleting) model_->retire(*key, *held, now, batch);
      break;
    case StatusKind::Refused:
    case StatusKind::Failed:
      if (of_fetch) {
        row->fetch_not_before = now + pause_after_failure;
        model_->end_fetch(*key);
      } else if (state == HoldingState::Sent && held->holding.request == status.request) {
        machine.not_before = now + (status.kind == StatusKind::Refused ? pause_after_refusal : pause_after_failure);
        model_->drop(*key, status.machine, "the machine did not take it: " + status.reason.substr(0, 200), now, batch);
      } else if (state == HoldingState::Deleting && held->holding.request == status.request) {
        held->holding.request = 0;  // it is told again
        model_->write_shard(*key, batch);
      }
      break;
  }
}

void Placement::reconcile(const MachineId& machine, std::vector<HeldItem> inventory, Instant now, store::Batch& batch) {
  MachineRow& holder = model_->machines[machine];
  if (holder.facts.machine.empty()) holder.facts.machine = machine;
  std::set<ShardKey> listed;
  for (const HeldItem& item : inventory) {
    const std::optional<ShardKey> key = shard_key_from(item.shard);
    ShardRow* row = key ? model_->shard(*key) : nullptr;
    HoldingRow* held = row == nullptr ? nullptr : find_holding(*row, machine);
    if (held == nullptr || item.digest != row->digest) {
      if (held == nullptr && key && model_->adopt(*key, holder, item, now, batch)) {
        listed.insert(*key);
        model_->attention.insert(key->object);
        continue;
      }
      model_->stale.push_back({OrderKind::Delete, 0, machine, item.shard, item.digest, item.size});
      continue;
    }
    listed.insert(*key);
    model_->attention.insert(key->object);
    if (held->holding.state == HoldingState::Sent) model_->confirm(*key, *held, now, batch);
    if (held->holding.state == HoldingState::Deleting) {
      held->holding.request = 0;
      model_->write_shard(*key, batch);
    }
  }
  const std::set<ShardKey> counted = holder.shards;
  for (const ShardKey& key : counted) {
    if (listed.contains(key)) continue;
    const HoldingState state = find_holding(*model_->shard(key), machine)->holding.state;
    if (state == HoldingState::Sent) continue;  // the order may still be on its way
    model_->drop(key, machine, state == HoldingState::Deleting ? "deleted" : "missing from the inventory", now, batch);
    model_->attention.insert(key.object);
  }
}

}  // namespace fleet::placement
