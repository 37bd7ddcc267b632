// Goal: files go into an unmounted ext4 exactly as asked, twice the same without a byte written, and e2fsck finds nothing.
// Method: a real filesystem at an offset in an image, read back by us and by debugfs.
#include "provision/disk/ext4_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/provision/disk/disk_bench.h"
#include "provision/disk/ext4.h"

namespace provision::disk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Ext4TreeTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disks_.make_image(path_, mebibytes(300)));
    PlannedPartition partition;
    partition.extent = extent_;
    partition.content = Content::Ext4;
    partition.filesystem_uuid = "11111111-2222-8333-8444-555555555555";
    partition.filesystem_label = "system";
    Done made = disks_.format(path_, {partition}, nullptr);
    ASSERT_TRUE(made) << made.error().text();
  }

  std::unique_ptr<FileTree> opened(TreeAccess access = TreeAccess::ReadWrite) {
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, extent_, access);
    EXPECT_TRUE(tree) << tree.error().text();
    return tree ? *std::move(tree) : nullptr;
  }

  void expect_clean() {
    Done checked = disks_.check_ext4(path_, extent_, Repair::ReportOnly);
    EXPECT_TRUE(checked) << checked.error().text();
  }

  Digest bytes() { return *disks_.hash_region(path_, {{}, mebibytes(300)}); }

  TempFolder folder_;
  std::string path_ = folder_ / "disk.img";
  const Extent extent_{mebibytes(4), mebibytes(256)};
  PosixProcesses processes_;
  PartedDisks disks_{processes_};
};

TEST_F(Ext4TreeTest, KeepsContentModeOwnerAndTime) {
  const std::string large(3'500'001, 'L');
  auto tree = opened();
  EXPECT_EQ(*put_file_with_parents(*tree, "/var/lib/leaseback/device.key", "secret", {0600, 0, 0, 1'700'000'000}), Change::Created);
  EXPECT_EQ(*tree->put_file("/agent", large, {04755, 70'000, 65'537, 4'000'000'000}), Change::Created);
  EXPECT_EQ(*tree->put_file("/empty", "", {}), Change::Created);
  EXPECT_EQ(*tree->put_symlink("/short", "agent", {0, 0, 0, 5}), Change::Created);
  EXPECT_EQ(*tree->put_symlink("/long", std::string(200, 't'), {}), Change::Created);
  ASSERT_TRUE(tree->commit());
  expect_clean();

  tree = opened(TreeAccess::ReadOnly);
  EXPECT_EQ(*tree->read_file("/agent", mebibytes(8)), large);
  EXPECT_EQ(tree->look("/agent")->attributes, (Attributes{04755, 70'000, 65'537, 4'000'000'000}));
  EXPECT_EQ(*tree->read_file("/var/lib/leaseback/device.key", {6}), "secret");
  EXPECT_EQ(*tree->read_file("/empty", {}), "");
  EXPECT_EQ(tree->look("/var/lib")->attributes, (Attributes{0755, 0, 0, 1'700'000'000}));
  EXPECT_EQ(tree->look("/short")->target, "agent");
  EXPECT_EQ(tree->look("/long")->target, std::string(200, 't'));
  std::vector<std::string> names;
  const std::vector<Node> nodes = *tree->list("/");
  for (const Node& node : nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("agent", "empty", "long", "lost+found", "short", "var"));
}

TEST_F(Ext4TreeTest, IsWhatDebugfsReads) {
  auto tree = opened();
  ASSERT_TRUE(tree->put_file("/hello", "greetings\n", {0640, 1000, 1001, 1'700'000'000}));
  ASSERT_TRUE(tree->commit());
  JUDGE(content, {"debugfs", "-R", "cat /hello", path_ + "?offset=" + std::to_string(extent_.start.count)});
  EXPECT_EQ(content->output, "greetings\n");
  JUDGE(status, {"debugfs", "-R", "stat /hello", path_ + "?offset=" + std::to_string(extent_.start.count)});
  EXPECT_THAT(status->output, HasSubstr("Mode:  0640"));
  EXPECT_THAT(status->output, HasSubstr("User:  1000   Group:  1001"));
}

TEST_F(Ext4TreeTest, WritesNothingTheSecondTime) {
  const auto put = [](FileTree& tree) {
    std::vector<Change> changes;
    changes.push_back(*put_file_with_parents(tree, "/etc/leaseback/agent.yaml", "poll: 5m\n", {0644, 0, 0, 7}));
    changes.push_back(*tree.put_directory("/srv", {0711, 5, 6, 8}));
    changes.push_back(*tree.put_symlink("/link", "srv", {0777, 0, 0, 9}));
    EXPECT_TRUE(tree.commit());
    return changes;
  };
  EXPECT_THAT(put(*opened()), ElementsAre(Change::Created, Change::Created, Change::Created));
  const Digest before = bytes();
  EXPECT_THAT(put(*opened()), ElementsAre(Change::Unchanged, Change::Unchanged, Change::Unchanged));
  EXPECT_EQ(bytes(), before);
}

TEST_F(Ext4TreeTest, ReplacesWhatDiffers) {
  auto tree = opened();
  ASSERT_TRUE(tree->put_file("/a", std::string(100'000, 'a'), {}));
  ASSERT_TRUE(tree->put_symlink("/s", "a", {}));
  EXPECT_EQ(*tree->put_file("/a", "b", {}), Change::Replaced);
  EXPECT_EQ(*tree->put_file("/a", "b", {0600, 0, 0, 0}), Change::Replaced);
  EXPECT_EQ(*tree->put_symlink("/s", "b", {}), Change::Replaced);
  ASSERT_TRUE(tree->commit());
  expect_clean();
  EXPECT_EQ(*opened()->read_file("/a", {10}), "b");
}

TEST_F(Ext4TreeTest, RemovesTreesAndGivesTheirBlocksBack) {
  const Bytes used_before = disks_.read(path_)->size;  // the image has no table: read works on it all the same
  auto tree = opened();
  const Digest empty = *tree->hash("/");
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(put_file_with_parents(*tree, "/d/e/" + std::string(40, 'n') + std::to_string(i), std::string(10'000, 'x'), {}));
  ASSERT_TRUE(tree->put_symlink("/d/long", std::string(150, 't'), {}));
  ASSERT_TRUE(tree->commit());
  expect_clean();
  tree = opened();
  EXPECT_EQ(*tree->remove("/d"), Change::Replaced);
  EXPECT_EQ(*tree->remove("/d"), Change::Unchanged);
  EXPECT_EQ(*tree->remove("/not/there"), Change::Unchanged);
  ASSERT_TRUE(tree->commit());
  expect_clean();
  EXPECT_EQ(*opened()->hash("/"), empty);
  EXPECT_EQ(disks_.read(path_)->size, used_before);
}

TEST_F(Ext4TreeTest, HashSeesNameModeOwnerContentAndTargetButNoTime) {
  auto tree = opened();
  ASSERT_TRUE(tree->put_directory("/d", {0755, 0, 0, 1}));
  ASSERT_TRUE(tree->put_file("/d/f", "one", {0644, 1, 1, 1}));
  ASSERT_TRUE(tree->put_symlink("/d/s", "f", {}));
  const Digest before = *tree->hash("/d");
  ASSERT_TRUE(tree->put_file("/d/f", "one", {0644, 1, 1, 2}));
  EXPECT_EQ(*tree->hash("/d"), before);
  const auto changed = [&](const Result<Change>& change) {
    EXPECT_TRUE(change);
    const bool differs = *tree->hash("/d") != before;
    EXPECT_TRUE(tree->put_file("/d/f", "one", {0644, 1, 1, 1}));
    EXPECT_TRUE(tree->put_symlink("/d/s", "f", {}));
    EXPECT_TRUE(tree->remove("/d/g"));
    EXPECT_EQ(*tree->hash("/d"), before);
    return differs;
  };
  EXPECT_TRUE(changed(tree->put_file("/d/f", "two", {0644, 1, 1, 1})));
  EXPECT_TRUE(changed(tree->put_file("/d/f", "one", {0600, 1, 1, 1})));
  EXPECT_TRUE(changed(tree->put_file("/d/f", "one", {0644, 2, 1, 1})));
  EXPECT_TRUE(changed(tree->put_symlink("/d/s", "g", {})));
  EXPECT_TRUE(changed(tree->put_file("/d/g", "", {})));
  ASSERT_TRUE(tree->commit());
}

TEST_F(Ext4TreeTest, NeverWritesThroughASymlink) {
  auto tree = opened();
  ASSERT_TRUE(tree->put_directory("/real", {0755, 0, 0, 0}));
  ASSERT_TRUE(tree->put_symlink("/link", "/real", {}));
  EXPECT_EQ(tree->put_file("/link/f", "x", {}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(put_file_with_parents(*tree, "/link/f", "x", {}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(tree->put_file("/link", "x", {}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(tree->read_file("/link", {10}).error().code, ErrorCode::Conflict);
  EXPECT_THAT(*tree->list("/real"), IsEmpty());
}

TEST_F(Ext4TreeTest, RefusesPathsThatLeaveOrRepeatThemselves) {
  auto tree = opened();
  for (const std::string& path : {std::string("relative"), std::string("/a/../b"), std::string("/./a"), std::string("//a"),
                                  "/" + std::string(256, 'n'), "/" + std::string(5000, '/'), std::string("/a\0b", 4)})
    EXPECT_EQ(tree->put_file(path, "x", {}).error().code, ErrorCode::InvalidInput) << path.substr(0, 20);
  EXPECT_EQ(tree->put_file("/", "x", {}).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(tree->remove("/").error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(tree->put_file("/no/parent", "x", {}).error().code, ErrorCode::NotFound);
}

TEST_F(Ext4TreeTest, KeepsItsLimits) {
  auto tree = opened();
  ASSERT_TRUE(tree->put_file("/f", "12345", {}));
  EXPECT_EQ(tree->read_file("/f", {4}).error().code, ErrorCode::LimitExceeded);
  Result<Change> full = tree->put_file("/full", std::string(300 << 20, 'x'), {});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::OutOfSpace) << full.error().text();
}

TEST_F(Ext4TreeTest, MarksItselfUncleanUntilCommitted) {
  auto tree = opened();
  ASSERT_TRUE(put_file_with_parents(*tree, "/x/y", std::string(200'000, 'y'), {}));
  FilesystemFacts facts;
  read_ext4(path_, extent_, facts);
  EXPECT_FALSE(facts.clean);
  EXPECT_EQ(disks_.open_tree(path_, extent_, TreeAccess::ReadWrite).error().code, ErrorCode::Conflict);
  tree.reset();
  read_ext4(path_, extent_, facts);
  EXPECT_FALSE(facts.clean);
  ASSERT_TRUE(disks_.check_ext4(path_, extent_, Repair::Mend));
  tree = opened();
  EXPECT_TRUE(put_file_with_parents(*tree, "/x/y", std::string(200'000, 'y'), {}));
  ASSERT_TRUE(tree->commit());
  read_ext4(path_, extent_, facts);
  EXPECT_TRUE(facts.clean);
  expect_clean();
}

TEST_F(Ext4TreeTest, ChangesNothingWhenOpenedForReading) {
  auto tree = opened(TreeAccess::ReadOnly);
  EXPECT_EQ(tree->put_file("/f", "x", {}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(tree->commit().error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace provision::disk
