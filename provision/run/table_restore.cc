#include "provision/run/table_restore.h"

#include <fmt/core.h>

#include "provision/run/journal.h"

namespace provision::run {
namespace {

constexpr Bytes filesystem_slack = mebibytes(16);  // what mke2fs and resize2fs leave out at the end

Done grow_last(const std::string& disk_path, RunPorts& ports, std::vector<std::string>& done) {
  const auto facts = ports.disks.read(disk_path);
  if (!facts) return facts.error();
  if (facts->partitions.empty()) return {};
  const disk::PartitionFacts& last = facts->partitions.back();
  const bool fills = last.filesystem.size + filesystem_slack > last.extent.size;
  if (last.filesystem.kind != disk::FilesystemKind::Ext4 || fills) return {};
  if (Done checked = ports.disks.check_ext4(disk_path, last.extent, disk::Repair::Mend); !checked) return checked;
  if (Done grown = ports.disks.resize_ext4(disk_path, last.extent, last.extent.size); !grown) return grown;
  done.push_back(fmt::format("grew the filesystem of partition {} to {} again", last.number, last.extent.size.text()));
  return {};
}

}  // namespace

Result<std::vector<std::string>> restore_table_of_run(const std::string& order, const std::string& disk_path, const disk::Confirmation& confirmation,
                                                      Station& station, RunPorts& ports) {
  const auto folder = station.run_folder(order);
  if (!folder) return folder.error();
  const auto saved = station.files().read(*folder + "/table.before", mebibytes(4));
  if (!saved) return saved.error().within(fmt::format("the run of order {} saved no partition table at this station", order));
  const auto journal = Journal::read(station.files(), *folder + "/journal");
  if (!journal) return journal.error();
  if (journal->has(EntryKind::Fact, "finished"))
    return Error{ErrorCode::Refused, fmt::format("the retrofit of order {} was finished: give the disk back with `disk release`", order), {}};
  const auto use = ports.disks.use_of(disk_path);
  if (!use) return use.error();
  if (Done safe = disk::may_write(*use, confirmation); !safe) return safe.error();
  const auto facts = ports.disks.read(disk_path);
  if (!facts) return facts.error();
  const Entry* began = journal->last(EntryKind::Fact, "disk");
  if (began != nullptr && began->facts.at("serial") != facts->serial)
    return Error{ErrorCode::Conflict, fmt::format("{} has the serial '{}', and the run of order {} began on '{}'", disk_path, facts->serial, order, began->facts.at("serial")), {}};

  std::vector<std::string> done;
  if (const disk::PartitionFacts* lease = facts->lease()) {
    if (Done destroyed = ports.disks.destroy_key_slots(disk_path, lease->extent); !destroyed) return destroyed.error();
    done.push_back(fmt::format("destroyed the keys of lease partition {}", lease->number));
  }
  if (Done restored = ports.disks.restore_table(disk_path, *saved); !restored) return restored.error();
  done.emplace_back("put the saved partition table back");
  if (Done grown = grow_last(disk_path, ports, done); !grown) return grown.error();
  return done;
}

}  // namespace provision::run
