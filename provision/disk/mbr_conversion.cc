#include "provision/disk/mbr_conversion.h"

#include <fmt/core.h>

#include <map>

#include "provision/disk/identifiers.h"

namespace provision::disk {
namespace {

constexpr std::uint64_t gpt_entries_size = 16384;

// Types as in the table of "MBR to GPT" of sfdisk and gdisk. What has no counterpart is not guessed.
const std::map<std::string, std::string_view>& gpt_types() {
  static const std::map<std::string, std::string_view> types = {
      {"01", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}, {"04", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"},
      {"06", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}, {"07", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"},
      {"0B", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}, {"0C", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"},
      {"0E", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}, {"27", "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC"},
      {"82", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"}, {"83", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"},
      {"8E", "E6D6D379-F507-44C2-A23C-238F2A3DF928"}, {"EF", esp_type},
      {"FD", "A19D880F-05FC-4D3B-A006-743F0F84911E"}};
  return types;
}

Done check_not_started_from(const DiskFacts& facts) {
  const auto refused = [&](const std::string& why) -> Done {
    return Error{ErrorCode::Refused,
                 fmt::format("the machine seems to start from this disk through its MBR ({}), and would not any more with a GPT; set it to start by UEFI "
                             "first, or lease nothing of this disk", why), {}};
  };
  if (facts.mbr->gap_written) return refused("a boot loader lies between the first sector and the first partition");
  if (facts.mbr->boot_code && facts.mbr->active_partition != 0)
    return refused(fmt::format("boot code in the first sector, and partition {} is active", facts.mbr->active_partition));
  return {};
}

}  // namespace

Result<DiskFacts> as_gpt(const DiskFacts& facts, const std::string& seed) {
  invariant(facts.table == TableKind::Mbr && facts.mbr.has_value(), "only an MBR that was read is converted");
  if (Done idle = check_not_started_from(facts); !idle) return idle.error();
  const Bytes room = {2 * std::uint64_t{facts.sector_size} + gpt_entries_size};
  DiskFacts gpt = facts;
  gpt.table = TableKind::Gpt;
  gpt.mbr.reset();
  gpt.disk_uuid = uuid_from(seed, "disk");
  for (PartitionFacts& partition : gpt.partitions) {
    if (partition.extent.start < room)
      return Error{ErrorCode::Unsupported,
                   fmt::format("partition {} begins at byte {}, but a GPT takes the first {}; move it (gparted) first", partition.number,
                               partition.extent.start.count, room.count), {}};
    const auto type = gpt_types().find(partition.type);
    if (type == gpt_types().end())
      return Error{ErrorCode::Unsupported,
                   fmt::format("partition {} has the MBR type {}, for which no GPT type is known; change its type, or convert the disk yourself (gdisk)",
                               partition.number, partition.type), {}};
    partition.type = type->second;
    partition.uuid = uuid_from(seed, fmt::format("partition {}", partition.number));
  }
  return gpt;
}

}  // namespace provision::disk
