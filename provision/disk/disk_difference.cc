#include <fmt/core.h>

#include "agent/contract/disk_markers.h"
#include "provision/disk/disk_plan.h"

// From a plan and the facts to the steps between them.
namespace provision::disk {
namespace {

// resize2fs and mke2fs leave out a last block group too small for its own tables: a filesystem that ends this close to the
// end of its partition fills it.
constexpr Bytes filesystem_slack = mebibytes(16);

// Partitions of an MBR that is converted have no UUID yet: there the place alone tells.
bool same_place(const DiskPlan& plan, const PlannedPartition& planned, const PartitionFacts& there) {
  return planned.extent.start == there.extent.start && (planned.uuid == there.uuid || (plan.converts_mbr && there.uuid.empty()));
}

// The partition on the disk that the planned one is, or nullptr: partitions never move, so their starts must agree.
const PartitionFacts* found(const DiskPlan& plan, const PlannedPartition& planned, const DiskFacts& facts) {
  for (const PartitionFacts& candidate : facts.partitions)
    if (same_place(plan, planned, candidate)) return &candidate;
  return nullptr;
}

const PlannedPartition* planned_for(const PartitionFacts& there, const DiskPlan& plan) {
  for (const PlannedPartition& candidate : plan.partitions)
    if (same_place(plan, candidate, there)) return &candidate;
  return nullptr;
}

bool same_entry(const PlannedPartition& planned, const PartitionFacts& there) {
  return planned.number == there.number && planned.type == there.type && planned.uuid == there.uuid &&
         planned.name == there.name && planned.attributes == there.attributes && planned.extent == there.extent;
}

bool table_as_planned(const DiskPlan& plan, const DiskFacts& facts) {
  return facts.table == TableKind::Gpt && facts.copies_agree && facts.disk_uuid == plan.disk_uuid &&
         std::equal(plan.partitions.begin(), plan.partitions.end(), facts.partitions.begin(), facts.partitions.end(),
                    same_entry);
}

std::string one_line(const PartitionFacts& there) {
  return fmt::format("partition {} ({}{}{}, {})", there.number, there.name, there.name.empty() ? "" : ", ",
                     there.filesystem.name.empty() ? "no known filesystem" : there.filesystem.name,
                     there.extent.size.text());
}

std::string one_line(const PlannedPartition& planned) {
  return fmt::format("partition {} ({}, {})", planned.number, planned.name, planned.extent.size.text());
}

bool is_lease(const PartitionFacts& there) { return there.type == agent::contract::lease_partition_type; }

Done check_same_disk(const DiskPlan& plan, const DiskFacts& facts) {
  const auto other = [&](std::string_view what, const std::string& planned, const std::string& there) -> Done {
    return Error{ErrorCode::Conflict,
                 fmt::format("{} is another disk than the planned one: {} {} instead of {}; plan again", facts.path, what, there,
                             planned), {}};
  };
  if (facts.size != plan.disk_size)
    return other("it holds", fmt::format("{} B", plan.disk_size.count), fmt::format("{} B", facts.size.count));
  if (facts.sector_size_known && facts.sector_size != plan.sector_size)
    return other("its sectors have", fmt::format("{} B", plan.sector_size), fmt::format("{} B", facts.sector_size));
  if (facts.serial != plan.serial) return other("its serial is", "'" + plan.serial + "'", "'" + facts.serial + "'");
  return {};
}

// Whether the table may be replaced by the planned one.
Done check_table_may_go(const DiskPlan& plan, const DiskFacts& facts) {
  if (plan.existing == ExistingContent::Erase || facts.blank) return {};
  std::string there;
  for (const PartitionFacts& partition : facts.partitions) {
    if (facts.disk_uuid == plan.disk_uuid && (planned_for(partition, plan) != nullptr || is_lease(partition))) continue;
    there += (there.empty() ? "" : ", ") + one_line(partition);
  }
  const auto is_planned = [&](const PartitionFacts& partition) { return planned_for(partition, plan) != nullptr; };
  if (plan.converts_mbr && facts.table == TableKind::Mbr && std::all_of(facts.partitions.begin(), facts.partitions.end(), is_planned)) return {};
  const bool ours = facts.table == TableKind::Gpt && facts.disk_uuid == plan.disk_uuid;
  if (ours && there.empty()) return {};
  if (there.empty() && !facts.whole_disk.name.empty()) there = facts.whole_disk.name + " on the whole disk";
  if (there.empty() && facts.table == TableKind::Damaged)
    there = fmt::format("a damaged partition table: {}; restore it if its data matter (`disk restore-table`, gdisk)", facts.damage);
  if (there.empty() && facts.table != TableKind::None) there = "a partition table of another use";
  if (there.empty()) there = "unknown bytes at its beginning or end";
  return Error{ErrorCode::Refused,
               fmt::format("{} is not blank: {}; nothing was written. Take a blank disk, or allow erasing", facts.path, there), {}};
}

std::string table_text(const DiskPlan& plan, const DiskFacts& facts) {
  std::string text = facts.table == TableKind::Mbr && plan.converts_mbr ? "turn the MBR into a GPT" : "write the partition table";
  for (const PartitionFacts& there : facts.partitions)
    if (planned_for(there, plan) == nullptr) text += "; delete " + one_line(there);
  for (const PlannedPartition& planned : plan.partitions) {
    const PartitionFacts* there = found(plan, planned, facts);
    if (there == nullptr) {
      text += "; create " + one_line(planned);
    } else if (there->extent.size != planned.extent.size) {
      text += fmt::format("; resize partition {} ({}) from {} to {}", planned.number, planned.name,
                          there->extent.size.text(), planned.extent.size.text());
    }
  }
  return text;
}

// True when what lies in the partition stays there.
bool content_stays(const PlannedPartition& planned, const PartitionFacts& there) {
  switch (planned.content) {
    case Content::Kept: return true;
    case Content::FatEsp:
      return there.filesystem.kind == FilesystemKind::Fat && there.filesystem.uuid == planned.filesystem_uuid;
    case Content::Image:
    case Content::Ext4:
      return there.filesystem.kind == FilesystemKind::Ext4 && there.filesystem.uuid == planned.filesystem_uuid;
    case Content::SealedLease:
      return there.luks && there.luks->uuid == planned.luks->uuid && there.luks->token == planned.luks->token;
  }
  return false;
}

class Difference {
 public:
  Difference(const DiskPlan& plan, const DiskFacts& facts) : plan_(plan), facts_(facts) {}

  Result<std::vector<Step>> steps() {
    if (Done same = check_same_disk(plan_, facts_); !same) return same.error();
    check_torn();
    if (!steps_.empty()) return steps_;
    if (!table_as_planned(plan_, facts_)) {
      if (Done allowed = check_table_may_go(plan_, facts_); !allowed) return allowed.error();
      for (const PartitionFacts& there : facts_.partitions)
        if (is_lease(there) && planned_for(there, plan_) == nullptr)
          add(StepKind::DestroyKeySlots, there.number, there.extent, "destroy the keys of lease " + one_line(there));
      for (const PlannedPartition& planned : plan_.partitions)
        if (Done possible = make_room(planned); !possible) return possible.error();
      add(StepKind::WriteTable, 0, {{}, facts_.size}, table_text(plan_, facts_));
    }
    // An image last: it takes longest, and the formats before it go together.
    for (const bool image : {false, true})
      for (const PlannedPartition& planned : plan_.partitions)
        if ((planned.content == Content::Image) == image)
          if (Done possible = fill(planned); !possible) return possible.error();
    return steps_;
  }

 private:
  void add(StepKind kind, std::uint32_t partition, const Extent& extent, std::string text, Bytes filesystem_size = {}) {
    steps_.push_back({kind, partition, extent, filesystem_size, std::move(text)});
  }

  void add_shrink(StepKind kind, const PlannedPartition& planned, const PartitionFacts& there) {
    add(kind, planned.number, there.extent,
        fmt::format("shrink the filesystem of {} from {} to {}", one_line(there), there.filesystem.size.text(), planned.extent.size.text()),
        planned.extent.size);
  }

  void add_check(const PlannedPartition& planned, const Extent& extent) {
    add(StepKind::CheckFilesystem, planned.number, extent, fmt::format("check the filesystem of {}", one_line(planned)));
  }

  // Nothing is decided by the size of a filesystem whose superblock is torn.
  void check_torn() {
    for (const PlannedPartition& planned : plan_.partitions) {
      const PartitionFacts* there = found(plan_, planned, facts_);
      if (there != nullptr && there->filesystem.torn && content_stays(planned, *there)) add_check(planned, there->extent);
    }
  }

  // Before the table is written: filesystems of partitions that become smaller.
  Done make_room(const PlannedPartition& planned) {
    const PartitionFacts* there = found(plan_, planned, facts_);
    if (there == nullptr || planned.extent.size >= there->extent.size) return {};
    const bool kept = content_stays(planned, *there);
    if (!kept) return {};
    if (there->filesystem.kind == FilesystemKind::Ntfs) {
      if (there->filesystem.size > planned.extent.size) add_shrink(StepKind::ShrinkNtfs, planned, *there);
      return {};
    }
    if (there->filesystem.kind != FilesystemKind::Ext4)
      return Error{ErrorCode::Unsupported, fmt::format("{} cannot be shrunk: only ext4 and NTFS can", one_line(*there)), {}};
    if (there->filesystem.size <= planned.extent.size && there->filesystem.clean) return {};
    add_check(planned, there->extent);
    if (there->filesystem.size > planned.extent.size) add_shrink(StepKind::ShrinkFilesystem, planned, *there);
    return {};
  }

  // After the table is written: what the partitions hold.
  Done fill(const PlannedPartition& planned) {
    const PartitionFacts* there = found(plan_, planned, facts_);
    if (there == nullptr) {
      add_format(planned);
      return {};
    }
    if (content_stays(planned, *there)) {
      grow(planned, *there);
      return {};
    }
    if (Done allowed = check_content_may_go(planned, *there); !allowed) return allowed;
    add_format(planned);
    return {};
  }

  void grow(const PlannedPartition& planned, const PartitionFacts& there) {
    if (!planned.filesystem_fills || there.filesystem.kind != FilesystemKind::Ext4) return;
    const bool short_of_end = there.filesystem.size + filesystem_slack <= planned.extent.size;
    const bool shrinks = there.filesystem.size > planned.extent.size;
    if (short_of_end || (!there.filesystem.clean && !shrinks)) add_check(planned, planned.extent);
    if (short_of_end)
      add(StepKind::GrowFilesystem, planned.number, planned.extent,
          fmt::format("grow the filesystem of {} from {} to {}", one_line(planned), there.filesystem.size.text(),
                      planned.extent.size.text()),
          planned.extent.size);
  }

  Done check_content_may_go(const PlannedPartition& planned, const PartitionFacts& there) const {
    const FilesystemFacts& filesystem = there.filesystem;
    if (plan_.existing == ExistingContent::Erase || filesystem.kind == FilesystemKind::None) return {};
    // Space that has just been taken from the owner's filesystem may look like anything; it is empty all the same.
    if (planned.role == Role::Lease && filesystem.kind != FilesystemKind::Luks2) return {};
    if (there.luks && planned.luks && there.luks->uuid == planned.luks->uuid)
      return Error{ErrorCode::Refused,
                   fmt::format("{} is sealed with other keys than the plan names; go on with the keys of the first run, or "
                               "allow erasing", one_line(there)), {}};
    return Error{ErrorCode::Refused,
                 fmt::format("{} holds what this plan did not make; nothing was written. Allow erasing, or plan again",
                             one_line(there)), {}};
  }

  void add_format(const PlannedPartition& planned) {
    switch (planned.content) {
      case Content::Kept: return;
      case Content::FatEsp:
        return add(StepKind::FormatEsp, planned.number, planned.extent, "format " + one_line(planned) + " as FAT32");
      case Content::Ext4:
        return add(StepKind::FormatExt4, planned.number, planned.extent, "format " + one_line(planned) + " as ext4");
      case Content::Image:
        return add(StepKind::WriteImage, planned.number, planned.extent, "write the operating system's image to " + one_line(planned));
      case Content::SealedLease:
        return add(StepKind::FormatLuks, planned.number, planned.extent, "seal " + one_line(planned) + " with LUKS2");
    }
  }

  const DiskPlan& plan_;
  const DiskFacts& facts_;
  std::vector<Step> steps_;
};

}  // namespace

std::string_view name_of(StepKind kind) {
  switch (kind) {
    case StepKind::DestroyKeySlots: return "destroy-key-slots";
    case StepKind::CheckFilesystem: return "check-filesystem";
    case StepKind::ShrinkFilesystem: return "shrink-filesystem";
    case StepKind::ShrinkNtfs: return "shrink-ntfs";
    case StepKind::WriteTable: return "write-table";
    case StepKind::FormatEsp: return "format-esp";
    case StepKind::FormatExt4: return "format-ext4";
    case StepKind::FormatLuks: return "format-luks";
    case StepKind::WriteImage: return "write-image";
    case StepKind::GrowFilesystem: return "grow-filesystem";
  }
  return "";
}

std::vector<std::string> deletions(const DiskPlan& plan, const DiskFacts& facts) {
  std::vector<std::string> lines;
  for (const PartitionFacts& there : facts.partitions) {
    const PlannedPartition* planned = planned_for(there, plan);
    if (planned == nullptr)
      lines.push_back(one_line(there));
    else if (!content_stays(*planned, there) && there.filesystem.kind != FilesystemKind::None)
      lines.push_back(fmt::format("the {} in {}", there.filesystem.name, one_line(there)));
  }
  if (!facts.whole_disk.name.empty()) lines.push_back(fmt::format("the {} on the whole disk", facts.whole_disk.name));
  if (facts.table == TableKind::Damaged) lines.push_back("a damaged partition table: " + facts.damage);
  return lines;
}

Result<std::vector<Step>> difference(const DiskPlan& plan, const DiskFacts& facts) {
  Result<std::vector<Step>> steps = Difference(plan, facts).steps();
  if (!steps) return steps.error().within("comparing " + facts.path + " with its plan");
  return steps;
}

}  // namespace provision::disk
