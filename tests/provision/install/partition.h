// One ext4 in a sparse file in a temporary folder, and how to get at the files in it. Removed at the end.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "images/files/posix_files.h"
#include "provision/disk/parted_disks.h"

namespace provision::install {

class Partition {
 public:
  Partition() : disks(processes) {
    folder_ = std::filesystem::temp_directory_path() / "leaseback-install-XXXXXX";
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    made.extent = {disk::alignment, mebibytes(64)};
    made.content = disk::Content::Ext4;
    made.filesystem_label = "system";
    made.filesystem_uuid = "0b5a0b1e-7d0c-4c0e-9d55-1f2e3d4c5b6a";
    if (!disks.make_image(path("disk.img"), mebibytes(66)) || !disks.format(path("disk.img"), {made}, nullptr)) std::abort();
  }
  ~Partition() { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::unique_ptr<disk::FileTree> tree(disk::TreeAccess access = disk::TreeAccess::ReadWrite) {
    auto tree = disks.open_tree(path("disk.img"), made.extent, access);
    if (!tree) ADD_FAILURE() << tree.error().text();
    return std::move(*tree);
  }

  images::files::PosixFiles files;
  disk::PosixProcesses processes;
  disk::PartedDisks disks;
  disk::PlannedPartition made;

 private:
  std::string folder_;
};

}  // namespace provision::install
