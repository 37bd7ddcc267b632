// What time drives: only what is due is looked at.
#include <algorithm>

#include "fleet/operations/texts.h"
#include "fleet/operations/world.h"

namespace fleet::operations {

void Operations::World::store_last_seen(Instant now, store::Batch& batch) {
  for (auto& [id, its] : live) {
    if (!its.seen_unstored || !its.last_seen) continue;
    its.seen_unstored = false;
    batch.push_back({store::Table::Settings, "seen/" + id.text, quoted(text_of(*its.last_seen))});
  }
  due.arm(DueKind::LastSeen, "", now + settings.last_seen_pause);
}

void Operations::World::look_for_silence(const MachineId& id, Instant now, store::Batch& batch) {
  const registry::Machine* machine = registry.find_machine(id);
  if (machine == nullptr || machine->public_key_pem.empty() || machine->state == terms::MachineState::Released) return;
  const Instant until = heard(*machine) + settings.silence_limit;
  if (now < until || machine->given_up) {
    due.arm(DueKind::Silence, id.text, std::max(until, now + settings.silence_limit / 2));
    return;
  }
  give_up(id, by_controller(now, "silent since " + text_of(heard(*machine))), batch);
  due.arm(DueKind::Silence, id.text, now + settings.silence_limit);
}

void Operations::World::look_if_online(const MachineId& id, Instant now) {
  const Live& its = live_of(id);
  if (!its.last_seen) return;
  const Instant until = *its.last_seen + online_window();
  if (now <= until)
    due.arm(DueKind::Offline, id.text, until + Duration(1));
  else
    refresh(id, now);
}

void Operations::World::look_at_upload(const Digest& digest, Instant now, store::Batch& batch) {
  const auto found = uploads.find(digest);
  if (found == uploads.end()) return;
  // A client keeps the right to read what its objects and jobs refer to; what a machine put needs no record beside that.
  const bool referred = placement.spool_needs(digest) || scheduler.refers_to(digest);
  if (referred && !found->second.owners.empty())
    due.arm(DueKind::Upload, digest.text, now + settings.unreferenced_life);
  else
    forget_upload(digest, batch);
}

void Operations::World::do_due(const DueQueue::Due& what, Instant now, store::Batch& batch) {
  switch (what.kind) {
    case DueKind::Agreement: step_agreement(AgreementId(what.name), now, batch); return;
    case DueKind::Incentive: book_incentives(AgreementId(what.name), now, batch); return;
    case DueKind::Window: refresh(MachineId(what.name), now); return;
    case DueKind::Offline: look_if_online(MachineId(what.name), now); return;
    case DueKind::Silence: look_for_silence(MachineId(what.name), now, batch); return;
    case DueKind::Upload: look_at_upload(Digest(what.name), now, batch); return;
    case DueKind::SettleWork: settle_work(now, batch); return;
    case DueKind::SettleStorage:
      settle_storage(now, batch);
      due.arm(DueKind::SettleStorage, "", now + settings.storage_period);
      return;
    case DueKind::LastSeen: store_last_seen(now, batch); return;
  }
}

bool Operations::tick(Instant now, store::Batch& batch) {
  World& world = *world_;
  // The controller was down, or its clock was set: nobody was silent to somebody who did not listen.
  if (!world.last_tick || now - *world.last_tick > world.settings.listening_gap) world.listening_since = now;
  world.last_tick = now;
  if (const auto due = world.scheduler.next_due(); due && *due <= now) {
    world.sample_power(now, batch);
    world.apply(world.scheduler.expire(now, batch), now, batch);
  }
  if (const auto due = world.placement.next_due(); due && *due <= now) world.placement_changed = true;
  std::uint32_t done = 0;
  while (done < world.settings.due_max) {
    const std::optional<DueQueue::Due> what = world.due.take(now);
    if (!what) break;
    world.do_due(*what, now, batch);
    ++done;
  }
  world.finish(now, batch);
  return done == world.settings.due_max;
}

std::optional<Instant> Operations::next_due() const {
  std::optional<Instant> next = world_->due.next();
  for (const auto& other : {world_->scheduler.next_due(), world_->placement.next_due()})
    if (other && (!next || *other < *next)) next = other;
  return next;
}

}  // namespace fleet::operations
