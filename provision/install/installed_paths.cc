#include "provision/install/installed_paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/contract/install_paths.h"
#include "images/keys/keys.h"

namespace provision::install {
namespace {

using disk::Node;
using disk::NodeKind;

constexpr std::array own_folders = {agent::contract::program_folder, agent::contract::settings_folder,
                                    agent::contract::state_folder, std::string_view("/usr/share/leaseback"),
                                    std::string_view("/usr/share/doc/leaseback")};
// Folders that we share with others: only what bears our name in them is ours.
constexpr std::array shared_folders = {
    agent::contract::unit_folder, std::string_view("/etc/systemd/system"), std::string_view("/usr/lib/udev/rules.d"),
    std::string_view("/usr/lib/sysusers.d"), std::string_view("/usr/lib/tmpfiles.d")};
constexpr std::string_view wants_parent = "/etc/systemd/system";
constexpr int depth_max = 128;

bool bears_our_name(std::string_view name) {
  std::size_t at = 0;
  while (at < name.size() && name[at] >= '0' && name[at] <= '9') ++at;
  if (at > 0 && at < name.size() && name[at] == '-') ++at;
  constexpr std::string_view word = "leaseback";
  if (name.substr(at, word.size()) != word) return false;
  const std::string_view rest = name.substr(at + word.size());
  return rest.empty() || rest[0] == '.' || rest[0] == '-' || rest[0] == '@';
}

bool is_in(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

bool is_wants_folder(std::string_view folder) {
  const std::size_t slash = folder.rfind('/');
  return slash != std::string_view::npos && folder.substr(0, slash) == wants_parent && folder.ends_with(".wants");
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder == "/" ? "/" + name : folder + "/" + name;
}

// The nodes of a folder, or none when the folder is not there.
Result<std::vector<Node>> nodes_of(disk::FileTree& tree, const std::string& folder) {
  auto nodes = tree.list(folder);
  if (!nodes && (nodes.error().code == ErrorCode::NotFound || nodes.error().code == ErrorCode::Conflict))
    return std::vector<Node>{};
  return nodes;
}

Done add_named(disk::FileTree& tree, const std::string& folder, std::vector<std::string>& found) {
  const auto nodes = nodes_of(tree, folder);
  if (!nodes) return nodes.error();
  for (const Node& node : *nodes)
    if (bears_our_name(node.name)) found.push_back(joined(folder, node.name));
  return {};
}

// Lines of one folder for the digest; a folder of the installation's own making that is otherwise empty yields none.
class OwnerWalk {
 public:
  OwnerWalk(disk::FileTree& tree, const std::vector<std::string>& made) : tree_(tree), made_(made) {}

  Result<std::string> lines_below(const std::string& folder, int depth) {
    if (depth > depth_max)
      return Error{ErrorCode::LimitExceeded, fmt::format("'{}' lies more than {} folders deep", folder, depth_max), {}};
    const auto nodes = tree_.list(folder);
    if (!nodes) return nodes.error();
    std::string lines;
    for (const Node& node : *nodes) {
      const std::string path = joined(folder, node.name);
      if (is_ours(path) || path == "/lost+found") continue;
      auto line = lines_of(path, node, depth);
      if (!line) return line.error();
      lines += *line;
    }
    return lines;
  }

 private:
  Result<std::string> lines_of(const std::string& path, const Node& node, int depth) {
    // The path's length stands before it, so that no path can look like the rest of a line.
    const std::string name = fmt::format("{} {}", path.size(), path);
    if (node.kind != NodeKind::Directory) {
      const auto digest = tree_.hash(path);
      if (!digest) return digest.error();
      return fmt::format("{} {}\n", name, digest->text);
    }
    auto below = lines_below(path, depth + 1);
    if (!below) return below.error();
    if (below->empty() && std::find(made_.begin(), made_.end(), path) != made_.end()) return std::string();
    return fmt::format("{} folder {:o} {} {}\n{}", name, node.attributes.mode, node.attributes.uid, node.attributes.gid,
                       *below);
  }

  disk::FileTree& tree_;
  const std::vector<std::string>& made_;
};

}  // namespace

bool is_ours(std::string_view path) {
  for (const std::string_view folder : own_folders)
    if (is_in(path, folder)) return true;
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view folder = path.substr(0, slash);
  const bool shared = std::find(shared_folders.begin(), shared_folders.end(), folder) != shared_folders.end();
  return (shared || is_wants_folder(folder)) && bears_our_name(path.substr(slash + 1));
}

Result<std::vector<std::string>> ours_in(disk::FileTree& tree) {
  std::vector<std::string> found;
  for (const std::string_view folder : own_folders) {
    const auto there = tree.look(std::string(folder));
    if (there) found.emplace_back(folder);
    if (!there && there.error().code != ErrorCode::NotFound && there.error().code != ErrorCode::Conflict)
      return there.error();
  }
  for (const std::string_view folder : shared_folders)
    if (Done added = add_named(tree, std::string(folder), found); !added) return added.error();
  const auto wants = nodes_of(tree, std::string(wants_parent));
  if (!wants) return wants.error();
  for (const Node& node : *wants) {
    const std::string folder = joined(std::string(wants_parent), node.name);
    if (node.kind != NodeKind::Directory || !is_wants_folder(folder)) continue;
    if (Done added = add_named(tree, folder, found); !added) return added.error();
  }
  std::sort(found.begin(), found.end());
  return found;
}

Done remove_ours(disk::FileTree& tree, const std::vector<std::string>& made_folders) {
  const auto ours = ours_in(tree);
  if (!ours) return ours.error();
  for (const std::string& path : *ours) {
    const auto removed = tree.remove(path);
    if (!removed) return removed.error().within("removing " + path);
  }
  // Deepest first, so that a folder is empty when its turn comes.
  std::vector<std::string> folders = made_folders;
  std::sort(folders.begin(), folders.end(), std::greater<>());
  for (const std::string& folder : folders) {
    const auto there = tree.look(folder);
    if (!there && there.error().code == ErrorCode::NotFound) continue;
    if (!there) return there.error();
    if (there->kind != NodeKind::Directory) continue;
    const auto nodes = tree.list(folder);
    if (!nodes) return nodes.error();
    if (!nodes->empty()) continue;
    const auto removed = tree.remove(folder);
    if (!removed) return removed.error().within("removing " + folder);
  }
  return tree.commit();
}

Result<Digest> owner_digest(disk::FileTree& tree, const std::vector<std::string>& made_folders) {
  auto lines = OwnerWalk(tree, made_folders).lines_below("/", 0);
  if (!lines) return lines.error().within("reading the owner's files");
  return images::keys::sha256("leaseback owner files 1\n" + *lines);
}

}  // namespace provision::install
