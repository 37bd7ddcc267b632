// Orders about shards: which are under way, and what was answered. Storing and sending move bytes and may be cut;
// deleting is done at once. What is not answered yet is an entry "shard/<request>" of the journal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "agent/vault/vault.h"
#include "policies/vocabulary/instant.h"

namespace agent::daemon {
using namespace policies::vocabulary;

enum class ShardAct { Store, Send };
enum class ShardAnswerKind {
  Stored,
  Sent,
  Deleted,
  Missing,
  Corrupt,
  Refused,
  Failed
};  // in the order of the wire's ShardOutcome

struct ShardOrder {
  ShardAct act = ShardAct::Store;
  std::uint64_t request = 0;
  ShardId shard{};
  Digest digest{};
  Bytes size{};
  std::string ticket{};
};

struct ShardAnswer {
  std::uint64_t request = 0;
  ShardId shard{};
  ShardAnswerKind kind = ShardAnswerKind::Failed;
  Digest digest{};
  Bytes size{};
  std::string reason{};
};

// One order whose bytes should move now.
struct ShardTransfer {
  std::uint64_t request = 0;
  ShardAct act = ShardAct::Store;
  Digest digest{};
  Bytes size{};
  std::string ticket{};
  std::string bytes{};  // for Send
};

class ShardWork {
 public:
  // `journal` must outlive it. The vault is given to each call: both move together with their owner.
  ShardWork(journal::Journal& journal, std::uint32_t under_way_max, std::uint32_t attempts_max)
      : journal_(&journal), under_way_max_(under_way_max), attempts_max_(attempts_max) {}

  // Reads unanswered orders back from the journal.
  Done resume();

  // Answers what can be answered at once; keeps the rest. An order known by its request changes nothing.
  void take(const ShardOrder& order, vault::Vault& vault);
  void remove(std::uint64_t request, const ShardId& shard, const Digest& digest, vault::Vault& vault);

  // What to begin now; each is answered by arrived() or sent().
  std::vector<ShardTransfer> begin(vault::Vault& vault, Duration running);
  void arrived(std::uint64_t request, const Result<std::string>& bytes, vault::Vault& vault, Duration running);
  void sent(std::uint64_t request, const Done& done, Duration running);

  // Answers since the last call; to be made durable in one commit with what is staged.
  std::vector<ShardAnswer> take_answers() { return std::exchange(answers_, {}); }
  [[nodiscard]] bool has_answers() const { return !answers_.empty(); }
  // The span until begin() has something that waits for its time.
  [[nodiscard]] Duration wait(Duration running) const;

 private:
  struct Item {
    ShardOrder order;
    bool under_way = false;
    std::uint32_t attempts = 0;
    Duration retry_at{0};
  };
  void answer(const ShardOrder& order, ShardAnswerKind kind, std::string reason);
  void again(Item& item, const Error& error, Duration running);

  journal::Journal* journal_;
  std::uint32_t under_way_max_;
  std::uint32_t attempts_max_;
  std::map<std::uint64_t, Item> items_;
  std::vector<ShardAnswer> answers_;
};

}  // namespace agent::daemon
