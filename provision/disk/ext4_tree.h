// The files of an ext4 filesystem inside an image or a disk, at an offset, by libext2fs: no mount, no root.
//
// Before its first change the filesystem is marked unclean, durably; commit marks it clean again. Extended attributes
// (ACLs among them) are set by add() alone, and hashed by nobody. Not for a filesystem that is mounted (see may_write).
#pragma once

#include <memory>

#include "provision/disk/disks.h"

namespace provision::disk {

class Ext4Tree final : public FileTree {
 public:
  // Conflict for ReadWrite while a check is due; Unsupported for features that libext2fs does not know.
  static Result<std::unique_ptr<FileTree>> open(const std::string& path, const Extent& partition, TreeAccess access);
  ~Ext4Tree() override;

  Result<Change> put_directory(const std::string& path, const Attributes& attributes) override;
  Result<Change> put_file(const std::string& path, std::string_view bytes, const Attributes& attributes) override;
  Result<Change> put_symlink(const std::string& path, const std::string& target, const Attributes& attributes) override;
  Result<Change> remove(const std::string& path) override;
  Done add(const NewNode& node) override;
  Done append(std::string_view bytes) override;
  Result<Node> look(const std::string& path) override;
  Result<std::string> read_file(const std::string& path, Bytes limit) override;
  Result<bool> holds(const NewNode& node) override;
  Result<Digest> digest_of_file(const std::string& path) override;
  Result<std::vector<Node>> list(const std::string& path) override;
  Result<Digest> hash(const std::string& path) override;
  Done commit() override;

 private:
  struct Opened;
  explicit Ext4Tree(std::unique_ptr<Opened> opened);
  std::unique_ptr<Opened> opened_;
};

}  // namespace provision::disk
