// Who uses a disk now, and which disks there are: read from /proc and /sys below `root` ("" on a real machine, a recorded
// tree in tests).
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_safety.h"

namespace provision::disk {

struct DeviceNames {
  std::string serial;
  std::string wwn;
  std::string model;
};
// Of a whole block device; empty where the kernel knows none.
DeviceNames names_of_device(const std::string& root, const std::string& path);

Result<DiskUse> read_use(const std::string& root, const std::string& path);
// Of a block device by its kernel name ("sda"), without opening it.
Result<DiskUse> use_by_name(const std::string& root, const std::string& name);
Result<std::vector<AttachedDisk>> read_attached(const std::string& root);

// A line of /proc/self/mountinfo (proc(5)), with \040 and its like undone. Lines of another form are left out.
struct Mount {
  std::string device;  // "8:2"
  std::string source;  // "/dev/sda2", or what the filesystem says
  std::string target;
};
std::vector<Mount> mounts_from(std::string_view mountinfo);

}  // namespace provision::disk
