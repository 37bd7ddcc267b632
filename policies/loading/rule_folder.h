// Reads rule and order files from disk: the adapter of this folder.
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/result.h"

namespace policies::loading {
using namespace policies::vocabulary;

struct RuleFile {
  std::string name;  // for messages
  std::string text;
};

// The *.yaml files directly in `folder`, by name, at most 200 of at most 1 MiB each. NotFound when there is no such folder
// or nothing in it.
Result<std::vector<RuleFile>> read_rule_folder(const std::string& folder);

// The content of one file. NotFound, IoFailure, or LimitExceeded above 1 MiB.
Result<std::string> read_text_file(const std::string& path);

// Where the shipped rules are: ../share/leaseback/rules beside the folder of the running program when installed, else
// policies/rules in the sources that this program was built from.
std::string default_rules_folder();

}  // namespace policies::loading
