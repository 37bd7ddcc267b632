// The tasks of one job that wait for one more copy, found by whom they may still go to.
//
// A task that some owners already worked on may go to any other owner. Tasks with the same set of such owners form a group, so
// finding the lowest-numbered task for an owner looks at one task per group and never walks the tasks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace fleet::scheduler {

using OwnerSet = std::vector<std::uint32_t>;  // sorted, without doubles

class ReadyQueue {
 public:
  // Precondition: the task is not in it.
  void put(std::uint32_t task, const OwnerSet& owners);
  // Precondition: the task is in it with these owners.
  void take(std::uint32_t task, const OwnerSet& owners);
  // The lowest-numbered task that `owner` did not work on; nothing when there is none.
  [[nodiscard]] std::optional<std::uint32_t> first_for(std::uint32_t owner) const;
  [[nodiscard]] bool empty() const { return groups_.empty(); }

 private:
  using Group = std::map<OwnerSet, std::set<std::uint32_t>>::value_type;
  std::map<OwnerSet, std::set<std::uint32_t>> groups_;
  std::map<std::uint32_t, const Group*> fronts_;  // lowest task of each group; a map's nodes stay where they are
};

}  // namespace fleet::scheduler
