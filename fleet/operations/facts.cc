// What scheduler and placement must know of a machine: computed from its record, its agreement, its hours and when it was heard.
#include <algorithm>

#include "fleet/operations/texts.h"
#include "fleet/operations/world.h"

namespace fleet::operations {

const registry::Agreement* Operations::World::agreement_of(const registry::Machine& machine) const {
  return registry.find_agreement(machine.agreement);
}

const terms::Terms* Operations::World::terms_of(const registry::Agreement& agreement) const {
  const Result<const terms::Terms*> found = rules.find_terms(agreement.terms, agreement.terms_version);
  return found ? *found : nullptr;
}

Duration Operations::World::online_window() const {
  return std::max<Duration>(settings.online_min, settings.poll_interval * settings.polls_missed_max + settings.poll_interval / 2);
}

Instant Operations::World::heard(const registry::Machine& machine) const {
  const auto found = live.find(machine.id);
  Instant last = machine.state_since;
  if (found != live.end() && found->second.last_seen) last = std::max(last, *found->second.last_seen);
  return std::max(last, listening_since);
}

void Operations::World::refresh(const MachineId& id, Instant now) {
  const registry::Machine* machine = registry.find_machine(id);
  if (machine == nullptr) return;
  Live& its = live_of(id);
  const registry::Agreement* agreement = agreement_of(*machine);
  const terms::Terms* agreed = agreement == nullptr ? nullptr : terms_of(*agreement);
  its.online = its.last_seen && now - *its.last_seen <= online_window() && !machine->given_up;
  its.window_known = false;
  its.window = {};
  if (agreed != nullptr)
    if (const Result<const terms::Zone*> zone = zones.zone(machine->zone)) {
      its.window = terms::state_at(agreed->processor_hours, **zone, now);
      its.window_known = true;
      if (its.window.until) due.arm(DueKind::Window, id.text, *its.window.until);
    }

  const bool furnishes = machine->state == terms::MachineState::Leased && !machine->draining && !machine->given_up && agreement != nullptr &&
                         renewals::furnishes(*agreement, now);
  scheduler::MachineFacts work;
  work.machine = id;
  work.owner = machine->owner;
  work.leased = furnishes;
  work.sandbox = machine->profile.sandbox;
  work.window_open = its.window_known && its.window.open && machine->status.window != registry::WindowWord::Closed &&
                     machine->status.owner != registry::OwnerWord::Paused;
  work.processors = std::max<std::uint32_t>(machine->profile.processors, 1);
  work.processor_mhz = machine->profile.processor_mhz != 0 ? machine->profile.processor_mhz : machine->processor_mhz;
  const std::uint64_t share = agreed == nullptr ? 0 : static_cast<std::uint64_t>(agreed->memory_ceiling_percent);
  work.memory.count = machine->profile.memory.count / 100 * share;
  work.queue_max = settings.queue_max;
  scheduler.set_machine(work);

  placement::MachineFacts space;
  space.machine = id;
  space.owner = machine->owner;
  space.network = its.network;
  space.leased = furnishes;
  space.online = its.online;
  const Bytes vault = machine->status.vault_used + machine->status.vault_free;
  // Nothing new for a partition that is shut; what lies in it is offline, not lost.
  const bool shut = machine->status.partition == registry::PartitionWord::Unavailable;
  space.room = shut ? Bytes{} : vault.count != 0 ? vault : machine->profile.lease;
  if (agreement != nullptr) {
    space.lease_ends_at = agreement->ends_at;
    const bool goes_on = agreement->renewal && agreement->renewal->answer == contract::Choice::Accepted;
    if (goes_on && agreement->ends_at && agreed != nullptr) space.lease_ends_at = *agreement->ends_at + agreed->length;
  }
  placement.set_machine(space);
  placement_changed = true;
}

void Operations::World::note_heard(const registry::Machine& machine, std::string_view network, Instant now, store::Batch& batch) {
  Live& its = live_of(machine.id);
  its.last_seen = now;
  its.seen_unstored = true;
  const bool was_online = its.online;
  const bool moved = !network.empty() && its.network != network;
  if (moved) its.network = std::string(network);
  const bool returned = machine.given_up.has_value();
  if (returned) take_back(machine.id, now, batch);
  if (!was_online || moved || returned) refresh(machine.id, now);
  if (was_online) return;
  due.arm(DueKind::Offline, machine.id.text, now + online_window());
  // Stored at once, so that a controller that starts again knows who was there.
  its.seen_unstored = false;
  batch.push_back({store::Table::Settings, "seen/" + machine.id.text, quoted(text_of(now))});
}

}  // namespace fleet::operations
