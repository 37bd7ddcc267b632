#include "provision/cli/layout_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace provision::cli {
using namespace policies::vocabulary;
namespace {

constexpr std::size_t cell_min = 3;

// Whole MiB below a GiB, else GiB with one decimal: sizes that can be compared at a glance.
std::string size_text(Bytes size) {
  const std::uint64_t tenths = (size.count * 10 + gibibytes(1).count / 2) / gibibytes(1).count;
  return size < gibibytes(1) ? fmt::format("{} MiB", size.count >> 20)
                             : fmt::format("{}.{} GiB", tenths / 10, tenths % 10);
}

// Columns for each part: its share, and the least it needs; what that takes too much is taken from the widest.
std::vector<std::size_t> cells_of(const disk::DiskPlan& plan, std::size_t columns) {
  std::vector<std::size_t> cells;
  for (const disk::PlannedPartition& partition : plan.partitions) {
    const long double share =
        static_cast<long double>(partition.extent.size.count) / static_cast<long double>(plan.disk_size.count);
    cells.push_back(std::max(cell_min, static_cast<std::size_t>(share * static_cast<long double>(columns))));
  }
  for (std::size_t sum = std::accumulate(cells.begin(), cells.end(), std::size_t{0}); sum > columns; --sum) {
    const auto widest = std::max_element(cells.begin(), cells.end());
    if (*widest <= cell_min) break;
    --*widest;
  }
  return cells;
}

}  // namespace

std::string layout_bar(const disk::DiskPlan& plan, std::size_t width) {
  if (plan.partitions.empty() || plan.disk_size.count == 0) return {};
  width = std::clamp<std::size_t>(width, 20, 200);
  const std::vector<std::size_t> cells = cells_of(plan, width - plan.partitions.size() - 1);
  std::string bar = "|";
  std::string legend = " ";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const disk::PlannedPartition& partition = plan.partitions[i];
    const char fill = partition.role == disk::Role::Lease ? '#' : partition.role == disk::Role::Customer ? '.' : '-';
    const std::string long_name = fmt::format(" {} {} ", partition.number, partition.name);
    const std::string short_name = fmt::format("{}", partition.number);
    const std::string& name = long_name.size() <= cells[i] ? long_name : short_name;
    bar += name + std::string(cells[i] - std::min(cells[i], name.size()), fill) + "|";
    std::string size = size_text(partition.extent.size);
    if (size.size() > cells[i]) size = "";
    legend += fmt::format("{:<{}} ", size, cells[i]);
  }
  legend.erase(legend.find_last_not_of(' ') + 1);
  return bar + "\n" + legend + "\n";
}

}  // namespace provision::cli
