// Goal: memory does not grow with a bundle, and the same inputs give the same bytes from real folders. Method: real
// files; the kernel's own figure for the peak of this process, set back before each step.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/stat.h>
#include <utime.h>

#include <filesystem>
#include <fstream>

#include "images/bundle/archive_reader.h"
#include "images/files/posix_files.h"
#include "policies/vocabulary/random.h"

namespace images::bundle {
namespace {

class RealFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "leaseback-bundle-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  files::PosixFiles files_;
  std::string folder_;
};

void forget_peak() {
  ::malloc_trim(0);  // what earlier tests freed must not hide what this one takes
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::uint64_t peak_kibibytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    std::uint64_t amount = 0;
    status >> amount;
    return amount;
  }
  return 0;
}

TEST_F(RealFolder, PacksAndReadsLargeFilesInLittleMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps freed memory";
#endif
  constexpr std::uint64_t mebibytes_of_content = 96;
  Random random(1);
  {
    std::ofstream large(folder_ + "/large", std::ios::binary);
    std::string piece(1 << 20, '\0');
    for (std::uint64_t i = 0; i < mebibytes_of_content; ++i) {
      for (std::size_t at = 0; at < piece.size(); at += 8) piece[at] = static_cast<char>(random.below(256));
      large << piece;
    }
  }
  const std::string path = folder_ + "/large.bundle";
  forget_peak();
  const std::uint64_t before = peak_kibibytes();
  const Result<Manifest> packed =
      pack(files_, {"large", "1", "all", {{EntryKind::File, "/large", 0644, folder_ + "/large", ""}}}, path);
  ASSERT_TRUE(packed) << packed.error().text();
  const std::uint64_t packing = peak_kibibytes() - before;
  EXPECT_LT(packing, 64U << 10);
  const keys::PrivateKey key = *keys::PrivateKey::generate(keys::KeyKind::SigningKey);
  ASSERT_TRUE(sign(files_, path, key));
  const std::vector<keys::PublicKey> trusted = {key.public_key()};
  forget_peak();
  const std::uint64_t start = peak_kibibytes();
  NoSink nowhere;
  const Result<VerifiedBundle> unpacked = unpack(files_, path, trusted, nowhere);
  ASSERT_TRUE(unpacked) << unpacked.error().text();
  EXPECT_EQ(unpacked->manifest.contents_size(), mebibytes(mebibytes_of_content));
  const std::uint64_t unpacking = peak_kibibytes() - start;
  EXPECT_LT(unpacking, 16U << 10);
  RecordProperty("packing_kibibytes", std::to_string(packing));
  RecordProperty("unpacking_kibibytes", std::to_string(unpacking));
}

TEST_F(RealFolder, GivesTheSameBytesFromCopiesWithOtherTimesModesAndOrder) {
  for (const std::string copy : {"one", "two"}) {
    const std::string here = folder_ + "/" + copy;
    std::filesystem::create_directories(here);
    std::vector<std::string> names = {"agent", "unit", "rules"};
    if (copy == "two") std::reverse(names.begin(), names.end());
    for (const std::string& name : names) std::ofstream(here + "/" + name) << std::string(50'000, name[0]) << name;
    const utimbuf times{copy == "one" ? 1 : 2'000'000'000, copy == "one" ? 1 : 2'000'000'000};
    for (const std::string& name : names) ASSERT_EQ(::utime((here + "/" + name).c_str(), &times), 0);
    ASSERT_EQ(::chmod((here + "/agent").c_str(), copy == "one" ? 0600 : 0777), 0);
    PackOrder order{"x", "1", "all", {}};
    for (const std::string& name : names)
      order.sources.push_back({EntryKind::File, "/usr/lib/" + name, 0644, here + "/" + name, ""});
    ASSERT_TRUE(pack(files_, order, folder_ + "/" + copy + ".bundle"));
  }
  EXPECT_EQ(*files_.read(folder_ + "/one.bundle", mebibytes(1)), *files_.read(folder_ + "/two.bundle", mebibytes(1)));
}

}  // namespace
}  // namespace images::bundle
