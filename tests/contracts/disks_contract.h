// What every Disks promises, run on image files and on block devices alike. A test program makes its disks and says
//   INSTANTIATE_TEST_SUITE_P(Images, DisksContract, testing::Values(DiskMaker{"image", ...}));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "images/keys/keys.h"
#include "provision/disk/apply.h"

namespace provision::disk {

// A blank disk of 3 GiB, which goes away with this object.
class DiskUnderTest {
 public:
  virtual ~DiskUnderTest() = default;
  virtual Disks& disks() = 0;
  virtual std::string path() = 0;
};

struct DiskMaker {
  std::string name;
  // nullptr: this machine has no such disk, and `why` says why.
  std::function<std::unique_ptr<DiskUnderTest>(std::string& why)> make;
};

class DisksContract : public testing::TestWithParam<DiskMaker> {
 protected:
  class Silence final : public StepWitness {
   public:
    Done begins(const Step&) override { return {}; }
    Done ended(const Step&) override { return {}; }
  };

  void SetUp() override {
    std::string why;
    made_ = GetParam().make(why);
    if (!made_) GTEST_SKIP() << why;
    path_ = made_->path();
    keys_.volume_key = images::keys::random_bytes(volume_key_size);
    keys_.slot_keys = {images::keys::random_bytes(slot_key_size)};
  }

  Disks& disks() { return made_->disks(); }

  DiskFacts facts() {
    Result<DiskFacts> read = disks().read(path_);
    EXPECT_TRUE(read) << read.error().text();
    return read ? *read : DiskFacts{};
  }

  DiskPlan planned() {
    DiskRequest request;
    request.seed = "contract";
    request.esp = mebibytes(300);
    request.system = mebibytes(400);
    request.lease = mebibytes(600);
    request.seal = {{{"order", "contract"}}, {{0, "recovery", key_digest_of(keys_.slot_keys[0])}}};
    Result<DiskPlan> plan = plan_new_disk(request, facts());
    EXPECT_TRUE(plan) << plan.error().text();
    return plan ? *plan : DiskPlan{};
  }

  void make(const DiskPlan& plan) {
    Result<std::vector<Step>> done = apply(plan, &keys_, disks(), silence_);
    ASSERT_TRUE(done) << done.error().text();
  }

  Digest tree_hash(const Extent& partition) {
    Result<std::unique_ptr<FileTree>> tree = disks().open_tree(path_, partition, TreeAccess::ReadOnly);
    EXPECT_TRUE(tree) << tree.error().text();
    return tree ? *(*tree)->hash("/") : Digest();
  }

  std::unique_ptr<DiskUnderTest> made_;
  std::string path_;
  LeaseKeys keys_;
  Silence silence_;
};

TEST_P(DisksContract, ReadsABlankDiskAsBlank) {
  EXPECT_TRUE(facts().blank);
  EXPECT_EQ(facts().table, TableKind::None);
  EXPECT_EQ(facts().size, gibibytes(3));
}

TEST_P(DisksContract, MakesThePlannedDiskOnceAndThenNothing) {
  const DiskPlan plan = planned();
  ASSERT_NO_FATAL_FAILURE(make(plan));
  Result<std::vector<std::string>> findings = verify(plan, &keys_, disks());
  ASSERT_TRUE(findings) << findings.error().text();
  EXPECT_THAT(*findings, testing::IsEmpty());
  const Digest before = *disks().hash_region(path_, {{}, gibibytes(3)});
  Result<std::vector<Step>> again = apply(plan, &keys_, disks(), silence_);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_THAT(*again, testing::IsEmpty());
  EXPECT_EQ(*disks().hash_region(path_, {{}, gibibytes(3)}), before);
}

TEST_P(DisksContract, TakesEveryChangeTwice) {
  const DiskPlan plan = planned();
  ASSERT_NO_FATAL_FAILURE(make(plan));
  DiskFacts blank = facts();
  blank.partitions.clear();
  blank.table = TableKind::None;
  blank.disk_uuid.clear();
  blank.blank = true;
  const std::vector<Step> steps = *difference(plan, blank);
  ASSERT_EQ(steps.size(), 5U);
  for (const Step& step : steps) {
    Done repeated = do_step(step, plan, &keys_, disks());
    EXPECT_TRUE(repeated) << repeated.error().text();
  }
  EXPECT_THAT(*difference(plan, facts()), testing::IsEmpty());
  EXPECT_THAT(*verify(plan, &keys_, disks()), testing::IsEmpty());
}

TEST_P(DisksContract, OpensASlotToItsKeyAlone) {
  const DiskPlan plan = planned();
  ASSERT_NO_FATAL_FAILURE(make(plan));
  const Extent lease = plan.partition(Role::Lease)->extent;
  EXPECT_TRUE(*disks().slot_opens(path_, lease, 0, keys_.slot_keys[0]));
  EXPECT_FALSE(*disks().slot_opens(path_, lease, 0, std::string(slot_key_size, 'x')));
  EXPECT_FALSE(*disks().slot_opens(path_, lease, 1, keys_.slot_keys[0]));
  ASSERT_TRUE(disks().destroy_key_slots(path_, lease));
  EXPECT_FALSE(disks().slot_opens(path_, lease, 0, keys_.slot_keys[0]));
  EXPECT_TRUE(disks().destroy_key_slots(path_, lease));
}

TEST_P(DisksContract, ReleasesTheLeaseAndKeepsTheOwnersFiles) {
  const DiskPlan plan = planned();
  ASSERT_NO_FATAL_FAILURE(make(plan));
  const Extent home = plan.partition(Role::Customer)->extent;
  {
    Result<std::unique_ptr<FileTree>> tree = disks().open_tree(path_, home, TreeAccess::ReadWrite);
    ASSERT_TRUE(tree) << tree.error().text();
    ASSERT_TRUE(put_file_with_parents(**tree, "/ann/letter", std::string(3'000'000, 'l'), {0600, 1000, 1000, 5}));
    ASSERT_TRUE((*tree)->commit());
  }
  const Digest files = tree_hash(home);
  Result<DiskPlan> release = plan_release(facts());
  ASSERT_TRUE(release) << release.error().text();
  ASSERT_NO_FATAL_FAILURE(make(*release));
  const DiskFacts after = facts();
  EXPECT_EQ(after.lease(), nullptr);
  EXPECT_EQ(after.partition(3)->extent.size, home.size + mebibytes(600));
  EXPECT_EQ(tree_hash(after.partition(3)->extent), files);
  EXPECT_THAT(*verify(*release, nullptr, disks()), testing::IsEmpty());
}

TEST_P(DisksContract, RestoresTheSavedTable) {
  ASSERT_NO_FATAL_FAILURE(make(planned()));
  const std::string before = canonical_text(facts());
  Result<std::string> saved = disks().save_table(path_);
  ASSERT_TRUE(saved) << saved.error().text();
  ASSERT_TRUE(disks().write_table(*plan_release(facts())));
  ASSERT_NE(canonical_text(facts()), before);
  Done restored = disks().restore_table(path_, *saved);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(canonical_text(facts()), before);
}

TEST_P(DisksContract, SaysWhatIsNotThere) {
  EXPECT_EQ(disks().read(path_ + ".none").error().code, ErrorCode::NotFound);
  EXPECT_FALSE(disks().slot_opens(path_, {mebibytes(1), mebibytes(100)}, 0, keys_.slot_keys[0]));
  EXPECT_FALSE(disks().open_tree(path_, {mebibytes(1), mebibytes(100)}, TreeAccess::ReadOnly));
}

}  // namespace provision::disk
