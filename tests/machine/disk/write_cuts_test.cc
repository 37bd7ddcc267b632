// Goal: the power may go at any write of an apply, a retrofit or a release, of ours or of a program we run, and lose what was
// not flushed: running again gives the planned disk, and the owner's files are unhurt. Method: count the writes of a whole
// run, then cut it at 40 of them, run again, verify, and compare the owner's tree. LEASEBACK_CUTS=all cuts at every write,
// LEASEBACK_CUTS=244 at every write from that one on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/provision/disk/disk_bench.h"
#include "tests/machine/disk/power_cut.h"

namespace provision::disk {
namespace {

using testing::IsEmpty;

// The writes to cut at, of `writes`.
std::vector<std::uint64_t> cut_points(std::uint64_t writes) {
  constexpr std::uint64_t usual = 40;
  const char* wish = std::getenv("LEASEBACK_CUTS");
  std::vector<std::uint64_t> points;
  if (wish != nullptr) {
    const std::uint64_t first = std::string(wish) == "all" ? 1 : std::strtoull(wish, nullptr, 10);
    for (std::uint64_t write = first; write <= writes; ++write) points.push_back(write);
  } else {
    const std::uint64_t count = std::min(writes, usual);
    for (std::uint64_t i = 0; i < count; ++i) points.push_back(1 + i * writes / count);
  }
  return points;
}
using tests::machine::CutReport;
using tests::machine::run_until_write;
using tests::machine::Unflushed;

class WriteCuts : public testing::Test {
 protected:
  DiskFacts facts() {
    Result<DiskFacts> read = disks_.read(path_);
    EXPECT_TRUE(read) << read.error().text();
    return read ? *read : DiskFacts{};
  }

  DiskRequest small_request() {
    DiskRequest request = home_request(keys_);
    request.esp = mebibytes(64);
    request.system = mebibytes(256);
    request.lease = mebibytes(512);
    return request;
  }

  void make_disk(const DiskRequest& request) {
    ASSERT_TRUE(disks_.make_image(path_, gibibytes(2)));
    ASSERT_TRUE(apply(*plan_new_disk(request, facts()), &keys_, disks_, witness_));
    const DiskFacts there = facts();
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, customer(there).extent, TreeAccess::ReadWrite);
    ASSERT_TRUE(tree) << tree.error().text();
    for (int i = 0; i < 40; ++i)
      ASSERT_TRUE(put_file_with_parents(**tree, "/ann/" + std::to_string(i), std::string(200'000, static_cast<char>('A' + i)), {}));
    ASSERT_TRUE((*tree)->commit());
    tree->reset();
    files_ = hash_of(customer(there));
  }

  static const PartitionFacts& customer(const DiskFacts& there) {
    return there.lease() == nullptr ? there.partitions.back() : there.partitions[there.partitions.size() - 2];
  }

  Digest hash_of(const PartitionFacts& partition) {
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, partition.extent, TreeAccess::ReadOnly);
    if (!tree) {
      ADD_FAILURE() << tree.error().text();
      return {};
    }
    Result<Digest> digest = (*tree)->hash("/");
    EXPECT_TRUE(digest) << digest.error().text();
    return digest ? *digest : Digest();
  }

  void copy(const std::string& from, const std::string& to) {
    ASSERT_EQ(std::system(("cp --sparse=always " + from + " " + to).c_str()), 0);
  }

  using PlanFor = std::function<Result<DiskPlan>(const DiskFacts&)>;

  CutReport cut_at(std::uint64_t write, Unflushed unflushed, const PlanFor& plan_for) {
    copy(saved_, path_);
    return run_until_write(path_, write, unflushed, write, [&] {
      Result<DiskFacts> there = disks_.read(path_);
      if (!there) return 1;
      Result<DiskPlan> plan = plan_for(*there);
      return plan && apply(*plan, &keys_, disks_, witness_) ? 0 : 1;
    });
  }

  void finish(std::uint64_t write, const std::string& planned, const PlanFor& plan_for) {
    SCOPED_TRACE("cut at write " + std::to_string(write));
    Result<DiskPlan> again = plan_for(facts());
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(canonical_text(*again), planned);
    Result<std::vector<Step>> done = apply(*again, &keys_, disks_, witness_);
    ASSERT_TRUE(done) << done.error().text();
    Result<std::vector<std::string>> findings = verify(*again, &keys_, disks_);
    ASSERT_TRUE(findings) << findings.error().text();
    EXPECT_THAT(*findings, IsEmpty());
    if (!files_.empty()) {
      EXPECT_EQ(hash_of(customer(facts())), files_);
    }
  }

  void cut_everywhere(Unflushed unflushed, const PlanFor& plan_for) {
    copy(path_, saved_);
    const std::string planned = canonical_text(*plan_for(facts()));
    const CutReport whole = cut_at(UINT64_MAX, unflushed, plan_for);
    if (!whole.traced) GTEST_SKIP() << "this machine does not let a process trace its child";
    ASSERT_EQ(whole.exit_status, 0);
    ASSERT_GT(whole.writes, 5U);
    const std::vector<std::uint64_t> points = cut_points(whole.writes);
    for (const std::uint64_t write : points) {
      if (HasFatalFailure()) break;
      ASSERT_TRUE(cut_at(write, unflushed, plan_for).cut);
      finish(write, planned, plan_for);
    }
    std::printf("%llu writes, cut at %llu of them\n", static_cast<unsigned long long>(whole.writes), static_cast<unsigned long long>(points.size()));
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

TEST_F(WriteCuts, OfANewDiskLeaveNothingThatASecondRunCannotFinish) {
  ASSERT_TRUE(disks_.make_image(path_, gibibytes(2)));
  cut_everywhere(Unflushed::LostByChance, [&](const DiskFacts& there) { return plan_new_disk(small_request(), there); });
}

TEST_F(WriteCuts, OfAReleaseHurtNoFileOfTheOwner) {
  ASSERT_NO_FATAL_FAILURE(make_disk(small_request()));
  cut_everywhere(Unflushed::LostByChance, [](const DiskFacts& there) { return plan_release(there); });
}

// resize2fs does not promise to survive lost writes while it shrinks; the process may be killed at any of them.
TEST_F(WriteCuts, OfARetrofitHurtNoFileOfTheOwner) {
  DiskRequest unleased = small_request();
  unleased.lease = {};
  ASSERT_NO_FATAL_FAILURE(make_disk(unleased));
  cut_everywhere(Unflushed::Kept, [&](const DiskFacts& there) {
    return plan_retrofit({"retrofit", mebibytes(600), seal_for(keys_), mebibytes(100)}, there);
  });
}

// Turning an MBR into a GPT must never leave a disk without one of them.
TEST_F(WriteCuts, OfAnMbrThatBecomesAGptHurtNoFileOfTheOwner) {
  ASSERT_TRUE(disks_.make_image(path_, gibibytes(2)));
  JUDGE(made, {"parted", "-s", path_, "mklabel", "msdos", "mkpart", "primary", "1MiB", "65MiB", "mkpart", "primary", "65MiB", "1400MiB"});
  ASSERT_EQ(made->exit_status, 0) << made->errors;
  JUDGE(formatted, {"mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=68157440", path_, "1300000k"});
  const DiskFacts there = facts();
  ASSERT_EQ(there.table, TableKind::Mbr);
  files_ = hash_of(customer(there));
  cut_everywhere(Unflushed::LostByChance, [&](const DiskFacts& found) {
    return plan_retrofit({"retrofit", mebibytes(600), seal_for(keys_), mebibytes(100)}, found);
  });
}

TEST_F(WriteCuts, OfAnInstallationAreFinishedByPuttingTheFilesAgain) {
  ASSERT_NO_FATAL_FAILURE(make_disk(small_request()));
  const Extent system = facts().partitions[1].extent;
  const auto install = [&] {
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, system, TreeAccess::ReadWrite);
    if (!tree) return false;
    bool put = true;
    for (int i = 0; i < 20; ++i)
      put = put && put_file_with_parents(**tree, "/usr/lib/leaseback/" + std::to_string(i), std::string(300'000, 'p'), {0755, 0, 0, 1});
    return put && (*tree)->put_symlink("/etc", "usr", {}) && (*tree)->commit();
  };
  const DiskPlan plan = *plan_new_disk(small_request(), facts());
  copy(path_, saved_);
  const CutReport whole = run_until_write(path_, UINT64_MAX, Unflushed::LostByChance, 0, [&] { return install() ? 0 : 1; });
  if (!whole.traced) GTEST_SKIP() << "this machine does not let a process trace its child";
  ASSERT_EQ(whole.exit_status, 0);
  const Digest installed = hash_of(facts().partitions[1]);
  const std::vector<std::uint64_t> points = cut_points(whole.writes);
  for (const std::uint64_t write : points) {
    SCOPED_TRACE("cut at write " + std::to_string(write));
    copy(saved_, path_);
    ASSERT_TRUE(run_until_write(path_, write, Unflushed::LostByChance, write, [&] { return install() ? 0 : 1; }).cut);
    Result<std::vector<Step>> mended = apply(plan, &keys_, disks_, witness_);
    ASSERT_TRUE(mended) << mended.error().text();
    ASSERT_TRUE(install());
    EXPECT_EQ(hash_of(facts().partitions[1]), installed);
    EXPECT_THAT(*verify(plan, &keys_, disks_), IsEmpty());
  }
  std::printf("%llu writes, cut at %llu of them\n", static_cast<unsigned long long>(whole.writes), static_cast<unsigned long long>(points.size()));
}

}  // namespace
}  // namespace provision::disk
