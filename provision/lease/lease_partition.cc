#include "provision/lease/lease_partition.h"

#include <fmt/format.h>

#include "agent/contract/disk_markers.h"
#include "provision/disk/identifiers.h"

namespace provision::lease {
namespace {

bool fits(const disk::PartitionFacts& partition, const Wanted& wanted) {
  if (partition.type != agent::contract::lease_partition_type) return false;
  if (!wanted.partition_uuid.empty() && disk::lower_case(wanted.partition_uuid) != partition.uuid) return false;
  if (wanted.order.empty()) return true;
  if (!partition.luks || !partition.luks->token) return false;
  const auto order = partition.luks->token->facts.find("order");
  return order != partition.luks->token->facts.end() && order->second == wanted.order;
}

}  // namespace

std::string partition_device(const std::string& disk, std::uint32_t number) {
  const bool ends_in_digit = !disk.empty() && disk.back() >= '0' && disk.back() <= '9';
  return fmt::format("{}{}{}", disk, ends_in_digit ? "p" : "", number);
}

Result<LeasePartition> choose_lease_partition(const std::vector<disk::DiskFacts>& disks, const Wanted& wanted) {
  std::vector<LeasePartition> found;
  std::vector<std::string> names;
  for (const disk::DiskFacts& facts : disks)
    for (const disk::PartitionFacts& partition : facts.partitions) {
      if (!fits(partition, wanted)) continue;
      found.push_back({facts.path, partition_device(facts.path, partition.number), partition.uuid});
      names.push_back(found.back().device);
    }
  const std::string which = wanted.partition_uuid.empty() ? "" : " with PARTUUID=" + wanted.partition_uuid;
  if (found.empty()) return Error{ErrorCode::NotFound, fmt::format("no disk of this machine has a lease partition{}; name the partition's path", which), {}};
  if (found.size() > 1)
    return Error{ErrorCode::Conflict, fmt::format("several lease partitions fit: {}; name one by its path or PARTUUID", fmt::join(names, ", ")), {}};
  return found.front();
}

}  // namespace provision::lease
