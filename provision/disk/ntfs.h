// An NTFS in a partition: its size, and its shrinking by ntfsresize (package ntfs-3g), when that program is there and agrees.
#pragma once

#include <string>

#include "provision/disk/device_file.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::disk {

// What the boot sector says (Microsoft's BIOS parameter block: bytes per sector at 11, sectors at 40); 0 when it says nonsense.
Bytes ntfs_size(const DeviceFile& disk, const Extent& partition);

// See Disks::least_ntfs and Disks::shrink_ntfs.
Result<Bytes> least_ntfs(const std::string& path, const Extent& partition, Processes& processes);
Done shrink_ntfs(const std::string& path, const Extent& partition, Bytes size, Processes& processes);

// The size in ntfsresize's line "You might resize at N bytes"; 0 without one.
Bytes least_size_said(std::string_view output);

}  // namespace provision::disk
