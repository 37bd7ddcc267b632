// A store in memory, with the ways in which a real one fails. Passes tests/contracts/store_contract.h.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>

#include "fleet/store/store.h"
#include "policies/vocabulary/bytes.h"

namespace tests::fakes {
using namespace policies::vocabulary;

class MemoryStore final : public fleet::store::Store {
 public:
  MemoryStore() = default;
  // What would be found after a crash at this moment: all that was committed.
  MemoryStore(const MemoryStore& other);
  MemoryStore& operator=(const MemoryStore&) = delete;

  Done commit(std::span<const fleet::store::Batch> batches) override;
  Done scan(fleet::store::Table table, std::string_view from,
            const std::function<void(std::string_view key, std::string_view value)>& visit) override;
  Result<std::string> get(fleet::store::Table table, std::string_view key) override;

  // The next commit applies nothing and fails so.
  void fail_next_commit(ErrorCode code);
  // The next commit is applied, but its caller hears of a failure: the power went before the answer.
  void lose_next_answer();
  // Keys and values together may not exceed this; beyond it commits fail with OutOfSpace.
  void limit_to(Bytes room);

  // How many commits wrote something, and how many batches they carried.
  [[nodiscard]] std::size_t commits() const;
  [[nodiscard]] std::size_t batches() const;
  // Changes one committed record behind everybody's back.
  void tamper(fleet::store::Table table, const std::string& key, std::string value);

 private:
  using Records = std::map<std::string, std::string, std::less<>>;
  using Tables = std::array<Records, fleet::store::table_count>;

  mutable std::recursive_mutex mutex_;
  Tables tables_;
  std::optional<ErrorCode> failure_;
  bool answer_lost_ = false;
  std::optional<Bytes> room_;
  std::size_t commits_ = 0;
  std::size_t batches_ = 0;
};

}  // namespace tests::fakes
