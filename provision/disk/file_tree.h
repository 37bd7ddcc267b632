// The port to the files inside a filesystem that is not mounted: installing, reading back, proving that nothing changed.
//
// Paths are absolute within the filesystem, "/etc/hostname", at most 4096 bytes; "." and ".." are refused. Symbolic links
// are never followed: a path through one is an error (Conflict), so nothing is ever written where a link points.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace provision::disk {
using namespace policies::vocabulary;

struct Attributes {
  std::uint32_t mode = 0644;  // permission bits, 07777 at most
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;     // seconds since 1970, 0 to 2^32-1
  bool operator==(const Attributes&) const = default;
};

enum class NodeKind { File, Directory, Symlink, Other };

struct Node {
  std::string name;  // last part of the path
  NodeKind kind = NodeKind::File;
  Attributes attributes;
  Bytes size;          // of a file
  std::string target;  // of a symlink
  bool operator==(const Node&) const = default;
};

// One node of a whole system, as it is filled into a filesystem just made.
enum class NewKind { File, Directory, Symlink, HardLink, CharacterDevice, BlockDevice, Fifo };
struct NewNode {
  NewKind kind = NewKind::File;
  std::string path;
  Attributes attributes;    // of links and hard links only the owner and the time count
  std::string target;       // of a symlink, up to 4095 bytes; of a hard link the path of a file that is there
  std::uint32_t major = 0;  // devices
  std::uint32_t minor = 0;
  std::map<std::string, std::string> xattrs;  // "security.capability"; all together must fit beside the inode or in one block
};

enum class Change { Unchanged, Created, Replaced };

class FileTree {
 public:
  virtual ~FileTree() = default;

  // The three puts are idempotent: what is already so is Unchanged and no byte is written. Parents must exist (NotFound).
  // Something of another kind in the place is Conflict; a file or symlink that differs is Replaced.
  virtual Result<Change> put_directory(const std::string& path, const Attributes& attributes) = 0;
  virtual Result<Change> put_file(const std::string& path, std::string_view bytes, const Attributes& attributes) = 0;
  // mode is ignored: symlinks have 0777.
  virtual Result<Change> put_symlink(const std::string& path, const std::string& target, const Attributes& attributes) = 0;
  // A file, or a directory with all that is in it. Unchanged when it is not there, else Replaced.
  virtual Result<Change> remove(const std::string& path) = 0;

  // Puts what is not there yet: AlreadyExists when it is, except for a directory, which gets these attributes. The parent must
  // exist. A file is empty, and grows by append() until the next call of anything else.
  virtual Done add(const NewNode& node) = 0;
  // To the file that was added last.
  virtual Done append(std::string_view bytes) = 0;

  // NotFound when nothing is there.
  virtual Result<Node> look(const std::string& path) = 0;
  // LimitExceeded when the file is larger than `limit`.
  virtual Result<std::string> read_file(const std::string& path, Bytes limit) = 0;
  // Whether the node is there as add() would put it, times and the content of a file apart.
  virtual Result<bool> holds(const NewNode& node) = 0;
  // SHA-256 of a file's bytes. Conflict when it is none.
  virtual Result<Digest> digest_of_file(const std::string& path) = 0;
  // Sorted by name, without "." and "..".
  virtual Result<std::vector<Node>> list(const std::string& path) = 0;
  // SHA-256 over every path, kind, mode, uid, gid, size, content and target below `path`, in order of name; times and
  // "lost+found" at the top are left out, so that a check or a resize does not change it.
  virtual Result<Digest> hash(const std::string& path) = 0;

  // Makes everything put and removed durable and marks the filesystem clean. Until then a cut leaves a filesystem whose
  // facts say `clean = false`; after a check, the same puts complete it. A tree that is destroyed without commit leaves
  // just that. Nothing may be put after commit.
  virtual Done commit() = 0;
};

// Every missing parent of `path` is made with 0755 root:root and the mtime given; then as put_file.
Result<Change> put_file_with_parents(FileTree& tree, const std::string& path, std::string_view bytes,
                                     const Attributes& attributes);

}  // namespace provision::disk
