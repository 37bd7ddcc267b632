#include "provision/line/work_list.h"

#include <fmt/format.h>

#include <set>

#include "policies/loading/strict_yaml.h"

namespace provision::line {
namespace {

std::string placed(const std::string& path, const std::string& folder) {
  if (path.starts_with('/') || folder.empty() || folder == ".") return path;
  return folder + "/" + path;
}

bool is_path(const std::string& disk) { return disk.find('/') != std::string::npos || disk.find('.') != std::string::npos; }

std::string stem_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

bool is_for(const DiskFile& disk, const OrderFile& order) {
  for (const std::string& name : {stem_of(disk.path), disk.serial, disk.wwn})
    if (!name.empty() && (name == order.serial || name == order.order)) return true;
  return false;
}

}  // namespace

Result<std::vector<WorkItem>> work_list_from(std::string_view text, const std::string& file, const std::string& folder) {
  Result<policies::loading::StrictYaml> yaml = policies::loading::StrictYaml::parse(text, file);
  if (!yaml) return yaml.error();
  policies::loading::Section root = yaml->root();
  std::vector<WorkItem> items;
  std::set<std::string> orders;
  std::set<std::string> disks;
  for (policies::loading::Section& entry : root.sections("disks", {1, work_list_max})) {
    WorkItem item;
    item.order = placed(entry.text("order", {1, 4096}), folder);
    const std::string disk = entry.text("disk", {1, 4096});
    item.disk = is_path(disk) ? placed(disk, folder) : disk;
    item.confirm = entry.text_or("confirm", {}, {1, 4096});
    if (!orders.insert(item.order).second) entry.refuse("order", item.order + " is in the list twice: one order is one machine");
    if (!disks.insert(item.disk).second) entry.refuse("disk", item.disk + " is in the list twice");
    items.push_back(std::move(item));
  }
  if (Done whole = yaml->finish(); !whole) return whole.error();
  return items;
}

Result<Matched> matched(const std::vector<OrderFile>& orders, const std::vector<DiskFile>& disks) {
  Matched found;
  std::string wrong;
  std::set<std::string> machines;
  std::set<std::string> taken;
  const auto refuse = [&wrong](std::string why) { wrong += (wrong.empty() ? "" : "; ") + std::move(why); };
  for (const OrderFile& order : orders) {
    if (!machines.insert(order.serial).second) refuse(fmt::format("{} is a second order for machine {}", order.path, order.serial));
    std::vector<std::string> its;
    for (const DiskFile& disk : disks)
      if (is_for(disk, order)) its.push_back(disk.path);
    if (its.empty()) refuse(fmt::format("no disk is named {} or {}, which {} wants", order.serial, order.order, order.path));
    if (its.size() > 1) refuse(fmt::format("{} could go onto any of {}", order.path, fmt::join(its, ", ")));
    if (its.size() != 1) continue;
    if (!taken.insert(its.front()).second) refuse(fmt::format("{} fits more than one order", its.front()));
    // Matched by its serial, a drive was named by the order itself: that is the confirmation.
    const auto disk = std::find_if(disks.begin(), disks.end(), [&](const DiskFile& one) { return one.path == its.front(); });
    found.items.push_back({order.path, its.front(), disk->serial.empty() ? disk->wwn : disk->serial});
  }
  if (orders.empty()) refuse("there is no order");
  if (orders.size() > work_list_max) refuse(fmt::format("more than {} orders at once", work_list_max));
  if (!wrong.empty()) return Error{ErrorCode::InvalidInput, wrong + "; put the right disks in, or write a list", {}};
  for (const DiskFile& disk : disks)
    if (!taken.contains(disk.path)) found.disks_left.push_back(disk.path);
  return found;
}

}  // namespace provision::line
