// What the planners of new disks, retrofits, moves and releases share.
#pragma once

#include <string>
#include <string_view>

#include "provision/disk/disk_plan.h"

namespace provision::disk {

constexpr Bytes aligned_down(Bytes size) { return {size.count / alignment.count * alignment.count}; }
constexpr Bytes aligned_up(Bytes size) { return aligned_down({size.count + alignment.count - 1}); }

// The end of what partitions may use: a backup GPT (one sector and 16 KiB of entries) follows.
Bytes usable_end(Bytes disk_size, std::uint32_t sector_size);

Error invalid(std::string message);
Done check_size(std::string_view what, Bytes size, Bytes least);
Done check_seal(const LeaseSeal& seal);
// Corrupt, Unsupported or nothing, with the way out.
Done check_gpt(const DiskFacts& facts);

PlannedPartition lease_partition(const std::string& seed, std::uint32_t number, Extent extent, const LeaseSeal& seal);
PlannedPartition kept(const PartitionFacts& facts);
// The disk alone, without partitions.
DiskPlan plan_around(const DiskFacts& facts);
std::uint32_t free_number(const DiskFacts& facts);

// What a rounding changed is said, so that nobody wonders about a partition some kilobytes larger than ordered.
void note_rounding(DiskPlan& plan, std::string_view what, Bytes asked, Bytes planned);

}  // namespace provision::disk
