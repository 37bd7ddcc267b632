// The files of a filesystem that is mounted and in use: looked at and removed through the kernel.
#pragma once

#include <set>

#include "provision/disk/file_tree.h"

namespace provision::disk {

// Of the tree below `root` (an absolute path, "/" for the whole machine), without what else is mounted in it. Symbolic links are not
// followed. Nothing can be put: whoever installs does so before a machine runs (Unsupported). Removing is durable after commit().
class LivingTree final : public FileTree {
 public:
  explicit LivingTree(std::string root) : root_(root == "/" ? "" : std::move(root)) {}

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
  // The path on the machine; Conflict when a symbolic link leads there, NotFound when there is nothing.
  [[nodiscard]] Result<std::string> place(const std::string& path) const;
  Done remove_all(const std::string& place, std::uint64_t device, int depth);
  std::string root_;
  std::set<std::string> changed_;  // folders from which something was removed
};

}  // namespace provision::disk
