#include "provision/disk/disk_safety.h"

#include <fmt/format.h>

namespace provision::disk {
namespace {

Error refused(std::string message) { return {ErrorCode::Refused, std::move(message), {}}; }

bool names(const std::string& name, const std::string& path, const std::string& serial, const std::string& wwn) {
  return !name.empty() && (name == path || name == serial || name == wwn);
}

std::string one_line(const AttachedDisk& disk) {
  return fmt::format("{} (serial {}, {} {})", disk.path, disk.serial.empty() ? "none" : disk.serial, disk.model,
                     disk.size.text());
}

}  // namespace

Done may_write(const DiskUse& use, const Confirmation& confirmation) {
  if (use.holds_running_system)
    return refused(fmt::format("{} holds the system that is running; start from another disk to change it", use.path));
  if (!use.mounted_at.empty())
    return refused(fmt::format("{} is mounted at {}; unmount it first", use.path, fmt::join(use.mounted_at, ", ")));
  if (!use.holders.empty())
    return refused(fmt::format("{} is in use by {}; close these first", use.path, fmt::join(use.holders, ", ")));
  if (use.exclusively_opened)
    return refused(fmt::format("{} is opened exclusively by another program; end that first", use.path));
  if (use.read_only) return refused(fmt::format("{} is read-only; lift its write protection", use.path));
  if (use.kind == DeviceKind::BlockDevice && !names(confirmation.repeated, use.path, use.serial, use.wwn))
    return refused(fmt::format("{} is a real disk{}; repeat its path, serial or WWN to confirm", use.path,
                               use.serial.empty() ? "" : " with serial " + use.serial));
  return {};
}

Result<AttachedDisk> choose_disk(const std::vector<AttachedDisk>& disks, const std::string& name) {
  std::vector<AttachedDisk> matching;
  for (const AttachedDisk& disk : disks)
    if (names(name, disk.path, disk.serial, disk.wwn)) matching.push_back(disk);
  if (matching.size() == 1) return matching.front();
  std::vector<std::string> lines;
  for (const AttachedDisk& disk : matching.empty() ? disks : matching) lines.push_back(one_line(disk));
  if (matching.empty())
    return Error{ErrorCode::NotFound,
                 fmt::format("no disk has the path, serial or WWN '{}'; there {}", name,
                             lines.empty() ? "are none" : fmt::format("are {}", fmt::join(lines, "; "))), {}};
  return Error{ErrorCode::Conflict,
               fmt::format("'{}' names {} disks: {}; name one by its path", name, matching.size(), fmt::join(lines, "; ")), {}};
}

}  // namespace provision::disk
