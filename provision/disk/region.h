// A region of a disk, hashed or copied: by whole MiB, holes and zeros skipped.
#pragma once

#include "provision/disk/device_file.h"

namespace provision::disk {

// See Disks::hash_region and Disks::copy_region.
Result<Digest> digest_of_region(const DeviceFile& disk, const Extent& region);
Result<Digest> copied_region(const DeviceFile& from, DeviceFile& to, const Extent& region);

}  // namespace provision::disk
