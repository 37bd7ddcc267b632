// The small files in which the kernel tells about its devices: /sys and /proc. For this folder's sources only.
#pragma once

#include <string>
#include <vector>

namespace provision::disk {

// The whole file, at most 4 MiB of it; empty when it cannot be read.
std::string text_at(const std::string& path);

// What stands in a folder, sorted, without what begins with a dot; empty when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

}  // namespace provision::disk
