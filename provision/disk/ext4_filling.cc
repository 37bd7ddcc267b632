#include "provision/disk/ext4_filling.h"

#include <fmt/core.h>

#include "provision/disk/ext4_inodes.h"

namespace provision::disk {
namespace {

std::uint16_t type_of(NewKind kind) {
  if (kind == NewKind::CharacterDevice) return LINUX_S_IFCHR;
  return kind == NewKind::BlockDevice ? LINUX_S_IFBLK : LINUX_S_IFIFO;
}

int entry_type_of(NewKind kind) {
  if (kind == NewKind::CharacterDevice) return EXT2_FT_CHRDEV;
  return kind == NewKind::BlockDevice ? EXT2_FT_BLKDEV : EXT2_FT_FIFO;
}

// Device numbers as Linux keeps them in an inode: small ones in the old form, others in the new one.
void put_numbers(ext2_inode& inode, const NewNode& node) {
  if (node.major < 256 && node.minor < 256) {
    inode.i_block[0] = node.major << 8 | node.minor;
  } else {
    inode.i_block[1] = (node.minor & 0xFFU) | node.major << 8 | (node.minor & ~0xFFU) << 12;
  }
}

Done link(ext2_filsys filesystem, ext2_ino_t directory, const std::string& name, ext2_ino_t inode, int type) {
  errcode_t code = ext2fs_link(filesystem, directory, name.c_str(), inode, type);
  if (code == EXT2_ET_DIR_NO_SPACE) {
    code = ext2fs_expand_dir(filesystem, directory);
    if (code == 0) code = ext2fs_link(filesystem, directory, name.c_str(), inode, type);
  }
  if (code != 0) return ext4_error("adding '" + name + "' to its directory", code);
  return {};
}

class Xattrs {
 public:
  static Result<std::unique_ptr<Xattrs>> open(ext2_filsys filesystem, ext2_ino_t inode) {
    ext2_xattr_handle* handle = nullptr;
    if (errcode_t code = ext2fs_xattrs_open(filesystem, inode, &handle); code != 0) return ext4_error("opening attributes", code);
    std::unique_ptr<Xattrs> opened(new Xattrs(handle));
    if (errcode_t code = ext2fs_xattrs_read(handle); code != 0) return ext4_error("reading attributes", code);
    return opened;
  }
  ~Xattrs() { ext2fs_xattrs_close(&handle_); }
  Xattrs(const Xattrs&) = delete;
  Xattrs& operator=(const Xattrs&) = delete;
  [[nodiscard]] ext2_xattr_handle* handle() const { return handle_; }

 private:
  explicit Xattrs(ext2_xattr_handle* handle) : handle_(handle) {}
  ext2_xattr_handle* handle_;
};

int collect(char* name, char*, std::size_t, void* context) {
  const std::string_view word = name;
  if (word.starts_with("security.") || word.starts_with("user.") || word.starts_with("trusted.") || word.starts_with("system.posix_acl_"))
    static_cast<std::vector<std::string>*>(context)->emplace_back(word);
  return 0;
}

// An access control list's entries are tag, permissions and id (two, two and four bytes, little-endian, behind four bytes of
// version). Only those of named users (2) and groups (8) have an id; for the others writers differ in what they leave there.
void forget_unused_ids(std::string& list) {
  for (std::size_t at = 4; at + 8 <= list.size(); at += 8)
    if (list[at] != 2 && list[at] != 8) list.replace(at + 4, 4, 4, '\0');
}

}  // namespace

Result<ext2_ino_t> make_special(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, const NewNode& node) {
  ext2_ino_t number = 0;
  const std::uint16_t mode = static_cast<std::uint16_t>(type_of(node.kind) | 0600);
  if (errcode_t code = ext2fs_new_inode(filesystem, parent, mode, nullptr, &number); code != 0)
    return ext4_error("making '" + name + "'", code);
  ext2_inode inode{};
  inode.i_mode = mode;
  inode.i_links_count = 1;
  if (node.kind != NewKind::Fifo) put_numbers(inode, node);
  if (errcode_t code = ext2fs_write_new_inode(filesystem, number, &inode); code != 0) return ext4_error("making '" + name + "'", code);
  ext2fs_inode_alloc_stats2(filesystem, number, +1, 0);
  if (Done linked = link(filesystem, parent, name, number, entry_type_of(node.kind)); !linked) return linked.error();
  return number;
}

Done make_hard_link(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, ext2_ino_t file) {
  ext2_inode inode{};
  if (errcode_t code = ext2fs_read_inode(filesystem, file, &inode); code != 0) return ext4_error("reading a file's inode", code);
  if (inode.i_links_count >= EXT2_LINK_MAX)
    return Error{ErrorCode::LimitExceeded, fmt::format("'{}' would be more than the {}th name of its file", name, EXT2_LINK_MAX), {}};
  if (Done linked = link(filesystem, parent, name, file, EXT2_FT_REG_FILE); !linked) return linked;
  ++inode.i_links_count;
  if (errcode_t code = ext2fs_write_inode(filesystem, file, &inode); code != 0) return ext4_error("writing a file's inode", code);
  return {};
}

Done set_xattrs(ext2_filsys filesystem, ext2_ino_t inode, const std::map<std::string, std::string>& xattrs) {
  if (xattrs.empty()) return {};
  Result<std::unique_ptr<Xattrs>> opened = Xattrs::open(filesystem, inode);
  if (!opened) return opened.error();
  for (const auto& [name, value] : xattrs)
    if (errcode_t code = ext2fs_xattr_set((*opened)->handle(), name.c_str(), value.data(), value.size()); code != 0)
      return ext4_error("setting the attribute " + name, code);
  return {};
}

Result<std::map<std::string, std::string>> xattrs_of(ext2_filsys filesystem, ext2_ino_t inode) {
  Result<std::unique_ptr<Xattrs>> opened = Xattrs::open(filesystem, inode);
  if (!opened) return opened.error();
  std::vector<std::string> names;
  if (errcode_t code = ext2fs_xattrs_iterate((*opened)->handle(), collect, &names); code != 0)
    return ext4_error("reading attributes", code);
  std::map<std::string, std::string> xattrs;
  for (const std::string& name : names) {
    void* value = nullptr;
    std::size_t length = 0;
    if (errcode_t code = ext2fs_xattr_get((*opened)->handle(), name.c_str(), &value, &length); code != 0)
      return ext4_error("reading the attribute " + name, code);
    xattrs.emplace(name, std::string(static_cast<const char*>(value), length));
    ext2fs_free_mem(&value);
  }
  return xattrs;
}

bool same_xattrs(std::map<std::string, std::string> a, std::map<std::string, std::string> b) {
  for (auto* xattrs : {&a, &b})
    for (auto& [name, value] : *xattrs)
      if (name.starts_with("system.posix_acl_")) forget_unused_ids(value);
  return a == b;
}

Result<bool> is_special(ext2_filsys filesystem, ext2_ino_t number, const NewNode& node) {
  ext2_inode inode{};
  if (errcode_t code = ext2fs_read_inode(filesystem, number, &inode); code != 0) return ext4_error("reading an inode", code);
  if ((inode.i_mode & LINUX_S_IFMT) != type_of(node.kind)) return false;
  if (node.kind == NewKind::Fifo) return true;
  ext2_inode wanted{};
  put_numbers(wanted, node);
  return inode.i_block[0] == wanted.i_block[0] && inode.i_block[1] == wanted.i_block[1];
}

Result<std::unique_ptr<FileAppender>> FileAppender::open(ext2_filsys filesystem, ext2_ino_t inode) {
  ext2_file_t file = nullptr;
  if (errcode_t code = ext2fs_file_open(filesystem, inode, EXT2_FILE_WRITE, &file); code != 0)
    return ext4_error(fmt::format("opening inode {}", inode), code);
  return std::unique_ptr<FileAppender>(new FileAppender(file));
}

FileAppender::~FileAppender() {
  if (file_ != nullptr) ext2fs_file_close(file_);
}

Done FileAppender::append(std::string_view bytes) {
  while (!bytes.empty()) {
    unsigned written = 0;
    if (errcode_t code = ext2fs_file_write(file_, bytes.data(), static_cast<unsigned>(bytes.size()), &written); code != 0)
      return ext4_error("writing a file", code);
    bytes.remove_prefix(written);
  }
  return {};
}

Done FileAppender::finish() {
  const errcode_t code = ext2fs_file_close(std::exchange(file_, nullptr));
  return code == 0 ? Done{} : Done(ext4_error("writing a file", code));
}

}  // namespace provision::disk
