#include "provision/disk/disk_safety.h"

#include <fmt/format.h>

#include "provision/disk/identifiers.h"

namespace provision::disk {
namespace {

Error refused(std::string message) { return {ErrorCode::Refused, std::move(message), {}}; }

// What the kernel puts before a WWN depends on the bus, and what people write before it on where they read it.
std::string bare_wwn(const std::string& wwn) {
  std::string bare = lower_case(wwn);
  for (const std::string_view prefix : {"wwn-", "nvme-", "0x", "naa.", "eui.", "uuid."})
    if (bare.starts_with(prefix)) bare.erase(0, prefix.size());
  return bare;
}

std::string one_line(const AttachedDisk& disk) {
  return fmt::format("{} (serial {}, WWN {}, {}{}{})", disk.path, disk.serial.empty() ? "none" : disk.serial,
                     disk.wwn.empty() ? "none" : disk.wwn, disk.model, disk.model.empty() ? "" : " ", disk.size.text());
}

}  // namespace

bool names_disk(const std::string& name, const std::string& path, const std::string& serial, const std::string& wwn) {
  const auto is_wwn = [&](const std::string& said) { return !bare_wwn(said).empty() && bare_wwn(said) == bare_wwn(wwn); };
  if (name.empty()) return false;
  if (name.starts_with(by_serial)) return !serial.empty() && name.substr(by_serial.size()) == serial;
  if (name.starts_with(by_wwn)) return is_wwn(name.substr(by_wwn.size()));
  return name == path || name == serial || is_wwn(name);
}

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
  if (use.kind == DeviceKind::ImageFile) return {};
  if (!use.twins.empty() && confirmation.repeated != use.path && names_disk(confirmation.repeated, use.path, use.serial, use.wwn))
    return refused(fmt::format("'{}' names {} and {} alike; repeat its path to confirm", confirmation.repeated, use.path,
                               fmt::join(use.twins, ", ")));
  if (!names_disk(confirmation.repeated, use.path, use.serial, use.wwn))
    return refused(fmt::format("{} is a real disk{}; repeat its path, serial or WWN to confirm", use.path,
                               use.serial.empty() ? "" : " with serial " + use.serial));
  return {};
}

Result<AttachedDisk> choose_disk(const std::vector<AttachedDisk>& disks, const std::string& name) {
  std::vector<AttachedDisk> matching;
  for (const AttachedDisk& disk : disks)
    if (names_disk(name, disk.path, disk.serial, disk.wwn)) matching.push_back(disk);
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
