// The name of an ext4 that somebody else made: its UUID and label.
#pragma once

#include <string>

#include "provision/disk/disk_plan.h"

namespace provision::disk {

// Changes the superblock and its copies, and nothing else: where checksums hang on the UUID, the old one stays as their seed (the
// feature metadata_csum_seed, Linux 4.4). Durable. Corrupt when there is no ext4, Unsupported for one that was not left in order.
Done name_ext4(const std::string& path, const Extent& partition, const std::string& uuid, const std::string& label);

}  // namespace provision::disk
