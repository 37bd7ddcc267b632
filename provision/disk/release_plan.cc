#include <fmt/core.h>

#include "provision/disk/identifiers.h"
#include "provision/disk/plan_parts.h"

namespace provision::disk {

Result<DiskPlan> plan_release(const DiskFacts& facts) {
  if (Done lawful = check_gpt(facts); !lawful) return lawful.error().within("planning the release of " + facts.path);
  DiskPlan plan = plan_around(facts);
  const PartitionFacts* lease = facts.lease();
  for (const PartitionFacts& partition : facts.partitions)
    if (&partition != lease) plan.partitions.push_back(kept(partition));

  PlannedPartition* neighbour = nullptr;
  for (PlannedPartition& candidate : plan.partitions)
    if (lease == nullptr || candidate.extent.start < lease->extent.start) neighbour = &candidate;
  const auto left_free = [&](const std::string& why) {
    if (lease != nullptr) plan.notes.push_back(fmt::format("{} stay free: {}", lease->extent.size.text(), why));
    return plan;
  };
  if (neighbour == nullptr) return left_free("no partition lies before the lease partition");
  const PartitionFacts& before = *facts.partition(neighbour->number);
  if (before.filesystem.kind == FilesystemKind::Ext4) {
    neighbour->filesystem_fills = true;
  } else if (before.filesystem.kind != FilesystemKind::None || before.type == esp_type) {
    return left_free(fmt::format("partition {} ({}) holds {}, which cannot be grown here", before.number, before.name,
                                 before.filesystem.name.empty() ? "no known filesystem" : before.filesystem.name));
  }
  if (neighbour->role == Role::Other) neighbour->role = Role::Customer;
  if (lease != nullptr) neighbour->extent.size = lease->extent.end() - neighbour->extent.start;
  return plan;
}

}  // namespace provision::disk
