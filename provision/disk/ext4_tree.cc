#include "provision/disk/ext4_tree.h"

#include <fmt/core.h>

#include "images/keys/keys.h"
#include "provision/disk/ext4_filling.h"
#include "provision/disk/ext4_inodes.h"

namespace provision::disk {
namespace {

constexpr std::size_t path_max = 4096;
constexpr std::size_t name_max = 255;
constexpr int depth_max = 256;

Error invalid_path(const std::string& path, std::string_view why) {
  return {ErrorCode::InvalidInput, fmt::format("path '{}' {}", path.substr(0, 256), why), {}};
}

Result<std::vector<std::string>> parts_of(const std::string& path) {
  if (path.size() > path_max) return invalid_path(path, fmt::format("is longer than {} bytes", path_max));
  if (!path.starts_with('/')) return invalid_path(path, "does not begin with '/'");
  if (path.find('\0') != std::string::npos) return invalid_path(path, "contains a zero byte");
  std::vector<std::string> parts;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return invalid_path(path, "contains an empty part, '.' or '..'");
    if (part.size() > name_max) return invalid_path(path, fmt::format("has a part of more than {} bytes", name_max));
    parts.push_back(part);
    at = end + 1;
  }
  return parts;
}

std::string_view word_for(NodeKind kind) {
  switch (kind) {
    case NodeKind::File: return "file";
    case NodeKind::Directory: return "directory";
    case NodeKind::Symlink: return "symlink";
    case NodeKind::Other: break;
  }
  return "other";
}

struct Place {
  ext2_ino_t parent = 0;
  std::string name;
  ext2_ino_t inode = 0;  // 0: nothing there
};

}  // namespace

struct Ext4Tree::Opened {
  ext2_filsys filesystem = nullptr;
  TreeAccess access = TreeAccess::ReadOnly;
  bool changing = false;
  bool committed = false;
  std::unique_ptr<FileAppender> appending;                      // to the file that was added last
  std::pair<std::string, ext2_ino_t> folder{"", EXT2_ROOT_INO};  // where add() put something last, and mostly puts the next

  Opened() = default;
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    appending.reset();
    if (filesystem == nullptr) return;
    // Closing writes the superblock, even unchanged; once committed, nothing is written any more.
    if (changing && !committed) {
      ext2fs_close_free(&filesystem);
    } else {
      ext2fs_free(filesystem);
    }
  }

  // The inode at `parts`; every part but the last must be a real directory.
  Result<Place> place_of(const std::string& path, const std::vector<std::string>& parts) const {
    Place place{EXT2_ROOT_INO, "", EXT2_ROOT_INO};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Result<Node> node = node_of(filesystem, place.inode, parts[i]);
      if (!node) return node.error();
      if (node->kind != NodeKind::Directory)
        return Error{ErrorCode::Conflict, fmt::format("'{}' leads through a {}, not a directory", path, word_for(node->kind)), {}};
      place.parent = place.inode;
      place.name = parts[i];
      Result<ext2_ino_t> child = child_of(filesystem, place.parent, place.name);
      if (!child && child.error().code != ErrorCode::NotFound) return child.error();
      if (!child && i + 1 < parts.size())
        return Error{ErrorCode::NotFound, fmt::format("'{}' is not there: no '{}'", path, parts[i]), {}};
      place.inode = child ? *child : 0;
    }
    return place;
  }

  Result<Place> place_at(const std::string& path) const {
    Result<std::vector<std::string>> parts = parts_of(path);
    if (!parts) return parts.error();
    return place_of(path, *parts);
  }

  Result<Place> existing(const std::string& path) const {
    Result<Place> place = place_at(path);
    if (place && place->inode == 0) return Error{ErrorCode::NotFound, "'" + path + "' is not there", {}};
    return place;
  }

  Done end_appending() {
    if (!appending) return {};
    const std::unique_ptr<FileAppender> file = std::move(appending);
    return file->finish();
  }

  // As place_at, for many nodes of one folder after each other.
  Result<Place> new_place(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") return place_at(path);
    const std::string parent = path.substr(0, slash);
    if (parent != folder.first) {
      Result<Place> above = place_at(parent.empty() ? "/" : parent);
      if (!above) return above;
      if (above->inode == 0) return Error{ErrorCode::NotFound, "'" + parent + "' is not there", {}};
      Result<Node> node = node_of(filesystem, above->inode, "");
      if (!node) return node.error();
      if (node->kind != NodeKind::Directory) return Error{ErrorCode::Conflict, "'" + parent + "' is no directory", {}};
      folder = {parent, above->inode};
    }
    Result<std::vector<std::string>> parts = parts_of(path);
    if (!parts) return parts.error();
    Result<ext2_ino_t> child = child_of(filesystem, folder.second, parts->back());
    if (!child && child.error().code != ErrorCode::NotFound) return child.error();
    return Place{folder.second, parts->back(), child ? *child : 0};
  }

  Done add_at(const Place& place, const NewNode& node);

  Done begin_change() {
    if (Done ended = end_appending(); !ended) return ended;
    if (access != TreeAccess::ReadWrite || committed)
      return Error{ErrorCode::Conflict, "the files were opened for reading only, or are committed", {}};
    if (changing) return {};
    if (errcode_t code = ext2fs_read_bitmaps(filesystem); code != 0) return ext4_error("reading the bitmaps", code);
    filesystem->super->s_state = static_cast<std::uint16_t>(filesystem->super->s_state & ~EXT2_VALID_FS);
    ext2fs_mark_super_dirty(filesystem);
    if (errcode_t code = ext2fs_flush(filesystem); code != 0) return ext4_error("marking the filesystem as being changed", code);
    changing = true;
    return {};
  }

  // What must be so before something may be put: a real parent, and nothing of another kind in the place.
  Result<Place> place_for(const std::string& path, NodeKind kind, std::optional<Node>& there) const {
    Result<Place> place = place_at(path);
    if (!place) return place;
    if (place->name.empty() && kind != NodeKind::Directory) return invalid_path(path, "is the root directory");
    if (place->inode == 0) return place;
    Result<Node> node = node_of(filesystem, place->inode, place->name);
    if (!node) return node.error();
    if (node->kind != kind)
      return Error{ErrorCode::Conflict,
                   fmt::format("'{}' is a {}, where a {} belongs; remove it first", path, word_for(node->kind), word_for(kind)), {}};
    there = *std::move(node);
    return place;
  }

  Result<bool> same_content(ext2_ino_t inode, std::string_view bytes) const {
    std::size_t at = 0;
    bool same = true;
    Done read = read_content(filesystem, inode, [&](std::string_view part) -> Done {
      same = same && part == bytes.substr(std::min(at, bytes.size()), part.size());
      at += part.size();
      return {};
    });
    if (!read) return read.error();
    return same && at == bytes.size();
  }

  Done hash_below(const std::string& path, ext2_ino_t inode, int depth, images::keys::Sha256& digest) const;
};

Ext4Tree::Ext4Tree(std::unique_ptr<Opened> opened) : opened_(std::move(opened)) {}
Ext4Tree::~Ext4Tree() = default;

Result<std::unique_ptr<FileTree>> Ext4Tree::open(const std::string& path, const Extent& partition, TreeAccess access) {
  auto opened = std::make_unique<Opened>();
  opened->access = access;
  const std::string offset = fmt::format("offset={}", partition.start.count);
  const int flags = EXT2_FLAG_64BITS | (access == TreeAccess::ReadWrite ? EXT2_FLAG_RW : 0);
  if (errcode_t code = ext2fs_open2(path.c_str(), offset.c_str(), flags, 0, 0, unix_io_manager, &opened->filesystem); code != 0) {
    if (opened->filesystem != nullptr) ext2fs_free(std::exchange(opened->filesystem, nullptr));
    return ext4_error("opening the ext4 filesystem", code);
  }
  const ext2_super_block* super = opened->filesystem->super;
  const bool clean = (super->s_state & EXT2_VALID_FS) != 0 && (super->s_state & EXT2_ERROR_FS) == 0 &&
                     !ext2fs_has_feature_journal_needs_recovery(const_cast<ext2_super_block*>(super));
  if (access == TreeAccess::ReadWrite && !clean)
    return Error{ErrorCode::Conflict, "the filesystem is due for a check; check it first", {}};
  // Copies of the superblock and the group descriptors are e2fsck's to keep.
  opened->filesystem->flags |= EXT2_FLAG_MASTER_SB_ONLY;
  return std::unique_ptr<FileTree>(new Ext4Tree(std::move(opened)));
}

Result<Change> Ext4Tree::put_directory(const std::string& path, const Attributes& attributes) {
  std::optional<Node> there;
  Result<Place> place = opened_->place_for(path, NodeKind::Directory, there);
  if (!place) return place.error();
  if (there && there->attributes == attributes) return Change::Unchanged;
  if (Done begun = opened_->begin_change(); !begun) return begun.error();
  if (!there) {
    Result<ext2_ino_t> made = make_directory(opened_->filesystem, place->parent, place->name);
    if (!made) return made.error().within("making " + path);
    place->inode = *made;
  }
  if (Done set = set_attributes(opened_->filesystem, place->inode, attributes); !set) return set.error().within("making " + path);
  return there ? Change::Replaced : Change::Created;
}

Result<Change> Ext4Tree::put_file(const std::string& path, std::string_view bytes, const Attributes& attributes) {
  std::optional<Node> there;
  Result<Place> place = opened_->place_for(path, NodeKind::File, there);
  if (!place) return place.error();
  bool same = false;
  if (there && there->size.count == bytes.size()) {
    Result<bool> compared = opened_->same_content(place->inode, bytes);
    if (!compared) return compared.error().within("comparing " + path);
    same = *compared;
  }
  if (same && there->attributes == attributes) return Change::Unchanged;
  if (Done begun = opened_->begin_change(); !begun) return begun.error();
  if (!same) {
    if (there)
      if (Done removed = remove_child(opened_->filesystem, place->parent, {place->name, place->inode}); !removed)
        return removed.error().within("replacing " + path);
    Result<ext2_ino_t> made = make_file(opened_->filesystem, place->parent, place->name, bytes);
    if (!made) return made.error().within("writing " + path);
    place->inode = *made;
  }
  if (Done set = set_attributes(opened_->filesystem, place->inode, attributes); !set) return set.error().within("writing " + path);
  return there ? Change::Replaced : Change::Created;
}

Result<Change> Ext4Tree::put_symlink(const std::string& path, const std::string& target, const Attributes& attributes) {
  if (target.empty() || target.size() >= path_max) return invalid_path(target, "cannot be the target of a symlink");
  std::optional<Node> there;
  Result<Place> place = opened_->place_for(path, NodeKind::Symlink, there);
  if (!place) return place.error();
  Attributes wanted = attributes;
  wanted.mode = 0777;
  if (there && there->target == target && there->attributes == wanted) return Change::Unchanged;
  if (Done begun = opened_->begin_change(); !begun) return begun.error();
  if (there)
    if (Done removed = remove_child(opened_->filesystem, place->parent, {place->name, place->inode}); !removed)
      return removed.error().within("replacing " + path);
  Result<ext2_ino_t> made = make_symlink(opened_->filesystem, place->parent, place->name, target);
  if (!made) return made.error().within("making " + path);
  if (Done set = set_attributes(opened_->filesystem, *made, wanted); !set) return set.error().within("making " + path);
  return there ? Change::Replaced : Change::Created;
}

Result<Change> Ext4Tree::remove(const std::string& path) {
  opened_->folder = {"", EXT2_ROOT_INO};
  Result<Place> place = opened_->place_at(path);
  if (!place && place.error().code == ErrorCode::NotFound) return Change::Unchanged;
  if (!place) return place.error();
  if (place->name.empty()) return invalid_path(path, "is the root directory");
  if (place->inode == 0) return Change::Unchanged;
  if (Done begun = opened_->begin_change(); !begun) return begun.error();
  if (Done removed = remove_child(opened_->filesystem, place->parent, {place->name, place->inode}); !removed)
    return removed.error().within("removing " + path);
  return Change::Replaced;
}

Done Ext4Tree::Opened::add_at(const Place& place, const NewNode& node) {
  Result<ext2_ino_t> made = place.inode;
  switch (node.kind) {
    case NewKind::Directory:
      if (place.inode == 0) made = make_directory(filesystem, place.parent, place.name);
      break;
    case NewKind::File: made = make_file(filesystem, place.parent, place.name, {}); break;
    case NewKind::Symlink: made = make_symlink(filesystem, place.parent, place.name, node.target); break;
    case NewKind::HardLink: {
      Result<Place> file = existing(node.target);
      if (!file) return file.error();
      return make_hard_link(filesystem, place.parent, place.name, file->inode);
    }
    default: made = make_special(filesystem, place.parent, place.name, node);
  }
  if (!made) return made.error();
  if (Done set = set_attributes(filesystem, *made, node.attributes); !set) return set;
  if (Done set = set_xattrs(filesystem, *made, node.xattrs); !set) return set;
  if (node.kind != NewKind::File) return {};
  Result<std::unique_ptr<FileAppender>> file = FileAppender::open(filesystem, *made);
  if (!file) return file.error();
  appending = *std::move(file);
  return {};
}

Done Ext4Tree::add(const NewNode& node) {
  if (Done begun = opened_->begin_change(); !begun) return begun;
  Result<Place> place = opened_->new_place(node.path);
  if (!place) return place.error();
  if (node.kind == NewKind::Symlink && (node.target.empty() || node.target.size() >= path_max))
    return invalid_path(node.target, "cannot be the target of a symlink");
  if (place->inode != 0) {
    Result<Node> there = node_of(opened_->filesystem, place->inode, place->name);
    if (!there) return there.error();
    if (there->kind != NodeKind::Directory || node.kind != NewKind::Directory)
      return Error{ErrorCode::AlreadyExists, fmt::format("'{}' is there already", node.path), {}};
  }
  if (Done added = opened_->add_at(*place, node); !added) return added.error().within("adding " + node.path);
  return {};
}

Done Ext4Tree::append(std::string_view bytes) {
  if (!opened_->appending) return Error{ErrorCode::Conflict, "no file was added just now", {}};
  return opened_->appending->append(bytes);
}

Result<bool> Ext4Tree::holds(const NewNode& node) {
  Result<Place> place = opened_->place_at(node.path);
  if (!place && (place.error().code == ErrorCode::NotFound || place.error().code == ErrorCode::Conflict)) return false;
  if (!place) return place.error();
  if (place->inode == 0) return false;
  if (node.kind == NewKind::HardLink) {
    Result<Place> file = opened_->place_at(node.target);
    return file && file->inode == place->inode;
  }
  Result<Node> there = node_of(opened_->filesystem, place->inode, place->name);
  if (!there) return there.error();
  const bool same_owner = there->attributes.uid == node.attributes.uid && there->attributes.gid == node.attributes.gid;
  if (!same_owner) return false;
  if (node.kind == NewKind::Symlink) return there->kind == NodeKind::Symlink && there->target == node.target;
  if (there->attributes.mode != node.attributes.mode) return false;
  Result<std::map<std::string, std::string>> xattrs = xattrs_of(opened_->filesystem, place->inode);
  if (!xattrs) return xattrs.error().within("reading " + node.path);
  if (!same_xattrs(*xattrs, node.xattrs)) return false;
  if (node.kind == NewKind::File) return there->kind == NodeKind::File;
  if (node.kind == NewKind::Directory) return there->kind == NodeKind::Directory;
  return is_special(opened_->filesystem, place->inode, node);
}

Result<Digest> Ext4Tree::digest_of_file(const std::string& path) {
  Result<Place> place = opened_->existing(path);
  if (!place) return place.error();
  Result<Node> node = node_of(opened_->filesystem, place->inode, place->name);
  if (!node) return node.error();
  if (node->kind != NodeKind::File)
    return Error{ErrorCode::Conflict, fmt::format("'{}' is a {}, not a file", path, word_for(node->kind)), {}};
  images::keys::Sha256 digest;
  Done read = read_content(opened_->filesystem, place->inode, [&](std::string_view part) -> Done {
    digest.add(part);
    return {};
  });
  if (!read) return read.error().within("reading " + path);
  return digest.finish();
}

Result<Node> Ext4Tree::look(const std::string& path) {
  Result<Place> place = opened_->existing(path);
  if (!place) return place.error();
  return node_of(opened_->filesystem, place->inode, place->name);
}

Result<std::string> Ext4Tree::read_file(const std::string& path, Bytes limit) {
  Result<Place> place = opened_->existing(path);
  if (!place) return place.error();
  Result<Node> node = node_of(opened_->filesystem, place->inode, place->name);
  if (!node) return node.error();
  if (node->kind != NodeKind::File)
    return Error{ErrorCode::Conflict, fmt::format("'{}' is a {}, not a file", path, word_for(node->kind)), {}};
  if (node->size > limit)
    return Error{ErrorCode::LimitExceeded, fmt::format("'{}' has {}; at most {} are read", path, node->size.text(), limit.text()), {}};
  std::string bytes;
  Done read = read_content(opened_->filesystem, place->inode, [&](std::string_view part) -> Done {
    bytes.append(part);
    return {};
  });
  if (!read) return read.error().within("reading " + path);
  return bytes;
}

Result<std::vector<Node>> Ext4Tree::list(const std::string& path) {
  Result<Place> place = opened_->existing(path);
  if (!place) return place.error();
  Result<std::vector<Child>> children = children_of(opened_->filesystem, place->inode);
  if (!children) return children.error().within("listing " + path);
  std::vector<Node> nodes;
  for (const Child& child : *children) {
    Result<Node> node = node_of(opened_->filesystem, child.inode, child.name);
    if (!node) return node.error().within("listing " + path);
    nodes.push_back(*std::move(node));
  }
  return nodes;
}

Done Ext4Tree::Opened::hash_below(const std::string& path, ext2_ino_t inode, int depth, images::keys::Sha256& digest) const {
  if (depth > depth_max || path.size() > path_max)
    return Error{ErrorCode::LimitExceeded, fmt::format("a tree more than {} deep, or paths of more than {} bytes", depth_max, path_max), {}};
  Result<Node> node = node_of(filesystem, inode, "");
  if (!node) return node.error().within("reading " + path);
  // Lengths stand before what follows them, so that no two trees write the same bytes.
  digest.add(fmt::format("{} {:o} {} {} {} {}:{} {}:{}\n", word_for(node->kind), node->attributes.mode, node->attributes.uid,
                         node->attributes.gid, node->size.count, path.size(), path, node->target.size(), node->target));
  if (node->kind == NodeKind::File)
    return read_content(filesystem, inode, [&](std::string_view part) -> Done {
      digest.add(part);
      return {};
    });
  if (node->kind != NodeKind::Directory) return {};
  Result<std::vector<Child>> children = children_of(filesystem, inode);
  if (!children) return children.error().within("listing " + path);
  for (const Child& child : *children) {
    if (inode == EXT2_ROOT_INO && child.name == "lost+found") continue;
    if (Done hashed = hash_below(path + "/" + child.name, child.inode, depth + 1, digest); !hashed) return hashed;
  }
  return {};
}

Result<Digest> Ext4Tree::hash(const std::string& path) {
  Result<Place> place = opened_->existing(path);
  if (!place) return place.error();
  images::keys::Sha256 digest;
  if (Done hashed = opened_->hash_below("", place->inode, 0, digest); !hashed) return hashed.error().within("hashing " + path);
  return digest.finish();
}

Done Ext4Tree::commit() {
  if (opened_->access != TreeAccess::ReadWrite || opened_->committed)
    return Error{ErrorCode::Conflict, "the files were opened for reading only, or are committed", {}};
  if (Done ended = opened_->end_appending(); !ended) return ended;
  opened_->committed = true;
  if (!opened_->changing) return {};
  // First all that was changed, durably, then the word that it is whole.
  if (errcode_t code = ext2fs_flush(opened_->filesystem); code != 0) return ext4_error("writing the filesystem", code);
  opened_->filesystem->super->s_state |= EXT2_VALID_FS;
  ext2fs_mark_super_dirty(opened_->filesystem);
  if (errcode_t code = ext2fs_flush(opened_->filesystem); code != 0) return ext4_error("marking the filesystem as whole", code);
  return {};
}

Result<Change> put_file_with_parents(FileTree& tree, const std::string& path, std::string_view bytes,
                                     const Attributes& attributes) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    Result<Node> there = tree.look(parent);
    if (there) continue;
    if (there.error().code != ErrorCode::NotFound) return there.error();
    Result<Change> made = tree.put_directory(parent, {0755, 0, 0, attributes.mtime});
    if (!made) return made;
  }
  return tree.put_file(path, bytes, attributes);
}

}  // namespace provision::disk
