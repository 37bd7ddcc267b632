// What the controller must not forget. One narrow port, batch-shaped: many changes, one durable step.
//
// The store keeps records: a table, a key, a value (JSON, so that support can read it with any tool). What is in memory is
// built from it at start and is never truer than it. One writer; batches are applied whole or not at all, in order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"

namespace fleet::store {
using namespace policies::vocabulary;

enum class Table {
  Parties,
  Lines,
  Vouchers,
  Machines,
  Agreements,
  Statements,    // signed consents, receipts, answers, as received
  Sessions,      // link state per machine
  Objects,
  Shards,
  Jobs,
  Tasks,
  Assignments,
  Allocations,   // D2: which portion of which machine was given to what
  Ledger,        // journal entries; keys are zero-padded numbers, never changed
  Events,        // what happened, append-only
  Settings,
};
inline constexpr std::size_t table_count = static_cast<std::size_t>(Table::Settings) + 1;
std::string_view name_of(Table table);

struct Change {
  Table table = Table::Settings;
  std::string key;                    // at most 512 bytes
  std::optional<std::string> value;   // nothing: the record goes
};

using Batch = std::vector<Change>;

class Store {
 public:
  virtual ~Store() = default;
  // All batches in one transaction, in order; durable when it returns. OutOfSpace or IoFailure: none of them is applied.
  virtual Done commit(std::span<const Batch> batches) = 0;
  // Calls `visit` for each record of the table in key order, from `from` (inclusive).
  virtual Done scan(Table table, std::string_view from,
                    const std::function<void(std::string_view key, std::string_view value)>& visit) = 0;
  // NotFound when there is no such record.
  virtual Result<std::string> get(Table table, std::string_view key) = 0;
};

}  // namespace fleet::store
