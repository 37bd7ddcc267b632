#include "fleet/placement/object.h"

#include <array>

namespace fleet::placement {

std::string_view name_of(ObjectState state) {
  static constexpr std::array<std::string_view, 6> names = {"spooled", "stored", "degraded", "repairing", "lost", "deleting"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view name_of(ShardState state) {
  static constexpr std::array<std::string_view, 5> names = {"spooled", "sent", "held", "retrieving", "missing"};
  return names.at(static_cast<std::size_t>(state));
}

Bytes ObjectView::stored_bytes() const {
  Bytes sum;
  for (const ShardView& shard : shards) sum += shard.size;
  return sum;
}

}  // namespace fleet::placement
