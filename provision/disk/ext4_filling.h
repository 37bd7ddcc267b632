// What a whole system has beside files, folders and symbolic links: devices, hard links, extended attributes; and files too
// large for memory. For ext4_tree.
#pragma once

#include <ext2fs/ext2fs.h>

#include <memory>

#include "provision/disk/file_tree.h"

namespace provision::disk {

// A device or fifo, without attributes yet.
Result<ext2_ino_t> make_special(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, const NewNode& node);
// One more name of a file.
Done make_hard_link(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, ext2_ino_t file);
// Sets all of these; there are none on an inode just made.
Done set_xattrs(ext2_filsys filesystem, ext2_ino_t inode, const std::map<std::string, std::string>& xattrs);
// Those of the namespaces that set_xattrs takes.
Result<std::map<std::string, std::string>> xattrs_of(ext2_filsys filesystem, ext2_ino_t inode);
// Whether two nodes have the same attributes; access control lists by their meaning.
bool same_xattrs(std::map<std::string, std::string> a, std::map<std::string, std::string> b);
// Whether the inode's kind is this one, and for a device its numbers.
Result<bool> is_special(ext2_filsys filesystem, ext2_ino_t inode, const NewNode& node);

// Appends to a file that make_file has made empty. Both must outlive it.
class FileAppender {
 public:
  static Result<std::unique_ptr<FileAppender>> open(ext2_filsys filesystem, ext2_ino_t inode);
  ~FileAppender();
  FileAppender(const FileAppender&) = delete;
  FileAppender& operator=(const FileAppender&) = delete;
  Done append(std::string_view bytes);
  // What was appended is in the filesystem. Call once, last.
  Done finish();

 private:
  explicit FileAppender(ext2_file_t file) : file_(file) {}
  ext2_file_t file_;
};

}  // namespace provision::disk
