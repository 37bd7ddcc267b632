// What is measured for the ledger, and what is shown.
#include "fleet/placement/model.h"

namespace fleet::placement {

Settlement Placement::settle(Instant now, store::Batch& batch) {
  Settlement settlement;
  for (auto& [client, meter] : model_->client_meters) {
    meter.advance(now);
    if (meter.total == meter.settled) continue;
    settlement.used.push_back({client, meter.settlements++, meter.settled, meter.total});
    meter.settled = meter.total;
    model_->write_client_meter(client, batch);
  }
  for (auto& [key, meter] : model_->machine_meters) {
    meter.advance(now);
    if (meter.total == meter.settled) continue;
    settlement.furnished.push_back({key.first, key.second, meter.settlements++, meter.settled, meter.total});
    meter.settled = meter.total;
    model_->write_machine_meter(key, batch);
  }
  return settlement;
}

std::optional<ObjectView> Placement::object(const ObjectId& object) const {
  const auto found = model_->objects.find(object);
  if (found == model_->objects.end()) return std::nullopt;
  return model_->view_of(object, found->second);
}

std::vector<ObjectView> Placement::objects_of(const PartyId& client) const {
  std::vector<ObjectView> views;
  for (const auto& [id, row] : model_->objects)
    if (row.client == client && !row.deleting) views.push_back(model_->view_of(id, row));
  return views;
}

std::vector<ObjectId> Placement::objects() const {
  std::vector<ObjectId> ids;
  for (const auto& [id, row] : model_->objects) ids.push_back(id);
  return ids;
}

std::vector<ShardView> Placement::shards_on(const MachineId& machine) const {
  std::vector<ShardView> views;
  const MachineRow* row = std::as_const(*model_).machine(machine);
  if (row == nullptr) return views;
  for (const ShardKey& key : row->shards) views.push_back(model_->view_of(key, *model_->shard(key)));
  return views;
}

std::vector<Allocation> Placement::allocations_of(const MachineId& machine) const {
  std::vector<Allocation> all;
  const auto found = model_->allocations.find(machine);
  if (found == model_->allocations.end()) return all;
  for (const auto& [number, allocation] : found->second) all.push_back(allocation);
  return all;
}

Bytes Placement::allocated_on(const MachineId& machine) const {
  const MachineRow* row = std::as_const(*model_).machine(machine);
  return row == nullptr ? Bytes{} : row->allocated;
}

bool Placement::spool_needs(const Digest& element) const {
  return model_->spool.contains(element) || model_->expected.contains(element);
}

}  // namespace fleet::placement
