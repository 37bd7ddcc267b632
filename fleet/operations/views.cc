// What staff sees.
#include "fleet/operations/world.h"

namespace fleet::operations {

Result<MachineView> Operations::machine(const MachineId& id, Instant now) const {
  World& world = *world_;
  const registry::Machine* machine = world.registry.find_machine(id);
  if (machine == nullptr) return Error{ErrorCode::NotFound, "no machine '" + id.text.substr(0, 64) + "'", {}};
  MachineView view;
  view.machine = *machine;
  if (const auto found = world.live.find(id); found != world.live.end()) {
    const Live& its = found->second;
    view.last_seen = its.last_seen;
    view.online = its.last_seen && now - *its.last_seen <= world.online_window() && !machine->given_up;
    view.window_known = its.window_known;
    view.window_open = its.window.open;
    view.window_changes_at = its.window.until;
    if (its.session) view.waiting_messages = its.session->state().unacknowledged.size();
  }
  view.shards = world.placement.shards_on(id).size();
  view.allocated = world.placement.allocated_on(id);
  view.running = world.scheduler.held_by(id).size();
  view.earned = machine->earned;
  return view;
}

std::vector<MachineView> Operations::machines(Instant now) const {
  std::vector<MachineView> views;
  for (const auto& [id, machine] : world_->registry.machines())
    if (Result<MachineView> view = this->machine(id, now)) views.push_back(*std::move(view));
  return views;
}

Figures Operations::figures(Instant now) const {
  World& world = *world_;
  // Anyone may ask, so that asking must cost nothing.
  constexpr Duration fresh_for = std::chrono::seconds(1);
  if (world.figures_at && now >= *world.figures_at && now - *world.figures_at < fresh_for) return world.figures;
  Figures& figures = world.figures;
  figures = {};
  world.figures_at = now;
  for (const auto& [id, machine] : world.registry.machines()) {
    ++figures.machines;
    if (machine.state == terms::MachineState::Leased) ++figures.machines_leased;
    const auto found = world.live.find(id);
    if (found != world.live.end() && found->second.last_seen && now - *found->second.last_seen <= world.online_window() && !machine.given_up)
      ++figures.machines_online;
  }
  figures.objects = world.placement.objects().size();
  figures.jobs = world.scheduler.jobs().size();
  figures.entries = world.journal.size();
  figures.events = world.registry.events();
  return figures;
}

}  // namespace fleet::operations
