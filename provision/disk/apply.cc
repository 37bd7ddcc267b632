#include "provision/disk/apply.h"

#include <fmt/core.h>

#include <span>

namespace provision::disk {
namespace {

// One to check what is torn, one for the rest, one to grow an image, one to read back.
constexpr int rounds_max = 4;

Result<const PlannedPartition*> planned(const Step& step, const DiskPlan& plan) {
  for (const PlannedPartition& candidate : plan.partitions)
    if (candidate.number == step.partition) return &candidate;
  return Error{ErrorCode::InvalidInput, fmt::format("the plan has no partition {} for the step '{}'", step.partition, step.text), {}};
}

bool formats(const Step& step) {
  return step.kind == StepKind::FormatEsp || step.kind == StepKind::FormatExt4 || step.kind == StepKind::FormatLuks;
}

// Formats go together, all else goes one by one: how many of the steps from `first` on are done at once.
std::size_t together(const std::vector<Step>& steps, std::size_t first) {
  std::size_t end = first + 1;
  while (formats(steps[first]) && end < steps.size() && formats(steps[end])) ++end;
  return end - first;
}

Done format(std::span<const Step> steps, const DiskPlan& plan, const LeaseKeys* keys, Disks& disks) {
  std::vector<PlannedPartition> partitions;
  for (const Step& step : steps) {
    Result<const PlannedPartition*> partition = planned(step, plan);
    if (!partition) return partition.error();
    partitions.push_back(**partition);
  }
  return disks.format(plan.path, partitions, keys);
}

Done write_image(const Step& step, const DiskPlan& plan, ImageSource* image) {
  Result<const PlannedPartition*> partition = planned(step, plan);
  if (!partition) return partition.error();
  if (image == nullptr) return Error{ErrorCode::InvalidInput, "an operating system's image must be written, but none was given", {}};
  return image->write(plan.path, **partition);
}

// A key that is surely not the slot's, so that a slot which opens to anything is found out.
std::string another_key(std::string key) {
  for (char& c : key) c = static_cast<char>(c ^ 0x5A);
  return key;
}

Done verify_slots(const DiskPlan& plan, const PlannedPartition& lease, const LeaseKeys& keys, Disks& disks,
                  std::vector<std::string>& findings) {
  for (const TokenSlot& slot : lease.luks->token.slots) {
    if (slot.slot >= keys.slot_keys.size()) {
      findings.push_back(fmt::format("no key was given for slot {} ({})", slot.slot, slot.purpose));
      continue;
    }
    const std::string& key = keys.slot_keys[slot.slot];
    Result<bool> opens = disks.slot_opens(plan.path, lease.extent, slot.slot, key);
    if (!opens) return opens.error();
    if (!*opens) findings.push_back(fmt::format("key slot {} ({}) does not open with its key", slot.slot, slot.purpose));
    Result<bool> opens_to_another = disks.slot_opens(plan.path, lease.extent, slot.slot, another_key(key));
    if (!opens_to_another) return opens_to_another.error();
    if (*opens_to_another) findings.push_back(fmt::format("key slot {} ({}) opens with a wrong key", slot.slot, slot.purpose));
  }
  return {};
}

void verify_header(const PlannedPartition& lease, const DiskFacts& facts, std::vector<std::string>& findings) {
  const PartitionFacts* there = facts.partition(lease.number);
  if (there == nullptr || !there->luks) return;  // difference has said so
  const LuksFacts& luks = *there->luks;
  if (luks.cipher != "aes-xts-plain64" || luks.volume_key_bits != 512 || luks.sector_size != 4096)
    findings.push_back(fmt::format("the lease partition is sealed with {} of {} bits in sectors of {} B", luks.cipher,
                                   luks.volume_key_bits, luks.sector_size));
  if (luks.header_size != luks_header_size)
    findings.push_back(fmt::format("the LUKS header takes {} instead of {}", luks.header_size.text(), luks_header_size.text()));
  std::vector<std::uint32_t> expected;
  for (const TokenSlot& slot : lease.luks->token.slots) expected.push_back(slot.slot);
  if (luks.slots != expected) findings.push_back(fmt::format("{} key slots are in use, {} planned", luks.slots.size(), expected.size()));
}

}  // namespace

Done do_step(const Step& step, const DiskPlan& plan, const LeaseKeys* keys, Disks& disks, ImageSource* image) {
  switch (step.kind) {
    case StepKind::DestroyKeySlots: return disks.destroy_key_slots(plan.path, step.extent);
    case StepKind::CheckFilesystem: return disks.check_ext4(plan.path, step.extent, Repair::Mend);
    case StepKind::ShrinkFilesystem:
    case StepKind::GrowFilesystem: return disks.resize_ext4(plan.path, step.extent, step.filesystem_size);
    case StepKind::ShrinkNtfs: return disks.shrink_ntfs(plan.path, step.extent, step.filesystem_size);
    case StepKind::WriteTable: return disks.write_table(plan);
    case StepKind::FormatEsp:
    case StepKind::FormatExt4:
    case StepKind::FormatLuks: return format({&step, 1}, plan, keys, disks);
    case StepKind::WriteImage: return write_image(step, plan, image);
  }
  return Error{ErrorCode::InvalidInput, "an unknown step", {}};
}

Result<std::vector<Step>> apply(const DiskPlan& plan, const LeaseKeys* keys, Disks& disks, StepWitness& witness, ImageSource* image) {
  std::vector<Step> done;
  for (int round = 0; round < rounds_max; ++round) {
    Result<DiskFacts> facts = disks.read(plan.path);
    if (!facts) return facts.error();
    Result<std::vector<Step>> steps = difference(plan, *facts);
    if (!steps && round > 0) return steps.error().within("reading back what was written");
    if (!steps || steps->empty()) return steps ? Result<std::vector<Step>>(done) : steps;
    for (std::size_t next = 0; next < steps->size();) {
      const std::span<const Step> at_once(&(*steps)[next], together(*steps, next));
      for (const Step& step : at_once)
        if (Done begun = witness.begins(step); !begun) return begun.error().within("journalling: " + step.text);
      Done changed = formats(at_once.front()) ? format(at_once, plan, keys, disks) : do_step(at_once.front(), plan, keys, disks, image);
      if (!changed) return at_once.size() == 1 ? changed.error().within(at_once.front().text) : changed.error();
      for (const Step& step : at_once) {
        if (Done ended = witness.ended(step); !ended) return ended.error().within("journalling: " + step.text);
        done.push_back(step);
      }
      next += at_once.size();
    }
  }
  return Error{ErrorCode::Corrupt,
               fmt::format("{} is not as planned after its last step: {}. Do not ship this disk", plan.path, done.back().text), {}};
}

Result<std::vector<std::string>> verify(const DiskPlan& plan, const LeaseKeys* keys, Disks& disks) {
  std::vector<std::string> findings;
  Result<DiskFacts> facts = disks.read(plan.path);
  if (!facts) return facts.error();
  Result<std::vector<Step>> left = difference(plan, *facts);
  if (!left) {
    findings.push_back(left.error().text());
    return findings;
  }
  for (const Step& step : *left) findings.push_back("not as planned; still to do: " + step.text);
  if (!findings.empty()) return findings;

  for (const PlannedPartition& partition : plan.partitions) {
    const PartitionFacts* there = facts->partition(partition.number);
    if (partition.filesystem_fills && there->filesystem.kind == FilesystemKind::Ext4) {
      Done checked = disks.check_ext4(plan.path, partition.extent, Repair::ReportOnly);
      if (!checked && checked.error().code != ErrorCode::Corrupt) return checked.error();
      if (!checked) findings.push_back(fmt::format("partition {} ({}): {}", partition.number, partition.name, checked.error().text()));
    }
    if (partition.content != Content::SealedLease) continue;
    verify_header(partition, *facts, findings);
    if (keys == nullptr) continue;
    if (Done verified = verify_slots(plan, partition, *keys, disks, findings); !verified) return verified.error();
  }
  return findings;
}

}  // namespace provision::disk
