#include <fmt/core.h>

#include "provision/disk/identifiers.h"
#include "provision/disk/mbr_conversion.h"
#include "provision/disk/plan_parts.h"

// Plans for disks that hold an owner's data: a lease beside it, or all of it on a larger disk.
namespace provision::disk {
namespace {

// The disk as a GPT disk, which it is or can become.
Result<DiskFacts> gpt_of(const DiskFacts& facts, const std::string& seed) {
  if (facts.table == TableKind::Mbr) return as_gpt(facts, seed);
  if (Done lawful = check_gpt(facts); !lawful) return lawful.error();
  return facts;
}

std::string why_not_shrunk(const PartitionFacts& partition, const RetrofitRequest& request) {
  const std::string& name = partition.filesystem.name;
  if (name == "xfs") return "XFS cannot be shrunk by any program";
  if (name == "btrfs") return "btrfs is shrunk only while it is mounted (`btrfs filesystem resize`)";
  if (name == "ntfs") return request.ntfs_refusal.empty() ? "NTFS was not examined" : request.ntfs_refusal;
  if (name == "crypto_LUKS") return "what a LUKS container holds is not seen from outside";
  if (name == "LVM2_member") return "the volumes in an LVM physical volume must be shrunk by their owner";
  if (name == "linux_raid_member") return "a member of a RAID array is shrunk only with the whole array";
  if (name == "swap") return "swap space is not shrunk; remove it";
  return "only ext4 and, with ntfsresize, NTFS can be shrunk here";
}

// What the last partition must keep of the room that is left to it; Unsupported when it cannot be shrunk.
Result<Bytes> least_size(const PartitionFacts& last, Bytes room, const RetrofitRequest& request) {
  const FilesystemFacts& filesystem = last.filesystem;
  // Shrunk already by a run that was cut: Windows is asked to check it now, and ntfsresize would refuse it until then.
  if (filesystem.kind == FilesystemKind::Ntfs && filesystem.size.count > 0 && filesystem.size <= room) return filesystem.size;
  if (filesystem.kind == FilesystemKind::Ntfs && request.ntfs_least) return *request.ntfs_least + request.free_min;
  if (filesystem.kind != FilesystemKind::Ext4)
    return Error{ErrorCode::Unsupported,
                 fmt::format("the last partition, {} ({}), holds {}, and {}; free {} behind it first, or move to a larger disk (`disk move`)", last.number,
                             last.name, filesystem.name.empty() ? "no known filesystem" : filesystem.name, why_not_shrunk(last, request),
                             aligned_up(request.lease).text()), {}};
  // A sixteenth for what a filesystem needs beside its files: inode tables, journal, moved extents.
  return filesystem.used + Bytes{filesystem.used.count / 16} + request.free_min;
}

Done check(const RetrofitRequest& request) {
  if (request.seed.empty()) return invalid("a retrofit needs a seed, such as the order id and the disk's serial");
  if (Done sized = check_size("a lease partition", request.lease, lease_size_min); !sized) return sized;
  return check_seal(request.seal);
}

// A lease partition of this order is there already: all stays where it is.
Result<DiskPlan> plan_with_present(DiskPlan plan, const RetrofitRequest& request, const DiskFacts& facts, const PartitionFacts& present) {
  if (present.uuid != uuid_from(request.seed, "lease partition") || present.extent.size != aligned_up(request.lease))
    return Error{ErrorCode::Conflict,
                 fmt::format("partition {} is a lease partition of {} from another order; release it first", present.number,
                             present.extent.size.text()), {}};
  for (const PartitionFacts& partition : facts.partitions)
    plan.partitions.push_back(&partition == &present ? lease_partition(request.seed, present.number, present.extent, request.seal)
                                                     : kept(partition));
  for (PlannedPartition& partition : plan.partitions)
    if (partition.extent.end() == present.extent.start) partition.role = Role::Customer;
  return plan;
}

Result<DiskPlan> planned_retrofit(const RetrofitRequest& request, const DiskFacts& facts) {
  if (Done lawful = check(request); !lawful) return lawful.error();
  Result<DiskFacts> gpt = gpt_of(facts, request.seed);
  if (!gpt) return gpt.error();
  if (gpt->partitions.empty()) return Error{ErrorCode::Unsupported, "the disk has no partitions; plan it as a new disk", {}};

  const Bytes lease = aligned_up(request.lease);
  const Bytes end = usable_end(facts.size, facts.sector_size);
  DiskPlan plan = plan_around(*gpt);
  note_rounding(plan, "lease", request.lease, lease);
  if (const PartitionFacts* present = gpt->lease()) return plan_with_present(std::move(plan), request, *gpt, *present);
  if (facts.table == TableKind::Mbr) {
    plan.converts_mbr = true;
    plan.notes.emplace_back("the MBR becomes a GPT: partitions keep place, number and content");
  }
  for (const PartitionFacts& partition : gpt->partitions) plan.partitions.push_back(kept(partition));
  const Extent extent = {end < lease ? Bytes{} : end - lease, lease};
  const PartitionFacts& last = gpt->partitions.back();
  if (extent.start < last.extent.end()) {
    const Bytes room = extent.start > last.extent.start ? extent.start - last.extent.start : Bytes{};
    Result<Bytes> need = least_size(last, room, request);
    if (!need) return need.error();
    if (room < *need)
      return Error{ErrorCode::OutOfSpace,
                   fmt::format("partition {} ({}) uses {} and must keep {}, but a lease of {} leaves it {}; lease less, free space on it, or move it to a "
                               "larger disk (`disk move`)",
                               last.number, last.name, last.filesystem.used.text(), need->text(), lease.text(),
                               room.text()), {}};
    plan.partitions.back().extent.size = room;
    plan.notes.push_back(fmt::format("partition {} gives {} of its {}", last.number, (last.extent.size - plan.partitions.back().extent.size).text(),
                                     last.extent.size.text()));
  }
  if (plan.partitions.back().extent.end() == extent.start) plan.partitions.back().role = Role::Customer;
  plan.partitions.push_back(lease_partition(request.seed, free_number(*gpt), extent, request.seal));
  return plan;
}

Result<DiskPlan> planned_move(const MoveRequest& request, const DiskFacts& from, const DiskFacts& to) {
  Result<DiskFacts> gpt = gpt_of(from, request.seed);
  if (!gpt) return gpt.error();
  if (gpt->partitions.empty()) return Error{ErrorCode::Unsupported, fmt::format("{} has no partitions: there is nothing to move", from.path), {}};
  if (const PartitionFacts* lease = gpt->lease())
    return Error{ErrorCode::Conflict, fmt::format("partition {} of {} is a lease partition; release it first", lease->number, from.path), {}};
  if (to.sector_size_known && to.sector_size != from.sector_size)
    return Error{ErrorCode::Unsupported,
                 fmt::format("{} has sectors of {} B and {} of {} B: filesystems made for the one may not work on the other; take a disk with the same",
                             from.path, from.sector_size, to.path, to.sector_size), {}};
  const Bytes lease = aligned_up(request.lease);
  const Bytes end = usable_end(to.size, from.sector_size);
  const PartitionFacts& last = gpt->partitions.back();
  if (end < last.extent.end() + lease)
    return Error{ErrorCode::OutOfSpace,
                 fmt::format("{} holds {}, of which partitions can use up to {}; {} ends at {}, and the lease takes {}; take a larger disk", to.path,
                             to.size.text(), end.text(), from.path, last.extent.end().text(), lease.text()), {}};
  DiskPlan plan = plan_around(to);
  plan.sector_size = from.sector_size;
  plan.disk_uuid = gpt->disk_uuid;
  plan.existing = request.existing;
  for (const PartitionFacts& partition : gpt->partitions) plan.partitions.push_back(kept(partition));
  PlannedPartition& grown = plan.partitions.back();
  if (last.filesystem.kind == FilesystemKind::Ext4) {
    grown.extent.size = end - lease - grown.extent.start;
    grown.filesystem_fills = true;
  } else {
    plan.notes.push_back(fmt::format("{} stay free: the last partition, {}, holds no ext4 that could grow", (end - lease - last.extent.end()).text(),
                                     last.number));
  }
  plan.notes.push_back(fmt::format("both disks then bear the same UUIDs: take {} out of the machine before it starts", from.path));
  return plan;
}

}  // namespace

Result<DiskPlan> plan_retrofit(const RetrofitRequest& request, const DiskFacts& facts) {
  Result<DiskPlan> plan = planned_retrofit(request, facts);
  if (!plan) return plan.error().within("planning the retrofit of " + facts.path);
  return plan;
}

Result<DiskPlan> plan_move(const MoveRequest& request, const DiskFacts& from, const DiskFacts& to) {
  Result<DiskPlan> plan = planned_move(request, from, to);
  if (!plan) return plan.error().within(fmt::format("planning the move from {} to {}", from.path, to.path));
  return plan;
}

}  // namespace provision::disk
