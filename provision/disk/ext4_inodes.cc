#include "provision/disk/ext4_inodes.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <memory>

namespace provision::disk {
namespace {

constexpr std::size_t children_max = 1'000'000;
constexpr int depth_max = 256;
constexpr std::size_t piece = std::size_t{1} << 20;

using File = std::unique_ptr<struct ext2_file, decltype([](ext2_file_t open) { ext2fs_file_close(open); })>;

ext2_inode* plain(ext2_inode_large& inode) { return reinterpret_cast<ext2_inode*>(&inode); }

Result<ext2_inode_large> inode_at(ext2_filsys filesystem, ext2_ino_t number) {
  ext2_inode_large inode{};
  if (errcode_t code = ext2fs_read_inode_full(filesystem, number, plain(inode), sizeof inode); code != 0)
    return ext4_error(fmt::format("reading inode {}", number), code);
  return inode;
}

NodeKind kind_of(std::uint16_t mode) {
  if (LINUX_S_ISREG(mode)) return NodeKind::File;
  if (LINUX_S_ISDIR(mode)) return NodeKind::Directory;
  if (LINUX_S_ISLNK(mode)) return NodeKind::Symlink;
  return NodeKind::Other;
}

bool has_extra_times(ext2_filsys filesystem, const ext2_inode_large& inode) {
  return EXT2_INODE_SIZE(filesystem->super) >= sizeof(ext2_inode_large) && inode.i_extra_isize >= 24;
}

// ext4 keeps times beyond 2038 as a signed 32-bit number and an epoch in the lowest two bits of the extra field.
std::int64_t mtime_of(ext2_filsys filesystem, const ext2_inode_large& inode) {
  const std::int64_t low = static_cast<std::int32_t>(inode.i_mtime);
  return has_extra_times(filesystem, inode) ? low + (static_cast<std::int64_t>(inode.i_mtime_extra & 3U) << 32) : low;
}

Result<File> opened_file(ext2_filsys filesystem, ext2_ino_t inode, int flags) {
  ext2_file_t file = nullptr;
  if (errcode_t code = ext2fs_file_open(filesystem, inode, flags, &file); code != 0)
    return ext4_error(fmt::format("opening inode {}", inode), code);
  return File(file);
}

Result<std::string> target_of(ext2_filsys filesystem, ext2_ino_t number, ext2_inode_large& inode) {
  if (ext2fs_is_fast_symlink(plain(inode))) {
    if (inode.i_size >= sizeof inode.i_block) return Error{ErrorCode::Corrupt, fmt::format("symlink {} is too long", number), {}};
    return std::string(reinterpret_cast<const char*>(inode.i_block), inode.i_size);
  }
  std::string target;
  Done read = read_content(filesystem, number, [&](std::string_view bytes) -> Done {
    if (target.size() + bytes.size() > 4096)
      return Error{ErrorCode::Corrupt, fmt::format("symlink {} is longer than 4096 bytes", number), {}};
    target.append(bytes);
    return {};
  });
  if (!read) return read.error();
  return target;
}

// Names `inode` in `directory`, which grows when it is full.
Done link(ext2_filsys filesystem, ext2_ino_t directory, const std::string& name, ext2_ino_t inode, int type) {
  errcode_t code = ext2fs_link(filesystem, directory, name.c_str(), inode, type);
  if (code == EXT2_ET_DIR_NO_SPACE) {
    code = ext2fs_expand_dir(filesystem, directory);
    if (code == 0) code = ext2fs_link(filesystem, directory, name.c_str(), inode, type);
  }
  if (code != 0) return ext4_error("adding '" + name + "' to its directory", code);
  return {};
}

// Frees what no name names any more.
Done drop(ext2_filsys filesystem, ext2_ino_t number, ext2_inode_large& inode, bool directory) {
  if (!directory && inode.i_links_count > 1) {
    --inode.i_links_count;
    return ext2fs_write_inode_full(filesystem, number, plain(inode), sizeof inode) == 0
               ? Done()
               : ext4_error(fmt::format("writing inode {}", number), EXT2_ET_SHORT_WRITE);
  }
  if (errcode_t code = ext2fs_free_ext_attr(filesystem, number, &inode); code != 0)
    return ext4_error("freeing extended attributes", code);
  if (ext2fs_inode_has_valid_blocks2(filesystem, plain(inode)))
    if (errcode_t code = ext2fs_punch(filesystem, number, plain(inode), nullptr, 0, ~blk64_t{0}); code != 0)
      return ext4_error("freeing blocks", code);
  inode.i_links_count = 0;
  // A small value would read as a link in the list of orphans.
  inode.i_dtime = std::max<std::uint32_t>(filesystem->super->s_mkfs_time, UINT32_MAX / 4);
  if (errcode_t code = ext2fs_write_inode_full(filesystem, number, plain(inode), sizeof inode); code != 0)
    return ext4_error(fmt::format("writing inode {}", number), code);
  ext2fs_inode_alloc_stats2(filesystem, number, -1, directory ? 1 : 0);
  return {};
}

int collect(ext2_ino_t, int entry, ext2_dir_entry* dirent, int, int, char*, void* context) {
  if (entry != DIRENT_OTHER_FILE) return 0;
  auto& children = *static_cast<std::vector<Child>*>(context);
  if (children.size() > children_max) return DIRENT_ABORT;
  children.push_back({std::string(dirent->name, static_cast<std::size_t>(ext2fs_dirent_name_len(dirent))), dirent->inode});
  return 0;
}

Done write_content(ext2_filsys filesystem, ext2_ino_t inode, std::string_view bytes) {
  Result<File> file = opened_file(filesystem, inode, EXT2_FILE_WRITE);
  if (!file) return file.error();
  while (!bytes.empty()) {
    unsigned written = 0;
    const std::size_t part = std::min(piece, bytes.size());
    if (errcode_t code = ext2fs_file_write(file->get(), bytes.data(), static_cast<unsigned>(part), &written); code != 0)
      return ext4_error("writing a file", code);
    bytes.remove_prefix(written);
  }
  if (errcode_t code = ext2fs_file_flush(file->get()); code != 0) return ext4_error("writing a file", code);
  return {};
}

}  // namespace

Error ext4_error(std::string_view act, errcode_t code) {
  // Without its table, libext2fs's errors are numbers.
  static const bool named = (initialize_ext2_error_table(), true);
  (void)named;
  ErrorCode kind = ErrorCode::IoFailure;
  if (code == EXT2_ET_FILE_NOT_FOUND) kind = ErrorCode::NotFound;
  if (code == EXT2_ET_BLOCK_ALLOC_FAIL || code == EXT2_ET_INODE_ALLOC_FAIL || code == EXT2_ET_DIR_NO_SPACE)
    kind = ErrorCode::OutOfSpace;
  if (code == EXT2_ET_DIR_CORRUPTED || code == EXT2_ET_INODE_CSUM_INVALID || code == EXT2_ET_EXTENT_HEADER_BAD)
    kind = ErrorCode::Corrupt;
  return {kind, fmt::format("{}: {}", act, error_message(code)), {}};
}

Result<ext2_ino_t> child_of(ext2_filsys filesystem, ext2_ino_t directory, const std::string& name) {
  ext2_ino_t inode = 0;
  if (errcode_t code = ext2fs_lookup(filesystem, directory, name.c_str(), static_cast<int>(name.size()), nullptr, &inode); code != 0)
    return ext4_error("'" + name + "'", code);
  return inode;
}

Result<Node> node_of(ext2_filsys filesystem, ext2_ino_t number, std::string name) {
  Result<ext2_inode_large> read = inode_at(filesystem, number);
  if (!read) return read.error();
  ext2_inode_large& inode = *read;
  Node node;
  node.name = std::move(name);
  node.kind = kind_of(inode.i_mode);
  node.attributes.mode = inode.i_mode & 07777U;
  node.attributes.uid = inode_uid(inode);
  node.attributes.gid = inode_gid(inode);
  node.attributes.mtime = mtime_of(filesystem, inode);
  if (node.kind == NodeKind::File) node.size = {EXT2_I_SIZE(&inode)};
  if (node.kind == NodeKind::Symlink) {
    Result<std::string> target = target_of(filesystem, number, inode);
    if (!target) return target.error();
    node.target = *std::move(target);
  }
  return node;
}

Result<std::vector<Child>> children_of(ext2_filsys filesystem, ext2_ino_t directory) {
  std::vector<Child> children;
  if (errcode_t code = ext2fs_dir_iterate2(filesystem, directory, 0, nullptr, collect, &children); code != 0)
    return ext4_error("reading a directory", code);
  if (children.size() > children_max)
    return Error{ErrorCode::LimitExceeded, fmt::format("a directory with more than {} names", children_max), {}};
  std::sort(children.begin(), children.end(), [](const Child& a, const Child& b) { return a.name < b.name; });
  return children;
}

Done read_content(ext2_filsys filesystem, ext2_ino_t inode, const std::function<Done(std::string_view)>& take) {
  Result<File> file = opened_file(filesystem, inode, 0);
  if (!file) return file.error();
  std::string bytes(piece, '\0');
  for (;;) {
    unsigned got = 0;
    if (errcode_t code = ext2fs_file_read(file->get(), bytes.data(), static_cast<unsigned>(bytes.size()), &got); code != 0)
      return ext4_error("reading a file", code);
    if (got == 0) return {};
    if (Done taken = take(std::string_view(bytes).substr(0, got)); !taken) return taken;
  }
}

Done set_attributes(ext2_filsys filesystem, ext2_ino_t number, const Attributes& attributes) {
  Result<ext2_inode_large> read = inode_at(filesystem, number);
  if (!read) return read.error();
  ext2_inode_large& inode = *read;
  inode.i_mode = static_cast<std::uint16_t>((inode.i_mode & LINUX_S_IFMT) |
                                            (LINUX_S_ISLNK(inode.i_mode) ? 0777U : attributes.mode & 07777U));
  inode.i_uid = static_cast<std::uint16_t>(attributes.uid & 0xFFFFU);
  ext2fs_set_i_uid_high(inode, attributes.uid >> 16);
  inode.i_gid = static_cast<std::uint16_t>(attributes.gid & 0xFFFFU);
  ext2fs_set_i_gid_high(inode, attributes.gid >> 16);
  const auto low = static_cast<std::uint32_t>(attributes.mtime & 0xFFFFFFFF);
  const auto epoch = static_cast<std::uint32_t>((attributes.mtime - static_cast<std::int32_t>(low)) >> 32 & 3);
  inode.i_atime = inode.i_ctime = inode.i_mtime = low;
  if (has_extra_times(filesystem, inode)) inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = epoch;
  if (errcode_t code = ext2fs_write_inode_full(filesystem, number, plain(inode), sizeof inode); code != 0)
    return ext4_error(fmt::format("writing inode {}", number), code);
  return {};
}

Result<ext2_ino_t> make_directory(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name) {
  errcode_t code = ext2fs_mkdir(filesystem, parent, 0, name.c_str());
  if (code == EXT2_ET_DIR_NO_SPACE) {
    code = ext2fs_expand_dir(filesystem, parent);
    if (code == 0) code = ext2fs_mkdir(filesystem, parent, 0, name.c_str());
  }
  if (code != 0) return ext4_error("making directory '" + name + "'", code);
  return child_of(filesystem, parent, name);
}

Result<ext2_ino_t> make_symlink(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, const std::string& target) {
  errcode_t code = ext2fs_symlink(filesystem, parent, 0, name.c_str(), target.c_str());
  if (code == EXT2_ET_DIR_NO_SPACE) {
    code = ext2fs_expand_dir(filesystem, parent);
    if (code == 0) code = ext2fs_symlink(filesystem, parent, 0, name.c_str(), target.c_str());
  }
  if (code != 0) return ext4_error("making symlink '" + name + "'", code);
  return child_of(filesystem, parent, name);
}

Result<ext2_ino_t> make_file(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, std::string_view bytes) {
  ext2_ino_t number = 0;
  if (errcode_t code = ext2fs_new_inode(filesystem, parent, LINUX_S_IFREG | 0644, nullptr, &number); code != 0)
    return ext4_error("making file '" + name + "'", code);
  ext2_inode inode{};
  inode.i_mode = LINUX_S_IFREG | 0644;
  inode.i_links_count = 1;
  if (ext2fs_has_feature_extents(filesystem->super)) {
    ext2_extent_handle_t extents = nullptr;
    if (errcode_t code = ext2fs_extent_open2(filesystem, number, &inode, &extents); code != 0)
      return ext4_error("making file '" + name + "'", code);
    ext2fs_extent_free(extents);
  }
  if (errcode_t code = ext2fs_write_new_inode(filesystem, number, &inode); code != 0)
    return ext4_error("making file '" + name + "'", code);
  ext2fs_inode_alloc_stats2(filesystem, number, +1, 0);
  if (Done linked = link(filesystem, parent, name, number, EXT2_FT_REG_FILE); !linked) return linked.error();
  if (Done written = write_content(filesystem, number, bytes); !written) return written.error();
  return number;
}

Done remove_child(ext2_filsys filesystem, ext2_ino_t parent, const Child& child, int depth) {
  if (depth > depth_max)
    return Error{ErrorCode::LimitExceeded, fmt::format("directories nested more than {} deep", depth_max), {}};
  Result<ext2_inode_large> inode = inode_at(filesystem, child.inode);
  if (!inode) return inode.error();
  const bool directory = LINUX_S_ISDIR(inode->i_mode);
  if (directory) {
    Result<std::vector<Child>> below = children_of(filesystem, child.inode);
    if (!below) return below.error();
    for (const Child& one : *below)
      if (Done removed = remove_child(filesystem, child.inode, one, depth + 1); !removed) return removed;
    inode = inode_at(filesystem, child.inode);
    if (!inode) return inode.error();
  }
  if (errcode_t code = ext2fs_unlink(filesystem, parent, child.name.c_str(), child.inode, 0); code != 0)
    return ext4_error("taking '" + child.name + "' out of its directory", code);
  if (Done dropped = drop(filesystem, child.inode, *inode, directory); !dropped) return dropped;
  if (!directory) return {};
  Result<ext2_inode_large> above = inode_at(filesystem, parent);
  if (!above) return above.error();
  // A directory with one link has more subdirectories than the field can count.
  if (above->i_links_count > 2) --above->i_links_count;
  if (errcode_t code = ext2fs_write_inode_full(filesystem, parent, plain(*above), sizeof(ext2_inode_large)); code != 0)
    return ext4_error(fmt::format("writing inode {}", parent), code);
  return {};
}

}  // namespace provision::disk
