// The manifest's words about an operating system: read, checked and written.
#pragma once

#include <boost/json/fwd.hpp>
#include <vector>

#include "images/bundle/manifest.h"
#include "policies/vocabulary/json_text.h"

namespace images::bundle {

// InvalidInput for an unknown or missing member.
Result<SystemContents> system_from(const boost::json::value& value);
// The limits, and what the entries of the same manifest must be: all below /boot/efi but the map of an image; the kernel and
// its initrd among them.
Done check_system(const SystemContents& system, const std::vector<Entry>& entries);
void write_system(JsonText& json, const SystemContents& system);

}  // namespace images::bundle
