// The port through which every part of Leaseback touches ordinary files, so that a test can take the power away.
//
// Durability: a call that promises it returns only after the bytes, and the directory entry that names them, are on
// stable storage. Anything else may vanish or be torn at a power cut. Paths are as the operating system takes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace images::files {
using namespace policies::vocabulary;

enum class Access { OwnerOnly, Everyone };  // 0600/0700 or 0644/0755

class Files {
 public:
  virtual ~Files() = default;

  // The whole file; LimitExceeded when it is larger than `limit`, NotFound when it is not there.
  virtual Result<std::string> read(const std::string& path, Bytes limit) = 0;
  // `length` bytes from `offset`; fewer at the end of the file.
  virtual Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::size_t length) = 0;

  // Replaces the file as one step: a reader, or a machine after a power cut, sees the old bytes or the new ones.
  // Durable.
  virtual Done replace(const std::string& path, std::string_view bytes, Access access) = 0;
  // Adds bytes at the end, creating the file. NOT durable before sync(path).
  virtual Done append(const std::string& path, std::string_view bytes, Access access) = 0;
  // Makes all that was appended to or truncated from `path` durable, and its directory entry.
  virtual Done sync(const std::string& path) = 0;
  virtual Done truncate(const std::string& path, std::uint64_t size) = 0;
  // Moves `from` over `to` in one durable step.
  virtual Done rename(const std::string& from, const std::string& to) = 0;
  // Durable. Removing what is not there is no error.
  virtual Done remove(const std::string& path) = 0;
  // Durable; with parents. What is already there is no error.
  virtual Done make_directory(const std::string& path, Access access) = 0;

  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<std::uint64_t> size(const std::string& path) = 0;
  // Names (not paths) in a directory, sorted; without "." and "..". NotFound when there is no such directory.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
};

}  // namespace images::files
