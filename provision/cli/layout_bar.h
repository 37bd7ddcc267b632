// A disk's layout as a bar in the terminal.
#pragma once

#include <cstddef>
#include <string>

#include "provision/disk/disk_plan.h"

namespace provision::cli {

// Two lines of `width` columns (20 to 200), the bar and what each part is; each partition has a place in proportion to
// its size, but never less than three columns. Empty without partitions.
std::string layout_bar(const disk::DiskPlan& plan, std::size_t width);

}  // namespace provision::cli
