#include "provision/disk/disk_plan.h"

#include <fmt/core.h>

#include "agent/contract/disk_markers.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"
#include "provision/disk/identifiers.h"

namespace provision::disk {
namespace {

constexpr std::size_t ext4_label_max = 16;
constexpr std::size_t token_facts_max = 32;
constexpr std::size_t token_text_max = 1024;
constexpr std::uint32_t slots_max = 8;
constexpr Bytes disk_size_max = {std::uint64_t{1} << 60};

constexpr Bytes aligned_down(Bytes size) { return {size.count / alignment.count * alignment.count}; }
constexpr Bytes aligned_up(Bytes size) { return aligned_down({size.count + alignment.count - 1}); }

// The end of what partitions may use: a backup GPT (one sector and 16 KiB of entries) follows.
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

Done check_label(std::string_view what, const std::string& label) {
  const bool plain = std::all_of(label.begin(), label.end(), [](char c) { return c > ' ' && c < 0x7F && c != '/'; });
  if (label.empty() || label.size() > ext4_label_max || !plain)
    return invalid(fmt::format("{} label '{}': use 1 to {} printable ASCII characters without space and '/'", what, label,
                               ext4_label_max));
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

Done check(const DiskRequest& request) {
  if (request.seed.empty()) return invalid("a disk plan needs a seed, such as the order id and the disk's serial");
  if (Done sized = check_size("an ESP", request.esp, esp_size_min); !sized) return sized;
  if (Done sized = check_size("a system partition", request.system, filesystem_size_min); !sized) return sized;
  if (request.system_source && request.system_source->image_size > aligned_up(request.system))
    return Error{ErrorCode::OutOfSpace,
                 fmt::format("the operating system's image has {}, and the system partition would have {}; order a larger disk or a smaller image",
                             request.system_source->image_size.text(), aligned_up(request.system).text()), {}};
  if (Done named = check_label("system", request.system_label); !named) return named;
  if (Done named = check_label("customer", request.customer_label); !named) return named;
  if (request.lease.count == 0) return {};
  if (Done sized = check_size("a lease partition", request.lease, lease_size_min); !sized) return sized;
  return check_seal(request.seal);
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

PlannedPartition ext4_partition(const std::string& seed, std::uint32_t number, Role role, Extent extent,
                                const std::string& label) {
  const std::string word(name_of(role));
  PlannedPartition partition;
  partition.number = number;
  partition.role = role;
  partition.type = role == Role::System ? root_type : home_type;
  partition.uuid = uuid_from(seed, word + " partition");
  partition.name = word;
  partition.extent = extent;
  partition.content = Content::Ext4;
  partition.filesystem_label = label;
  partition.filesystem_uuid = uuid_from(seed, word + " filesystem");
  partition.filesystem_fills = true;
  return partition;
}

void come_from(const SystemSource& source, const std::string& seed, PlannedPartition& partition) {
  partition.filesystem_uuid = uuid_from(seed, "system filesystem of " + source.digest.text);
  if (source.image_size.count > 0) partition.content = Content::Image;
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
      return Error{ErrorCode::Corrupt, fmt::format("the partition table is damaged: {}; restore it first", facts.damage), {}};
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

// What a rounding changed is said, so that nobody wonders about a partition some kilobytes larger than ordered.
void note_rounding(DiskPlan& plan, std::string_view what, Bytes asked, Bytes planned) {
  if (asked != planned)
    plan.notes.push_back(fmt::format("{}: {} B ordered, {} B planned: partitions are whole MiB", what, asked.count,
                                     planned.count));
}

void note_alignment(DiskPlan& plan, Bytes end) {
  plan.notes.push_back(fmt::format("alignment: each partition begins and ends on a whole MiB ({} sectors of {} B), as flash and RAID like it",
                                   alignment.count / plan.sector_size, plan.sector_size));
  plan.notes.push_back(fmt::format("free: the first MiB, for the table, and {} B at the end, for its backup and the rounding",
                                   (plan.disk_size - end).count));
}

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::Esp: return "esp";
    case Role::System: return "system";
    case Role::Customer: return "customer";
    case Role::Lease: return "lease";
    case Role::Other: break;
  }
  return "other";
}

const PlannedPartition* DiskPlan::partition(Role role) const {
  for (const PlannedPartition& candidate : partitions)
    if (candidate.role == role) return &candidate;
  return nullptr;
}

Digest key_digest_of(std::string_view slot_key) {
  return images::keys::sha256("leaseback slot key\n" + std::string(slot_key));
}

Result<DiskPlan> plan_new_disk(const DiskRequest& request, const DiskFacts& facts) {
  if (Done lawful = check(request); !lawful) return lawful.error().within("planning " + facts.path);
  const Bytes esp = std::max(aligned_up(request.esp), esp_size_min_for(facts.sector_size));
  const Bytes system = aligned_up(request.system);
  const Bytes lease = aligned_up(request.lease);
  const Bytes end = usable_end(facts.size, facts.sector_size);
  const Bytes need = alignment + esp + system + filesystem_size_min + lease;
  if (end < need)
    return Error{ErrorCode::OutOfSpace,
                 fmt::format("{} holds {}, of which partitions can use up to {}; the order needs {} (ESP {}, system {}, lease "
                             "{}, and at least {} for the customer); order a larger disk or a smaller lease",
                             facts.path, facts.size.text(), end.text(), need.text(), esp.text(), system.text(), lease.text(),
                             filesystem_size_min.text()),
                 {}};

  DiskPlan plan = plan_around(facts);
  plan.disk_uuid = uuid_from(request.seed, "disk");
  plan.existing = request.existing;
  PlannedPartition boot;
  boot.number = 1;
  boot.role = Role::Esp;
  boot.type = esp_type;
  boot.uuid = uuid_from(request.seed, "esp partition");
  boot.name = "esp";
  boot.extent = {alignment, esp};
  boot.content = Content::FatEsp;
  boot.filesystem_label = "ESP";
  boot.filesystem_uuid = fat_id_from(request.seed, "esp filesystem");
  plan.partitions.push_back(boot);
  const Bytes system_start = boot.extent.end();
  plan.partitions.push_back(ext4_partition(request.seed, 2, Role::System, {system_start, system}, request.system_label));
  if (request.system_source) come_from(*request.system_source, request.seed, plan.partitions.back());
  const Bytes customer_start = system_start + system;
  plan.partitions.push_back(
      ext4_partition(request.seed, 3, Role::Customer, {customer_start, end - lease - customer_start}, request.customer_label));
  if (lease.count > 0)
    plan.partitions.push_back(lease_partition(request.seed, 4, {end - lease, lease}, request.seal));
  note_alignment(plan, end);
  if (esp > aligned_up(request.esp))
    plan.notes.push_back(fmt::format("ESP: {} instead of {}: FAT32 has at least 65525 clusters, and a cluster here at least {} B", esp.text(),
                                     request.esp.text(), plan.sector_size));
  else
    note_rounding(plan, "ESP", request.esp, esp);
  note_rounding(plan, "system", request.system, system);
  note_rounding(plan, "lease", request.lease, lease);
  return plan;
}

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

Result<DiskPlan> plan_retrofit(const RetrofitRequest& request, const DiskFacts& facts) {
  const auto failed = [&](Error error) { return std::move(error).within("planning the retrofit of " + facts.path); };
  if (Done lawful = check_gpt(facts); !lawful) return failed(lawful.error());
  if (request.seed.empty()) return failed(invalid("a retrofit needs a seed, such as the order id and the disk's serial"));
  if (Done sized = check_size("a lease partition", request.lease, lease_size_min); !sized) return failed(sized.error());
  if (Done lawful = check_seal(request.seal); !lawful) return failed(lawful.error());
  if (facts.partitions.empty())
    return failed({ErrorCode::Unsupported, "the disk has no partitions; plan it as a new disk", {}});

  const Bytes lease = aligned_up(request.lease);
  const Bytes end = usable_end(facts.size, facts.sector_size);
  DiskPlan plan = plan_around(facts);
  note_rounding(plan, "lease", request.lease, lease);
  if (const PartitionFacts* present = facts.lease()) {
    if (present->uuid != uuid_from(request.seed, "lease partition") || present->extent.size != lease)
      return failed({ErrorCode::Conflict,
                     fmt::format("partition {} is a lease partition of {} from another order; release it first",
                                 present->number, present->extent.size.text()), {}});
    for (const PartitionFacts& partition : facts.partitions)
      plan.partitions.push_back(&partition == present
                                    ? lease_partition(request.seed, present->number, present->extent, request.seal)
                                    : kept(partition));
    for (PlannedPartition& partition : plan.partitions)
      if (partition.extent.end() == present->extent.start) partition.role = Role::Customer;
    return plan;
  }

  for (const PartitionFacts& partition : facts.partitions) plan.partitions.push_back(kept(partition));
  const Extent extent = {end < lease ? Bytes{} : end - lease, lease};
  const PartitionFacts& last = facts.partitions.back();
  if (extent.start < last.extent.end()) {
    if (last.filesystem.kind != FilesystemKind::Ext4)
      return failed({ErrorCode::Unsupported,
                     fmt::format("the last partition, {} ({}), holds {}; only ext4 can be shrunk here; free {} behind it first",
                                 last.number, last.name,
                                 last.filesystem.name.empty() ? "no known filesystem" : last.filesystem.name, lease.text()),
                     {}});
    // A sixteenth for what a filesystem needs beside its files: inode tables, journal, moved extents.
    const Bytes need = last.filesystem.used + Bytes{last.filesystem.used.count / 16} + request.free_min;
    if (extent.start < last.extent.start + need)
      return failed({ErrorCode::OutOfSpace,
                     fmt::format("partition {} ({}) uses {} and must keep {}, but a lease of {} leaves it {}; lease less, free "
                                 "space on it, or move it to a larger disk",
                                 last.number, last.name, last.filesystem.used.text(), need.text(), lease.text(),
                                 (extent.start > last.extent.start ? extent.start - last.extent.start : Bytes{}).text()),
                     {}});
    plan.partitions.back().extent.size = extent.start - last.extent.start;
  }
  if (plan.partitions.back().extent.end() == extent.start) plan.partitions.back().role = Role::Customer;
  plan.partitions.push_back(lease_partition(request.seed, free_number(facts), extent, request.seal));
  return plan;
}

std::string canonical_text(const DiskPlan& plan) {
  std::string text = fmt::format("disk {} {} {} {}\n", plan.disk_uuid, plan.disk_size.count, plan.sector_size, plan.serial);
  for (const PlannedPartition& p : plan.partitions) {
    text += fmt::format("{} {} {} {} {:016x} {} {} {} {}\n", p.number, name_of(p.role), p.type, p.uuid, p.attributes,
                        p.extent.start.count, p.extent.size.count, static_cast<int>(p.content), p.name);
    if (!p.filesystem_uuid.empty()) text += fmt::format("  filesystem {} {}\n", p.filesystem_uuid, p.filesystem_label);
    if (!p.luks) continue;
    text += fmt::format("  luks {}\n", p.luks->uuid);
    for (const auto& [name, value] : p.luks->token.facts) text += fmt::format("  fact {:?}={:?}\n", name, value);
    for (const TokenSlot& slot : p.luks->token.slots)
      text += fmt::format("  slot {} {} {}\n", slot.slot, slot.purpose, slot.key_digest.text);
  }
  return text;
}

std::string describe(const DiskPlan& plan) {
  std::string text = fmt::format("{} {}{}\n", plan.path, plan.disk_size.text(),
                                 plan.serial.empty() ? "" : " serial " + plan.serial);
  for (const PlannedPartition& p : plan.partitions) {
    std::string content = "kept as it is";
    if (p.content == Content::FatEsp) content = fmt::format("FAT32 {}", p.filesystem_label);
    if (p.content == Content::Ext4) content = fmt::format("ext4 {}", p.filesystem_label);
    if (p.content == Content::Image) content = fmt::format("ext4 {}, from an image", p.filesystem_label);
    if (p.content == Content::SealedLease)
      content = fmt::format("LUKS2, {} key slots, hidden, not mounted", p.luks->token.slots.size());
    if (p.content == Content::Kept && p.filesystem_fills) content += ", filesystem fills it";
    text += fmt::format("{:>3}  {:<10} {:>12}  at {:>12}  {}\n", p.number, p.name, p.extent.size.text(),
                        p.extent.start.text(), content);
  }
  for (const std::string& note : plan.notes) text += "     " + note + "\n";
  return text;
}

}  // namespace provision::disk
