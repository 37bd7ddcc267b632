// One YAML document as a tree that knows where each of its parts stands. Only for strict_yaml.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"

namespace policies::loading {
using namespace policies::vocabulary;

// Counted from 1, as editors do.
struct YamlPlace {
  int line = 1;
  int column = 1;
  auto operator<=>(const YamlPlace&) const = default;
};

enum class YamlKind { Null, Scalar, List, Map };

struct YamlEntry {
  std::string key;
  YamlPlace place;
  std::size_t value = 0;  // index of the node
  bool asked = false;     // some getter wanted this key
};

struct YamlNode {
  YamlKind kind = YamlKind::Null;
  YamlPlace place;
  std::string text;                    // Scalar
  bool plain = false;                  // Scalar without quotes and not a block
  std::vector<std::size_t> items;      // List
  std::vector<YamlEntry> entries;      // Map, in order of the file
  std::vector<std::string> asked_for;  // Map: keys that getters wanted, there or not
  bool read = false;                   // Map: taken as a section, so that its unknown keys count
};

struct YamlNote {
  YamlPlace place;
  std::string text;
};

struct YamlTree {
  std::vector<YamlNode> nodes;  // the first is the root
  std::vector<YamlNote> notes;  // errors that do not stop the reading, such as a repeated key
};

// Fails as StrictYaml::parse says.
Result<YamlTree> yaml_tree_from(std::string_view text, const std::string& file);

}  // namespace policies::loading
