// Goal: a cut apply, retrofit or release is completed by running it again, and no file of the owner is hurt. Method: stop
// before and after every changing call of the port, run again to the end, and compare with a disk that was never cut. Cuts
// inside a call are made in tests/machine/disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/provision/disk/disk_bench.h"

namespace provision::disk {
namespace {

using testing::IsEmpty;

// Passes calls on until `calls_left` changing ones are done; then the power is gone.
class CutDisks final : public Disks {
 public:
  CutDisks(Disks& real, int calls_left) : real_(real), calls_left_(calls_left) {}
  [[nodiscard]] bool cut() const { return cut_; }

  Result<DiskFacts> read(const std::string& path) override { return cut_ ? Result<DiskFacts>(gone()) : real_.read(path); }
  Result<DiskUse> use_of(const std::string& path) override { return real_.use_of(path); }
  Result<std::vector<AttachedDisk>> attached() override { return real_.attached(); }
  Result<bool> slot_opens(const std::string& p, const Extent& e, std::uint32_t s, const std::string& k) override {
    return real_.slot_opens(p, e, s, k);
  }
  Result<Digest> hash_region(const std::string& path, const Extent& region) override { return real_.hash_region(path, region); }
  Result<std::string> save_table(const std::string& path) override { return real_.save_table(path); }
  Result<std::unique_ptr<FileTree>> open_tree(const std::string& p, const Extent& e, TreeAccess a) override {
    return real_.open_tree(p, e, a);
  }

  Result<std::string> read_note(const std::string& path) override { return real_.read_note(path); }
  Done write_note(const std::string& path, const std::string& text) override {
    return change([&] { return real_.write_note(path, text); });
  }
  Result<Bytes> least_ntfs(const std::string& path, const Extent& partition) override { return real_.least_ntfs(path, partition); }
  Done shrink_ntfs(const std::string& path, const Extent& partition, Bytes size) override {
    return change([&] { return real_.shrink_ntfs(path, partition, size); });
  }
  Result<Digest> copy_region(const std::string& from, const std::string& to, const Extent& region) override {
    if (Done on = change([]() -> Done { return {}; }); !on) return on.error();
    return real_.copy_region(from, to, region);
  }
  Done make_image(const std::string& path, Bytes size) override {
    return change([&] { return real_.make_image(path, size); });
  }
  Done write_table(const DiskPlan& plan) override {
    return change([&] { return real_.write_table(plan); });
  }
  Done restore_table(const std::string& path, const std::string& saved) override {
    return change([&] { return real_.restore_table(path, saved); });
  }
  Done format(const std::string& path, const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys) override {
    return change([&] { return real_.format(path, partitions, keys); });
  }
  Done destroy_key_slots(const std::string& path, const Extent& e) override {
    return change([&] { return real_.destroy_key_slots(path, e); });
  }
  Done check_ext4(const std::string& path, const Extent& e, Repair repair) override {
    return change([&] { return real_.check_ext4(path, e, repair); });
  }
  Done resize_ext4(const std::string& path, const Extent& e, Bytes size) override {
    return change([&] { return real_.resize_ext4(path, e, size); });
  }

 private:
  static Error gone() { return {ErrorCode::Interrupted, "the power is gone", {}}; }
  template <typename Act>
  Done change(Act act) {
    if (cut_ || calls_left_ == 0) {
      cut_ = true;
      return gone();
    }
    --calls_left_;
    return act();
  }

  Disks& real_;
  int calls_left_;
  bool cut_ = false;
};

class Cuts : public testing::Test {
 protected:
  DiskFacts facts() { return *disks_.read(path_); }

  void start_blank() {
    (void)std::remove(path_.c_str());
    ASSERT_TRUE(disks_.make_image(path_, gibibytes(2)));
  }

  DiskRequest small_request() {
    DiskRequest request = home_request(keys_);
    request.esp = mebibytes(64);
    request.system = mebibytes(256);
    request.lease = mebibytes(512);
    return request;
  }

  void put_owner_files() {
    const DiskFacts there = facts();
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, customer(there).extent, TreeAccess::ReadWrite);
    ASSERT_TRUE(tree) << tree.error().text();
    for (int i = 0; i < 40; ++i)
      ASSERT_TRUE(put_file_with_parents(**tree, "/ann/" + std::to_string(i), std::string(100'000, static_cast<char>('A' + i)), {}));
    ASSERT_TRUE((*tree)->commit());
    files_ = hash_of(customer(there));
  }

  static const PartitionFacts& customer(const DiskFacts& there) {
    return there.lease() == nullptr ? there.partitions.back() : there.partitions[there.partitions.size() - 2];
  }

  Digest hash_of(const PartitionFacts& partition) {
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, partition.extent, TreeAccess::ReadOnly);
    EXPECT_TRUE(tree) << tree.error().text();
    return *(*tree)->hash("/");
  }

  void save() { ASSERT_EQ(std::system(("cp --sparse=always " + path_ + " " + saved_).c_str()), 0); }
  void bring_back() { ASSERT_EQ(std::system(("cp --sparse=always " + saved_ + " " + path_).c_str()), 0); }

  // Cuts a run of `plan_for(facts)` after each number of calls, runs it again, and expects what an uncut run gives.
  template <typename PlanFor>
  int cut_everywhere(PlanFor plan_for) {
    save();
    Result<DiskPlan> whole = plan_for(facts());
    EXPECT_TRUE(whole) << whole.error().text();
    EXPECT_TRUE(apply(*whole, &keys_, disks_, witness_));
    const std::string table = canonical_text(facts());
    int cuts = 0;
    for (bool was_cut = true; was_cut; ++cuts) {
      bring_back();
      CutDisks cut(disks_, cuts);
      (void)apply(*plan_for(facts()), &keys_, cut, witness_);
      was_cut = cut.cut();
      Result<DiskPlan> again = plan_for(facts());
      EXPECT_TRUE(again) << "cut after " << cuts << ": " << again.error().text();
      EXPECT_EQ(canonical_text(*again), canonical_text(*whole)) << "cut after " << cuts;
      Result<std::vector<Step>> done = apply(*again, &keys_, disks_, witness_);
      EXPECT_TRUE(done) << "cut after " << cuts << ": " << done.error().text();
      EXPECT_EQ(canonical_text(facts()), table);
      EXPECT_THAT(*verify(*again, &keys_, disks_), IsEmpty()) << "cut after " << cuts;
      if (!files_.empty()) {
        EXPECT_EQ(hash_of(customer(facts())), files_) << "cut after " << cuts;
      }
    }
    return cuts - 1;
  }

  TempFolder folder_;
  std::string path_ = folder_ / "disk.img";
  std::string saved_ = folder_ / "saved.img";
  PosixProcesses processes_;
  PartedDisks disks_{processes_};
  LeaseKeys keys_ = some_keys();
  Witness witness_;
  Digest files_;
};

TEST_F(Cuts, OfANewDiskAreCompleted) {
  start_blank();
  EXPECT_EQ(cut_everywhere([&](const DiskFacts& there) { return plan_new_disk(small_request(), there); }), 2);
}

TEST_F(Cuts, OfAReleaseAreCompletedAndTheOwnersFilesStay) {
  start_blank();
  ASSERT_TRUE(apply(*plan_new_disk(small_request(), facts()), &keys_, disks_, witness_));
  put_owner_files();
  EXPECT_EQ(cut_everywhere([](const DiskFacts& there) { return plan_release(there); }), 4);
}

TEST_F(Cuts, OfARetrofitAreCompletedAndTheOwnersFilesStay) {
  start_blank();
  DiskRequest unleased = small_request();
  unleased.lease = {};
  ASSERT_TRUE(apply(*plan_new_disk(unleased, facts()), nullptr, disks_, witness_));
  put_owner_files();
  EXPECT_EQ(cut_everywhere([&](const DiskFacts& there) {
              return plan_retrofit({"retrofit", mebibytes(600), seal_for(keys_), mebibytes(100)}, there);
            }),
            4);
}

TEST_F(Cuts, OfARetrofitOfAnMbrDiskAreCompletedAndTheOwnersFilesStay) {
  start_blank();
  JUDGE(made, {"parted", "-s", path_, "mklabel", "msdos", "mkpart", "primary", "1MiB", "65MiB", "mkpart", "primary", "65MiB", "100%"});
  ASSERT_EQ(made->exit_status, 0) << made->errors;
  JUDGE(formatted, {"mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=68157440", path_, "2030000k"});
  put_owner_files();
  EXPECT_EQ(cut_everywhere([&](const DiskFacts& there) {
              return plan_retrofit({"retrofit", mebibytes(600), seal_for(keys_), mebibytes(100)}, there);
            }),
            4);
}

}  // namespace
}  // namespace provision::disk
