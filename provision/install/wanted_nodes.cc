#include "provision/install/wanted_nodes.h"

#include <algorithm>

namespace provision::install {
namespace {

using disk::Node;
using disk::NodeKind;

bool is_missing(const Error& error) { return error.code == ErrorCode::NotFound; }

Result<bool> is_as_wanted(disk::FileTree& tree, const WantedNode& wanted) {
  const auto node = tree.look(wanted.path);
  if (!node) return is_missing(node.error()) ? Result<bool>(false) : Result<bool>(node.error());
  if (node->kind != wanted.kind) return false;
  if (wanted.presence == Presence::AnyForm) return true;
  const disk::Attributes& there = node->attributes;
  if (there.uid != wanted.attributes.uid || there.gid != wanted.attributes.gid) return false;
  if (wanted.kind == NodeKind::Symlink) return node->target == wanted.target;
  if (there.mode != wanted.attributes.mode) return false;
  if (wanted.kind == NodeKind::Directory) return true;
  if (node->size.count != wanted.bytes.size()) return false;
  const auto bytes = tree.read_file(wanted.path, Bytes{wanted.bytes.size()});
  if (!bytes) return bytes.error();
  return *bytes == wanted.bytes;
}

bool is_leaf(NodeKind kind) { return kind == NodeKind::File || kind == NodeKind::Symlink; }

// A file gives way to a link and a link to a file, as an operating system's /etc/resolv.conf must. Folders never do.
Done clear_place(disk::FileTree& tree, const WantedNode& wanted) {
  if (!is_leaf(wanted.kind)) return {};
  const auto node = tree.look(wanted.path);
  if (!node) return is_missing(node.error()) ? Done() : Done(node.error());
  if (node->kind == wanted.kind || !is_leaf(node->kind)) return {};
  const auto removed = tree.remove(wanted.path);
  return removed ? Done() : Done(removed.error().within("installing " + wanted.path));
}

Done put_one(disk::FileTree& tree, const WantedNode& wanted) {
  if (wanted.presence == Presence::AnyForm) {
    const auto as_wanted = is_as_wanted(tree, wanted);
    if (!as_wanted) return as_wanted.error();
    if (*as_wanted) return {};
  }
  if (Done cleared = clear_place(tree, wanted); !cleared) return cleared;
  const auto change = wanted.kind == NodeKind::Directory ? tree.put_directory(wanted.path, wanted.attributes)
                      : wanted.kind == NodeKind::Symlink
                          ? tree.put_symlink(wanted.path, wanted.target, wanted.attributes)
                          : tree.put_file(wanted.path, wanted.bytes, wanted.attributes);
  if (!change) return change.error().within("installing " + wanted.path);
  return {};
}

}  // namespace

void WantedNodes::add(WantedNode node) {
  const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), node.path,
                                   [](const WantedNode& there, const std::string& path) { return there.path < path; });
  if (at == nodes_.end() || at->path != node.path) {
    nodes_.insert(at, std::move(node));
  } else if (node.presence == Presence::Exact || at->presence == Presence::AnyForm) {
    *at = std::move(node);
  }
}

WantedNodes& WantedNodes::folder(const std::string& path, std::uint32_t mode) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    add({path.substr(0, slash), NodeKind::Directory, {0755, 0, 0, mtime_}, {}, {}, Presence::AnyForm});
  add({path, NodeKind::Directory, {mode, 0, 0, mtime_}, {}, {}, Presence::Exact});
  return *this;
}

WantedNodes& WantedNodes::file(const std::string& path, std::string bytes, std::uint32_t mode) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    add({path.substr(0, slash), NodeKind::Directory, {0755, 0, 0, mtime_}, {}, {}, Presence::AnyForm});
  add({path, NodeKind::File, {mode, 0, 0, mtime_}, std::move(bytes), {}, Presence::Exact});
  return *this;
}

WantedNodes& WantedNodes::link(const std::string& path, const std::string& target) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    add({path.substr(0, slash), NodeKind::Directory, {0755, 0, 0, mtime_}, {}, {}, Presence::AnyForm});
  add({path, NodeKind::Symlink, {0777, 0, 0, mtime_}, {}, target, Presence::Exact});
  return *this;
}

WantedNodes& WantedNodes::all(const WantedNodes& other) {
  for (const WantedNode& node : other.nodes_) add(node);
  return *this;
}

Result<std::vector<std::string>> differences(disk::FileTree& tree, const std::vector<WantedNode>& wanted) {
  std::vector<std::string> differing;
  for (const WantedNode& node : wanted) {
    const auto as_wanted = is_as_wanted(tree, node);
    if (!as_wanted) return as_wanted.error().within("reading back " + node.path);
    if (!*as_wanted) differing.push_back(node.path);
  }
  return differing;
}

Result<std::vector<std::string>> missing_folders(disk::FileTree& tree, const std::vector<WantedNode>& wanted) {
  std::vector<std::string> missing;
  for (const WantedNode& node : wanted) {
    if (node.kind != NodeKind::Directory) continue;
    const auto there = tree.look(node.path);
    if (!there && !is_missing(there.error())) return there.error();
    if (!there) missing.push_back(node.path);
  }
  return missing;
}

Done put(disk::FileTree& tree, const std::vector<WantedNode>& wanted) {
  for (const WantedNode& node : wanted)
    if (Done done = put_one(tree, node); !done) return done;
  return {};
}

}  // namespace provision::install
