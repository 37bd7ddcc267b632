// What time drives, in order of its time: one entry per kind and name. Taking what is due costs only what is due.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "policies/vocabulary/instant.h"

namespace fleet::operations {
using namespace policies::vocabulary;

enum class DueKind {
  Agreement,    // an agreement's next step; the name is its id
  Incentive,    // the next monthly incentive of an agreement
  Window,       // a machine's hours open or close
  Offline,      // a machine may have missed its polls
  Silence,      // a machine may have been silent for too long
  Upload,       // an element may be referred to by nobody
  SettleWork,   // one entry: book what was computed
  SettleStorage,  // one entry: book what was stored
  LastSeen,     // one entry: store when machines were last heard
};

class DueQueue {
 public:
  struct Due {
    DueKind kind;
    std::string name;
    Instant at;
  };

  // Replaces the earlier time of the same kind and name.
  void arm(DueKind kind, const std::string& name, Instant at) {
    disarm(kind, name);
    times_[{kind, name}] = at;
    order_.insert({at, {kind, name}});
  }
  void disarm(DueKind kind, const std::string& name) {
    const auto found = times_.find({kind, name});
    if (found == times_.end()) return;
    order_.erase({found->second, found->first});
    times_.erase(found);
  }
  [[nodiscard]] bool is_armed(DueKind kind, const std::string& name) const { return times_.contains({kind, name}); }
  // The first that is due at `now`, taken out.
  std::optional<Due> take(Instant now) {
    if (order_.empty() || order_.begin()->first > now) return {};
    const auto [at, key] = *order_.begin();
    order_.erase(order_.begin());
    times_.erase(key);
    return Due{key.first, key.second, at};
  }
  [[nodiscard]] std::optional<Instant> next() const {
    if (order_.empty()) return {};
    return order_.begin()->first;
  }

 private:
  using Key = std::pair<DueKind, std::string>;
  std::map<Key, Instant> times_;
  std::set<std::pair<Instant, Key>> order_;
};

}  // namespace fleet::operations
