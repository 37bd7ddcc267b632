#include "provision/disk/plan_parts.h"

#include <fmt/core.h>

#include "agent/contract/disk_markers.h"
#include "policies/vocabulary/hex.h"
#include "provision/disk/identifiers.h"

namespace provision::disk {
namespace {

constexpr std::size_t token_facts_max = 32;
constexpr std::size_t token_text_max = 1024;
constexpr std::uint32_t slots_max = 8;
constexpr Bytes disk_size_max = {std::uint64_t{1} << 60};

}  // namespace

Bytes usable_end(Bytes disk_size, std::uint32_t sector_size) {
  const Bytes table = {16384 + std::uint64_t{sector_size}};
  return disk_size < table + alignment ? Bytes{} : aligned_down(disk_size - table);
}

Error invalid(std::string message) { return {ErrorCode::InvalidInput, std::move(message), {}}; }

Done check_size(std::string_view what, Bytes size, Bytes least) {
  if (size < least)
    return invalid(fmt::format("{} of {} is too small; order at least {}", what, size.text(), least.text()));
  if (size > disk_size_max)
    return invalid(fmt::format("{} of {} is larger than any disk; order at most {}", what, size.text(), disk_size_max.text()));
  return {};
}

Done check_seal(const LeaseSeal& seal) {
  if (seal.slots.empty() || seal.slots.size() > slots_max)
    return invalid(fmt::format("a lease partition with {} key slots; give 1 to {}", seal.slots.size(), slots_max));
  for (std::size_t i = 0; i < seal.slots.size(); ++i) {
    const TokenSlot& slot = seal.slots[i];
    if (slot.slot != i) return invalid(fmt::format("key slot {} stands where slot {} belongs; number them from 0", slot.slot, i));
    if (slot.purpose.empty() || slot.purpose.size() > 32)
      return invalid(fmt::format("key slot {} has no purpose of 1 to 32 characters", i));
    if (!is_sha256_hex(slot.key_digest.text))
      return invalid(fmt::format("key slot {} ({}) lacks the digest of its key; make it with key_digest_of", i, slot.purpose));
  }
  if (seal.token_facts.size() > token_facts_max)
    return invalid(fmt::format("{} token facts; at most {} fit", seal.token_facts.size(), token_facts_max));
  for (const auto& [name, value] : seal.token_facts)
    if (name.empty() || name.size() > 64 || value.size() > token_text_max)
      return invalid(fmt::format("token fact '{}': names have 1 to 64 bytes, values at most {}", name, token_text_max));
  return {};
}

PlannedPartition lease_partition(const std::string& seed, std::uint32_t number, Extent extent, const LeaseSeal& seal) {
  PlannedPartition lease;
  lease.number = number;
  lease.role = Role::Lease;
  lease.type = agent::contract::lease_partition_type;
  lease.uuid = uuid_from(seed, "lease partition");
  lease.name = agent::contract::lease_partition_label;
  lease.attributes = agent::contract::lease_partition_attributes;
  lease.extent = extent;
  lease.content = Content::SealedLease;
  lease.luks = LuksPlan{uuid_from(seed, "lease header"), LeaseToken{seal.token_facts, seal.slots}};
  return lease;
}

PlannedPartition kept(const PartitionFacts& facts) {
  PlannedPartition partition;
  partition.number = facts.number;
  if (facts.type == esp_type) partition.role = Role::Esp;
  if (facts.type == root_type) partition.role = Role::System;
  if (facts.type == agent::contract::lease_partition_type) partition.role = Role::Lease;
  partition.type = facts.type;
  partition.uuid = facts.uuid;
  partition.name = facts.name;
  partition.attributes = facts.attributes;
  partition.extent = facts.extent;
  return partition;
}

DiskPlan plan_around(const DiskFacts& facts) {
  DiskPlan plan;
  plan.path = facts.path;
  plan.disk_size = facts.size;
  plan.sector_size = facts.sector_size;
  plan.serial = facts.serial;
  plan.disk_uuid = facts.disk_uuid;
  return plan;
}

Done check_gpt(const DiskFacts& facts) {
  switch (facts.table) {
    case TableKind::Gpt: return {};
    case TableKind::Damaged:
      return Error{ErrorCode::Corrupt, fmt::format("the partition table is damaged: {}; restore it first (`disk restore-table`, or gdisk)", facts.damage), {}};
    case TableKind::Mbr:
      return Error{ErrorCode::Unsupported, "the disk has an MBR partition table; convert it to GPT first (gdisk)", {}};
    case TableKind::None: break;
  }
  return Error{ErrorCode::Unsupported, "the disk has no partition table; plan it as a new disk", {}};
}

std::uint32_t free_number(const DiskFacts& facts) {
  std::uint32_t number = 1;
  while (facts.partition(number) != nullptr) ++number;
  return number;
}

void note_rounding(DiskPlan& plan, std::string_view what, Bytes asked, Bytes planned) {
  if (asked != planned)
    plan.notes.push_back(fmt::format("{}: {} B ordered, {} B planned: partitions are whole MiB", what, asked.count,
                                     planned.count));
}

}  // namespace provision::disk
