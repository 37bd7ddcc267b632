// A disk's layout as a picture that a browser shows and a printer prints.
#pragma once

#include <string>
#include <vector>

#include "provision/disk/disk_plan.h"

namespace provision::cli {

// A whole SVG 1.1 document, 960 units wide: the bar, in which each part has its true share of the width but never less than
// can be seen and clicked, the lease hatched, unused space white; below it a line for each part, then the notes of the plan
// and what is deleted. Names from a disk are escaped, whatever they are. The same plan gives the same bytes.
std::string layout_picture(const disk::DiskPlan& plan, const std::vector<std::string>& deletions);

// Text for an SVG or XML document: markup is escaped, characters that XML 1.0 forbids become U+FFFD. Takes UTF-8; broken
// sequences become U+FFFD too.
std::string xml_text(std::string_view text);

}  // namespace provision::cli
