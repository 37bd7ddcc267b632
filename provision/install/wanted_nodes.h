// What shall stand in a file tree, as values; and the two acts on it: see what differs, put what is missing.
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/file_tree.h"

namespace provision::install {
using namespace policies::vocabulary;

enum class Presence {
  Exact,    // as stated, attributes and all
  AnyForm,  // a folder that may be there already: it is made when missing, and left as it is otherwise
};

struct WantedNode {
  std::string path;
  disk::NodeKind kind = disk::NodeKind::File;  // File, Directory or Symlink
  disk::Attributes attributes;
  std::string bytes;   // of a file
  std::string target;  // of a symlink
  Presence presence = Presence::Exact;
};

// Builds a list in which each parent stands before what is in it: missing parents are added as AnyForm folders 0755
// root:root. A path that is added twice keeps the later form, except that AnyForm never replaces Exact.
class WantedNodes {
 public:
  explicit WantedNodes(std::int64_t mtime) : mtime_(mtime) {}

  WantedNodes& folder(const std::string& path, std::uint32_t mode = 0755);
  WantedNodes& file(const std::string& path, std::string bytes, std::uint32_t mode = 0644);
  WantedNodes& link(const std::string& path, const std::string& target);
  // Another list, with its own times.
  WantedNodes& all(const WantedNodes& other);

  // Ascending by path.
  [[nodiscard]] const std::vector<WantedNode>& nodes() const { return nodes_; }

 private:
  void add(WantedNode node);
  std::int64_t mtime_;
  std::vector<WantedNode> nodes_;
};

// The paths that are missing or not as wanted. Times do not count: the system that runs there may touch what is its
// own.
Result<std::vector<std::string>> differences(disk::FileTree& tree, const std::vector<WantedNode>& wanted);

// Folders among the wanted that are not there now.
Result<std::vector<std::string>> missing_folders(disk::FileTree& tree, const std::vector<WantedNode>& wanted);

// Puts each. What is there already as wanted is not written again. Call tree.commit() afterwards.
Done put(disk::FileTree& tree, const std::vector<WantedNode>& wanted);

}  // namespace provision::install
