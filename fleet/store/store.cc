#include "fleet/store/store.h"

#include <array>

namespace fleet::store {

std::string_view name_of(Table table) {
  static constexpr std::array<std::string_view, table_count> names = {
      "parties",  "lines",  "vouchers", "machines", "agreements",  "statements",  "sessions", "objects",
      "shards",   "jobs",   "tasks",    "assignments", "allocations", "ledger",      "events",   "settings"};
  return names.at(static_cast<std::size_t>(table));
}

}  // namespace fleet::store
