// Files on the operating system's own file system. Holds no state: any number may be used from any thread.
#pragma once

#include "images/files/files.h"

namespace images::files {

// replace() prepares ".NAME.new" beside the file under a lock, so that two writers never mix; one left behind by a
// power cut is reused by the next replace() and is not listed. append() that fails takes back what it had added, as far
// as the operating system lets it.
class PosixFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path, Bytes limit) override;
  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::size_t length) override;
  Done replace(const std::string& path, std::string_view bytes, Access access) override;
  Done append(const std::string& path, std::string_view bytes, Access access) override;
  Done sync(const std::string& path) override;
  Done truncate(const std::string& path, std::uint64_t size) override;
  Done rename(const std::string& from, const std::string& to) override;
  Done remove(const std::string& path) override;
  Done make_directory(const std::string& path, Access access) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::uint64_t> size(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
};

}  // namespace images::files
