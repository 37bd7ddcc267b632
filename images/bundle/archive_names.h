// Names of the entries inside an archive.
#pragma once

#include <string>
#include <string_view>

#include "images/bundle/manifest.h"

namespace images::bundle {

inline constexpr std::string_view manifest_entry_name = "manifest.json";
inline std::string content_entry_name(const Entry& entry) { return "files" + entry.path; }

}  // namespace images::bundle
