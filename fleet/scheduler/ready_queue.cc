#include "fleet/scheduler/ready_queue.h"

#include <algorithm>

#include "policies/vocabulary/error.h"

namespace fleet::scheduler {

void ReadyQueue::put(std::uint32_t task, const OwnerSet& owners) {
  const auto group = groups_.try_emplace(owners).first;
  std::set<std::uint32_t>& tasks = group->second;
  if (!tasks.empty()) fronts_.erase(*tasks.begin());
  // The hint makes filling a queue in task order cheap.
  const std::size_t before = tasks.size();
  tasks.insert(tasks.end(), task);
  policies::vocabulary::invariant(tasks.size() == before + 1, "a task is put into the ready queue once");
  fronts_[*tasks.begin()] = &*group;
}

void ReadyQueue::take(std::uint32_t task, const OwnerSet& owners) {
  const auto group = groups_.find(owners);
  policies::vocabulary::invariant(group != groups_.end(), "a task is taken from the group it was put into");
  std::set<std::uint32_t>& tasks = group->second;
  fronts_.erase(*tasks.begin());
  policies::vocabulary::invariant(tasks.erase(task) == 1, "a task is taken from the ready queue once");
  if (tasks.empty())
    groups_.erase(group);
  else
    fronts_[*tasks.begin()] = &*group;
}

std::optional<std::uint32_t> ReadyQueue::first_for(std::uint32_t owner) const {
  for (const auto& [task, group] : fronts_)
    if (!std::binary_search(group->first.begin(), group->first.end(), owner)) return task;
  return std::nullopt;
}

}  // namespace fleet::scheduler
