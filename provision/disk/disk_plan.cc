#include "provision/disk/disk_plan.h"

#include <fmt/core.h>

#include "images/keys/keys.h"
#include "provision/disk/identifiers.h"
#include "provision/disk/plan_parts.h"

namespace provision::disk {
namespace {

constexpr std::size_t ext4_label_max = 16;

Done check_label(std::string_view what, const std::string& label) {
  const bool plain = std::all_of(label.begin(), label.end(), [](char c) { return c > ' ' && c < 0x7F && c != '/'; });
  if (label.empty() || label.size() > ext4_label_max || !plain)
    return invalid(fmt::format("{} label '{}': use 1 to {} printable ASCII characters without space and '/'", what, label,
                               ext4_label_max));
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
