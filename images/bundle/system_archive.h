// The tar archive of an operating system, read in one pass: what shall stand in its filesystem.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "images/bundle/manifest.h"
#include "images/files/files.h"

namespace images::bundle {

enum class NodeKind { File, Directory, Symlink, HardLink, CharacterDevice, BlockDevice, Fifo };

struct SystemNode {
  NodeKind kind = NodeKind::File;
  std::string path;         // absolute; "/" for the root folder itself
  std::uint32_t mode = 0;   // 07777 at most; 0 for links
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;   // seconds since 1970, 0 to 2^32-1
  Bytes size;               // files only
  std::string target;       // of a symbolic link; the path of the file that a hard link names
  std::uint32_t major = 0;  // devices only
  std::uint32_t minor = 0;
  std::map<std::string, std::string> xattrs;  // "security.capability" -> bytes
};

// Takes the nodes in the archive's order: folders before what is in them, files before hard links to them.
class SystemSink {
 public:
  virtual ~SystemSink() = default;
  virtual Done begin(const SystemNode& node) = 0;
  virtual Done write(std::string_view piece) = 0;  // of a file, at most 1 MiB
  virtual Done end(const SystemNode& node) = 0;
};

struct SystemFacts {
  std::uint64_t nodes = 0;
  Bytes unpacked_size;  // of the tar archive
  Bytes files_size;     // of all files together
};

struct SystemLimits {
  Bytes unpacked_size = system_size_max;
  std::uint64_t nodes = system_nodes_max;
};

// `give` yields the bytes of a tar archive, and nothing at their end. InvalidInput, naming the path, for names that climb or
// are not plain, nodes below something that is no folder, a path named twice, sockets, access control lists that
// are no attributes; LimitExceeded.
Result<SystemFacts> read_system_archive(const std::function<Result<std::string>()>& give, const SystemLimits& limits, SystemSink& sink);

// The payload of the verified bundle at `path`, unpacked. `offset` is VerifiedBundle::payload_offset.
Result<SystemFacts> read_system_payload(files::Files& files, const std::string& path, std::uint64_t offset, const SystemContents& system,
                                        SystemSink& sink);

}  // namespace images::bundle
