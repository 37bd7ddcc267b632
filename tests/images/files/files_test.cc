// Goal: files keep their promises on a real file system and in memory. Method: one contract suite over both, then what
// only one of them can show: modes and processes on the real one, power cuts and full disks on the other.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "images/files/posix_files.h"
#include "tests/contracts/files_contract.h"
#include "tests/fakes/memory_files.h"

namespace tests {
namespace {

using namespace images::files;

struct PosixBench {
  PosixBench() {
    std::string pattern = std::filesystem::temp_directory_path() / "leaseback-files-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~PosixBench() { std::filesystem::remove_all(folder); }
  PosixFiles files;
  std::string folder;
};

struct MemoryBench {
  MemoryBench() { invariant(files.make_directory(folder, Access::Everyone).has_value(), "a folder in memory"); }
  fakes::MemoryFiles files;
  std::string folder = "/work";
};

}  // namespace

namespace contracts {
INSTANTIATE_TYPED_TEST_SUITE_P(OnPosix, FilesContract, PosixBench);
INSTANTIATE_TYPED_TEST_SUITE_P(InMemory, FilesContract, MemoryBench);
}  // namespace contracts

namespace {

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

TEST(PosixFiles, GivesTheModesOfTheirAccessWhateverTheUmask) {
  PosixBench bench;
  const mode_t before = ::umask(0077);
  ASSERT_TRUE(bench.files.replace(bench.folder + "/secret", "s", Access::OwnerOnly));
  ASSERT_TRUE(bench.files.replace(bench.folder + "/open", "o", Access::Everyone));
  ASSERT_TRUE(bench.files.append(bench.folder + "/log", "l", Access::Everyone));
  ASSERT_TRUE(bench.files.append(bench.folder + "/secret-log", "l", Access::OwnerOnly));
  ASSERT_TRUE(bench.files.make_directory(bench.folder + "/a/b", Access::OwnerOnly));
  ASSERT_TRUE(bench.files.make_directory(bench.folder + "/c", Access::Everyone));
  ::umask(before);
  EXPECT_EQ(mode_of(bench.folder + "/secret"), 0600U);
  EXPECT_EQ(mode_of(bench.folder + "/open"), 0644U);
  EXPECT_EQ(mode_of(bench.folder + "/log"), 0644U);
  EXPECT_EQ(mode_of(bench.folder + "/secret-log"), 0600U);
  EXPECT_EQ(mode_of(bench.folder + "/a"), 0700U);
  EXPECT_EQ(mode_of(bench.folder + "/a/b"), 0700U);
  EXPECT_EQ(mode_of(bench.folder + "/c"), 0755U);
  ASSERT_TRUE(bench.files.replace(bench.folder + "/open", "now secret", Access::OwnerOnly));
  EXPECT_EQ(mode_of(bench.folder + "/open"), 0600U) << "replacing sets the mode anew";
}

TEST(PosixFiles, DoesNotListOrKeepWhatACutReplaceLeft) {
  PosixBench bench;
  std::ofstream(bench.folder + "/.f.new") << "half of something longer than what follows";
  EXPECT_TRUE(bench.files.list(bench.folder)->empty());
  ASSERT_TRUE(bench.files.replace(bench.folder + "/f", "whole", Access::Everyone));
  EXPECT_EQ(*bench.files.read(bench.folder + "/f", kibibytes(1)), "whole");
  EXPECT_FALSE(std::filesystem::exists(bench.folder + "/.f.new"));
}

TEST(PosixFiles, NeverMixesTwoWritersOfOneFile) {
  PosixBench bench;
  const std::string path = bench.folder + "/f";
  const auto write = [&](char letter) {
    PosixFiles files;
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(files.replace(path, std::string(5000 + letter, letter), Access::Everyone));
  };
  ASSERT_TRUE(bench.files.replace(path, std::string(5000 + 'a', 'a'), Access::Everyone));
  std::jthread one(write, 'a');
  std::jthread two(write, 'b');
  for (int i = 0; i < 200; ++i) {
    const std::string seen = *bench.files.read(path, kibibytes(64));
    ASSERT_EQ(seen, std::string(5000 + seen[0], seen[0]));
  }
}

TEST(PosixFiles, ReadsFilesOfTheKernelThatTellNoSize) {
  PosixBench bench;
  EXPECT_FALSE(bench.files.read("/proc/self/status", kibibytes(64))->empty());
  EXPECT_EQ(bench.files.read("/proc/self/status", Bytes{10}).error().code, ErrorCode::LimitExceeded);
}

TEST(PosixFiles, NamesThePathAndTheReasonWhenItFails) {
  PosixBench bench;
  const Error error = bench.files.read(bench.folder + "/absent", kibibytes(1)).error();
  EXPECT_EQ(error.text(), "cannot open '" + bench.folder + "/absent': No such file or directory");
}

TEST(MemoryFiles, LosesOnlyWhatWasNotSynced) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    fakes::MemoryFiles files(seed);
    ASSERT_TRUE(files.append("/log", "durable", Access::OwnerOnly));
    ASSERT_TRUE(files.sync("/log"));
    ASSERT_TRUE(files.append("/log", "-volatile", Access::OwnerOnly));
    files.cut_power();
    const std::string left = *files.read("/log", kibibytes(1));
    ASSERT_EQ(left.substr(0, 7), "durable") << "seed " << seed;
    const std::string tail = left.substr(7);
    const std::string kept = tail.substr(0, tail.find('\0'));
    EXPECT_TRUE(std::string("-volatile").starts_with(kept)) << "seed " << seed;
    EXPECT_EQ(tail.substr(kept.size()), std::string(tail.size() - kept.size(), '\0')) << "seed " << seed;
  }
}

TEST(MemoryFiles, TearsInEveryWayThatADiskMay) {
  bool whole = false, none = false, torn = false, zeros = false, gone = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    fakes::MemoryFiles files(seed);
    ASSERT_TRUE(files.append("/log", "volatile", Access::OwnerOnly));
    files.cut_power();
    const Result<std::string> left = files.read("/log", kibibytes(1));
    gone |= !left;
    if (!left) continue;
    whole |= *left == "volatile";
    none |= left->empty();
    torn |= !left->empty() && left->size() < 8;
    zeros |= left->find('\0') != std::string::npos;
  }
  EXPECT_TRUE(whole && none && torn && zeros && gone);
}

TEST(MemoryFiles, ShowsTheOldOrTheNewFileWhereverReplaceIsCut) {
  bool old_seen = false, new_seen = false;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    fakes::MemoryFiles files(seed);
    ASSERT_TRUE(files.replace("/f", "old", Access::OwnerOnly));
    files.cut_at(1);
    EXPECT_EQ(files.replace("/f", "new", Access::OwnerOnly).error().code, ErrorCode::Interrupted);
    EXPECT_TRUE(files.is_off());
    EXPECT_EQ(files.read("/f", kibibytes(1)).error().code, ErrorCode::Interrupted);
    files.power_on();
    const std::string left = *files.read("/f", kibibytes(1));
    ASSERT_TRUE(left == "old" || left == "new") << left;
    old_seen |= left == "old";
    new_seen |= left == "new";
  }
  EXPECT_TRUE(old_seen && new_seen);
}

TEST(MemoryFiles, CutsEvenDuringACallThatWouldHaveFailed) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    fakes::MemoryFiles files(seed);
    files.cut_at(1);
    EXPECT_EQ(files.truncate("/absent", 0).error().code, ErrorCode::Interrupted);
    EXPECT_TRUE(files.is_off());
  }
}

TEST(MemoryFiles, FailsTheCallThatWasNamedAndNoOther) {
  fakes::MemoryFiles files;
  files.fail_at(2, ErrorCode::IoFailure);
  EXPECT_TRUE(files.replace("/a", "1", Access::OwnerOnly));
  EXPECT_EQ(files.replace("/a", "2", Access::OwnerOnly).error().code, ErrorCode::IoFailure);
  EXPECT_EQ(*files.read("/a", kibibytes(1)), "1");
  EXPECT_TRUE(files.replace("/a", "3", Access::OwnerOnly));
  EXPECT_EQ(files.mutating_calls(), 3U);
}

TEST(MemoryFiles, RunsOutOfItsBudgetWithoutEffect) {
  fakes::MemoryFiles files;
  files.limit_space(Bytes{10});
  EXPECT_TRUE(files.append("/a", "12345678", Access::OwnerOnly));
  EXPECT_EQ(files.append("/a", "9ab", Access::OwnerOnly).error().code, ErrorCode::OutOfSpace);
  EXPECT_EQ(files.replace("/b", "9ab", Access::OwnerOnly).error().code, ErrorCode::OutOfSpace);
  EXPECT_EQ(files.used(), Bytes{8});
  EXPECT_TRUE(files.truncate("/a", 2)) << "giving space back always works";
  EXPECT_TRUE(files.replace("/b", "9ab", Access::OwnerOnly));
}

TEST(MemoryFiles, FlipsOneBitDurably) {
  fakes::MemoryFiles files;
  ASSERT_TRUE(files.replace("/a", "abc", Access::OwnerOnly));
  files.flip_bit("/a", 1);
  files.cut_power();
  EXPECT_EQ(*files.read("/a", kibibytes(1)), "acc");
}

}  // namespace
}  // namespace tests
