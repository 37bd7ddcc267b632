#include "provision/install/agent_bundle.h"

#include <fmt/format.h>

#include "agent/contract/install_paths.h"
#include "provision/install/installed_paths.h"

namespace provision::install {
namespace {

using images::bundle::Entry;
using images::bundle::EntryKind;
using images::bundle::Manifest;

constexpr std::size_t unit_size_max = 64 * 1024;

Done check_entry(const Entry& entry) {
  if (entry.kind != EntryKind::Directory && !is_ours(entry.path))
    return Error{ErrorCode::Refused,
                 fmt::format("the bundle wants to write {}, which is not the agent's to write; nothing was installed",
                             entry.path),
                 {}};
  if (entry.size > bundle_file_max)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("{} has {}, more than {}", entry.path, entry.size.text(), bundle_file_max.text()),
                 {}};
  return {};
}

bool is_unit(const Entry& entry) {
  const std::string_view path = entry.path;
  return entry.kind == EntryKind::File && path.substr(0, path.rfind('/')) == agent::contract::unit_folder;
}

// Our own folders get the manifest's mode; one that leads to them is the system's, and stays as it is.
WantedNode folder_of(const Entry& entry, std::int64_t mtime) {
  const Presence presence = is_ours(entry.path) ? Presence::Exact : Presence::AnyForm;
  return {entry.path, disk::NodeKind::Directory, {entry.mode, 0, 0, mtime}, {}, {}, presence};
}

class TreeSink final : public images::bundle::Sink {
 public:
  TreeSink(disk::FileTree& tree, std::int64_t mtime) : tree_(tree), mtime_(mtime) {}

  Done begin(const Entry& entry) override {
    if (Done lawful = check_entry(entry); !lawful) return lawful;
    bytes_.clear();
    if (entry.kind == EntryKind::File) return {};
    WantedNodes nodes(mtime_);
    if (entry.kind == EntryKind::Link) return put(tree_, nodes.link(entry.path, entry.target).nodes());
    nodes.folder(entry.path);
    std::vector<WantedNode> folders = nodes.nodes();
    folders.back() = folder_of(entry, mtime_);
    return put(tree_, folders);
  }
  Done write(std::string_view piece) override {
    bytes_.append(piece);
    return {};
  }
  Done end(const Entry& entry) override {
    if (entry.kind != EntryKind::File) return {};
    const auto change = disk::put_file_with_parents(tree_, entry.path, bytes_, {entry.mode, 0, 0, mtime_});
    if (!change) return change.error().within("installing " + entry.path);
    return {};
  }

 private:
  disk::FileTree& tree_;
  std::int64_t mtime_;
  std::string bytes_;
};

Result<WantedNodes> links_for(disk::FileTree& tree, const Manifest& manifest, std::int64_t mtime) {
  std::vector<UnitFile> units;
  for (const Entry& entry : manifest.entries) {
    if (!is_unit(entry)) continue;
    auto text = tree.read_file(entry.path, Bytes{unit_size_max});
    if (!text) return text.error();
    units.push_back({entry.path, std::move(*text)});
  }
  return enabling_links(units, mtime);
}

Result<bool> is_as_in(disk::FileTree& tree, const Entry& entry) {
  const auto node = tree.look(entry.path);
  if (!node && node.error().code == ErrorCode::NotFound) return false;
  if (!node) return node.error();
  if (entry.kind == EntryKind::Link) return node->kind == disk::NodeKind::Symlink && node->target == entry.target;
  if (entry.kind == EntryKind::Directory)
    return node->kind == disk::NodeKind::Directory && (!is_ours(entry.path) || node->attributes.mode == entry.mode);
  if (node->kind != disk::NodeKind::File || node->size != entry.size || node->attributes.mode != entry.mode ||
      node->attributes.uid != 0 || node->attributes.gid != 0)
    return false;
  const auto bytes = tree.read_file(entry.path, entry.size);
  if (!bytes) return bytes.error();
  return images::keys::sha256(*bytes) == entry.sha256;
}

}  // namespace

Result<Manifest> verified_manifest(images::files::Files& files, const AgentBundle& bundle) {
  auto verified = images::bundle::verify(files, bundle.path, bundle.trusted);
  if (!verified) return verified.error().within("verifying the bundle " + bundle.path);
  for (const Entry& entry : verified->manifest.entries)
    if (Done lawful = check_entry(entry); !lawful) return lawful.error();
  return std::move(verified->manifest);
}

WantedNodes manifest_nodes(const Manifest& manifest, std::int64_t mtime) {
  WantedNodes nodes(mtime);
  for (const Entry& entry : manifest.entries) {
    if (entry.kind == EntryKind::Directory) nodes.folder(entry.path, entry.mode);
    if (entry.kind == EntryKind::Link) nodes.link(entry.path, entry.target);
    if (entry.kind == EntryKind::File) nodes.file(entry.path, {}, entry.mode);
  }
  return nodes;
}

Result<std::vector<std::string>> bundle_differences(disk::FileTree& tree, const Manifest& manifest) {
  std::vector<std::string> differing;
  for (const Entry& entry : manifest.entries) {
    const auto as_in = is_as_in(tree, entry);
    if (!as_in) return as_in.error().within("reading back " + entry.path);
    if (!*as_in) differing.push_back(entry.path);
  }
  if (!differing.empty()) return differing;
  const auto links = links_for(tree, manifest, 0);
  if (!links) return links.error();
  return differences(tree, links->nodes());
}

Result<Manifest> put_bundle(disk::FileTree& tree, images::files::Files& files, const AgentBundle& bundle,
                            std::int64_t mtime) {
  TreeSink sink(tree, mtime);
  auto unpacked = images::bundle::unpack(files, bundle.path, bundle.trusted, sink);
  if (!unpacked) return unpacked.error().within("installing the bundle " + bundle.path);
  const auto links = links_for(tree, unpacked->manifest, mtime);
  if (!links) return links.error();
  if (Done linked = put(tree, links->nodes()); !linked) return linked.error();
  return std::move(unpacked->manifest);
}

}  // namespace provision::install
