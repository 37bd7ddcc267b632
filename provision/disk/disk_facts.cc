#include "provision/disk/disk_facts.h"

#include <fmt/core.h>

#include "agent/contract/disk_markers.h"

namespace provision::disk {

const PartitionFacts* DiskFacts::partition(std::uint32_t number) const {
  for (const PartitionFacts& candidate : partitions)
    if (candidate.number == number) return &candidate;
  return nullptr;
}

const PartitionFacts* DiskFacts::lease() const {
  if (table != TableKind::Gpt) return nullptr;
  for (const PartitionFacts& candidate : partitions)
    if (candidate.type == agent::contract::lease_partition_type) return &candidate;
  return nullptr;
}

std::string canonical_text(const DiskFacts& facts) {
  if (facts.table != TableKind::Gpt && facts.table != TableKind::Mbr) return {};
  std::string text = fmt::format("{} {} {} {}\n", facts.table == TableKind::Gpt ? "gpt" : "mbr", facts.disk_uuid,
                                 facts.size.count, facts.sector_size);
  for (const PartitionFacts& p : facts.partitions)
    text += fmt::format("{} {} {} {:016x} {} {} {}\n", p.number, p.type, p.uuid, p.attributes, p.extent.start.count,
                        p.extent.size.count, p.name);
  return text;
}

}  // namespace provision::disk
