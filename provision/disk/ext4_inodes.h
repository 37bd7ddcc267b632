// Inodes of an open ext4 filesystem, as ext4_tree needs them. Errors are Results: NotFound, OutOfSpace, Corrupt, IoFailure.
#pragma once

#include <ext2fs/ext2fs.h>

#include <functional>

#include "provision/disk/file_tree.h"

namespace provision::disk {

Error ext4_error(std::string_view act, errcode_t code);

Result<ext2_ino_t> child_of(ext2_filsys filesystem, ext2_ino_t directory, const std::string& name);
Result<Node> node_of(ext2_filsys filesystem, ext2_ino_t inode, std::string name);
struct Child {
  std::string name;
  ext2_ino_t inode = 0;
};
// Sorted by name; LimitExceeded beyond a million.
Result<std::vector<Child>> children_of(ext2_filsys filesystem, ext2_ino_t directory);
// Hands the content to `take` in pieces of at most 1 MiB; an error of `take` ends it.
Done read_content(ext2_filsys filesystem, ext2_ino_t inode, const std::function<Done(std::string_view)>& take);

Done set_attributes(ext2_filsys filesystem, ext2_ino_t inode, const Attributes& attributes);
Result<ext2_ino_t> make_directory(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name);
Result<ext2_ino_t> make_symlink(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, const std::string& target);
Result<ext2_ino_t> make_file(ext2_filsys filesystem, ext2_ino_t parent, const std::string& name, std::string_view bytes);
// Takes the name out of its directory and frees what it named, with all that is below.
Done remove_child(ext2_filsys filesystem, ext2_ino_t parent, const Child& child, int depth = 0);

}  // namespace provision::disk
