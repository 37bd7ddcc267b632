// Goal: on the disk that a system runs from, the kernel is told exactly what a release changed, and files are removed without following
// links or mounts. Method: the pure decision on values, a recorded /sys and /proc, and a tree in a temporary folder. What needs a real
// mounted disk is shown in a guest (tests/vm, declined-is-released).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "provision/disk/kernel_partitions.h"
#include "provision/disk/living_tree.h"

namespace provision::disk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "living.XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path(const std::string& inside = "") const { return path_ + inside; }
  void file(const std::string& inside, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + inside).parent_path());
    std::ofstream(path_ + inside) << text;
  }

 private:
  std::string path_;
};

KernelPartition known(std::uint32_t number, Bytes start, Bytes size) {
  KernelPartition partition;
  partition.number = number;
  partition.extent = {start, size};
  return partition;
}

PartitionFacts entry(std::uint32_t number, Bytes start, Bytes size) {
  PartitionFacts facts;
  facts.number = number;
  facts.extent = {start, size};
  return facts;
}

TEST(KernelPartitions, AreToldWhatWentBeforeWhatGrewOverIt) {
  const auto told = tellings({known(1, mebibytes(1), mebibytes(64)), known(3, mebibytes(65), mebibytes(900)), known(4, mebibytes(965), mebibytes(100))},
                             {entry(1, mebibytes(1), mebibytes(64)), entry(3, mebibytes(65), mebibytes(1000))});
  ASSERT_TRUE(told) << told.error().text();
  EXPECT_THAT(*told, ElementsAre(PartitionTelling{Telling::Forget, 4, {mebibytes(965), mebibytes(100)}},
                                 PartitionTelling{Telling::Resize, 3, {mebibytes(65), mebibytes(1000)}}));
}

TEST(KernelPartitions, AreToldNothingWhenTheyAgreeWithTheTable) {
  const auto told = tellings({known(1, mebibytes(1), mebibytes(64))}, {entry(1, mebibytes(1), mebibytes(64))});
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->empty());
}

TEST(KernelPartitions, AreNeverMovedOrMadeOnADiskInUse) {
  const auto moved = tellings({known(1, mebibytes(1), mebibytes(64))}, {entry(1, mebibytes(2), mebibytes(64))});
  ASSERT_FALSE(moved);
  EXPECT_THAT(moved.error().text(), HasSubstr("restart the machine"));
  EXPECT_FALSE(tellings({}, {entry(1, mebibytes(1), mebibytes(64))}));
}

TEST(KernelPartitions, AreReadWithTheirMountsAndHolders) {
  const Folder machine;
  const std::string disk = "/sys/class/block/sda";
  machine.file(disk + "/sda3/partition", "3\n");
  machine.file(disk + "/sda3/start", "2048\n");
  machine.file(disk + "/sda3/size", "4096\n");
  machine.file(disk + "/sda3/dev", "8:3\n");
  machine.file(disk + "/sda4/partition", "4\n");
  machine.file(disk + "/sda4/start", "6144\n");
  machine.file(disk + "/sda4/size", "2048\n");
  machine.file(disk + "/sda4/dev", "8:4\n");
  machine.file(disk + "/sda4/holders/dm-0/dev", "254:0\n");
  machine.file("/proc/self/mountinfo", "144 27 8:3 / /home rw,relatime shared:57 - ext4 /dev/sda3 rw\n");
  const auto partitions = kernel_partitions(machine.path(), "/dev/sda");
  ASSERT_TRUE(partitions) << partitions.error().text();
  ASSERT_EQ(partitions->size(), 2U);
  EXPECT_EQ((*partitions)[0].extent, (Extent{mebibytes(1), mebibytes(2)}));
  EXPECT_EQ((*partitions)[0].mounted_at, "/home");
  EXPECT_FALSE((*partitions)[0].held);
  EXPECT_EQ((*partitions)[1].device, "/dev/sda4");
  EXPECT_EQ((*partitions)[1].mounted_at, std::nullopt);
  EXPECT_TRUE((*partitions)[1].held);
  EXPECT_EQ(kernel_partitions(machine.path(), "/dev/sdb").error().code, ErrorCode::NotFound);
}

TEST(LivingTree, LooksListsAndReads) {
  const Folder machine;
  machine.file("/etc/leaseback/agent.yaml", "controller: x\n");
  std::filesystem::create_symlink("agent.yaml", machine.path("/etc/leaseback/link"));
  LivingTree tree(machine.path());
  EXPECT_EQ(*tree.read_file("/etc/leaseback/agent.yaml", Bytes{100}), "controller: x\n");
  EXPECT_EQ(tree.read_file("/etc/leaseback/agent.yaml", Bytes{3}).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(tree.look("/etc/leaseback/link")->target, "agent.yaml");
  EXPECT_EQ(tree.look("/etc/none").error().code, ErrorCode::NotFound);
  ASSERT_EQ(tree.list("/etc/leaseback")->size(), 2U);
  EXPECT_EQ(tree.list("/etc/leaseback")->front().name, "agent.yaml");
}

TEST(LivingTree, RemovesAFolderAndNothingBehindItsLinks) {
  const Folder machine;
  machine.file("/owner/letter.txt", "dear diary");
  machine.file("/var/lib/leaseback/work/cache/x", "x");
  std::filesystem::create_directory_symlink(machine.path("/owner"), machine.path("/var/lib/leaseback/out"));
  LivingTree tree(machine.path());
  EXPECT_EQ(*tree.remove("/var/lib/leaseback"), Change::Replaced);
  EXPECT_EQ(*tree.remove("/var/lib/leaseback"), Change::Unchanged);
  EXPECT_TRUE(tree.commit());
  EXPECT_FALSE(std::filesystem::exists(machine.path("/var/lib/leaseback")));
  EXPECT_TRUE(std::filesystem::exists(machine.path("/owner/letter.txt")));
}

TEST(LivingTree, RefusesAPathThroughALink) {
  const Folder machine;
  machine.file("/owner/letter.txt", "dear diary");
  std::filesystem::create_directory_symlink(machine.path("/owner"), machine.path("/out"));
  LivingTree tree(machine.path());
  EXPECT_EQ(tree.remove("/out/letter.txt").error().code, ErrorCode::Conflict);
  EXPECT_EQ(tree.look("/owner/../owner/letter.txt").error().code, ErrorCode::InvalidInput);
  EXPECT_TRUE(std::filesystem::exists(machine.path("/owner/letter.txt")));
}

TEST(LivingTree, InstallsNothing) {
  const Folder machine;
  LivingTree tree(machine.path());
  EXPECT_EQ(tree.put_file("/x", "x", {}).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace provision::disk
