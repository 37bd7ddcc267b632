#include "fleet/scheduler/job.h"

#include <array>

namespace fleet::scheduler {

std::string_view name_of(JobState state) {
  static constexpr std::array<std::string_view, 5> names = {"running", "stopped", "done", "removed", "failed"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view name_of(TaskState state) {
  static constexpr std::array<std::string_view, 4> names = {"waiting", "running", "done", "failed"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view name_of(CopyState state) {
  static constexpr std::array<std::string_view, 9> names = {"assigned", "reported", "accepted", "rejected", "failed",
                                                            "refused",  "returned", "expired",  "cancelled"};
  return names.at(static_cast<std::size_t>(state));
}

}  // namespace fleet::scheduler
