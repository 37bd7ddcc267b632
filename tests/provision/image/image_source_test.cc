// Goal: an image comes onto its partition byte for byte and touches nothing else; what was cut goes on chunk by chunk; nothing that
// was not read back is ever taken for the system. Method: a real ext4 with data and holes, packed and signed, written to files and
// loop devices full of old bytes; power that fails at a chosen read of the bundle; a bundle changed behind the writer's back.
#include "provision/image/image_source.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "images/files/posix_files.h"
#include "provision/disk/parted_disks.h"

namespace provision::image {
namespace {

using images::bundle::SystemKind;

constexpr Bytes image_size = mebibytes(96);
constexpr const char* planned_uuid = "6fcf0cb6-46c1-8a5e-9d86-0d9b6a6e4c11";

// The power fails after so many reads of the bundle.
class CutFiles final : public images::files::Files {
 public:
  CutFiles(images::files::Files& real, int reads) : real_(real), left_(reads) {}
  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::size_t length) override {
    if (left_-- <= 0) return Error{ErrorCode::Interrupted, "the power is off", {}};
    return real_.read_range(path, offset, length);
  }
  Result<std::string> read(const std::string& path, Bytes limit) override { return real_.read(path, limit); }
  Done replace(const std::string&, std::string_view, images::files::Access) override { return unexpected(); }
  Done append(const std::string&, std::string_view, images::files::Access) override { return unexpected(); }
  Done sync(const std::string&) override { return unexpected(); }
  Done truncate(const std::string&, std::uint64_t) override { return unexpected(); }
  Done rename(const std::string&, const std::string&) override { return unexpected(); }
  Done remove(const std::string&) override { return unexpected(); }
  Done make_directory(const std::string&, images::files::Access) override { return unexpected(); }
  Result<bool> exists(const std::string& path) override { return real_.exists(path); }
  Result<std::uint64_t> size(const std::string& path) override { return real_.size(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override { return real_.list(directory); }

 private:
  static Done unexpected() { return Error{ErrorCode::IoFailure, "nothing writes to a bundle", {}}; }
  images::files::Files& real_;
  std::atomic<int> left_;
};

class ImageSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / "leaseback-image-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    std::filesystem::create_directories(path("root/var"));
    std::uint64_t word = 88172645463325252;  // xorshift64: any bytes that do not compress
    std::ofstream data(path("root/var/data"), std::ios::binary);
    for (int i = 0; i < 20 << 20; i += 8) {
      word ^= word << 13;
      word ^= word >> 7;
      word ^= word << 17;
      data.write(reinterpret_cast<const char*>(&word), 8);
    }
    data.close();
    std::ofstream(path("root/etc")) << "small\n";
    ASSERT_EQ(shell("truncate -s 96M image && mke2fs -q -t ext4 -d root image"), 0);
    const auto packed = images::bundle::pack_system(files_, {"tiny", "1", "amd64", {}}, {SystemKind::Image, path("image"), "", "", "", ""}, path("bundle"));
    ASSERT_TRUE(packed) << packed.error().text();
    const auto key = images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
    ASSERT_TRUE(images::bundle::sign(files_, path("bundle"), *key));
    auto verified = verified_system(files_, {path("bundle"), {key->public_key()}});
    ASSERT_TRUE(verified) << verified.error().text();
    system_ = std::move(*verified);
    partition_.extent = {mebibytes(8), mebibytes(128)};
    partition_.content = disk::Content::Image;
    partition_.filesystem_uuid = planned_uuid;
    partition_.filesystem_label = "system";
    // Old bytes, so that what is not written shows.
    ASSERT_EQ(shell("head -c 150994944 /dev/zero | tr '\\0' 'o' > disk.img"), 0);
  }
  void TearDown() override {
    if (!loop_.empty()) shell("losetup -d " + loop_);
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  int shell(const std::string& line) const {
    const int status = std::system(("cd " + folder_ + " && PATH=$PATH:/usr/sbin:/sbin && { " + line + "; } >said 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  std::string said() const {
    std::ifstream stream(path("said"));
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  Done write(images::files::Files& files, ImageOptions options, const std::string& disk = "disk.img") {
    auto source = image_source(files, *system_, std::move(options));
    if (!source) return source.error();
    return (*source)->write(disk.starts_with('/') ? disk : path(disk), partition_);
  }
  // The partition's blocks of 4 KiB that differ from the image's.
  std::vector<std::uint64_t> differing_blocks() {
    std::ifstream disk(path("disk.img"), std::ios::binary);
    std::ifstream image(path("image"), std::ios::binary);
    disk.seekg(static_cast<std::streamoff>(partition_.extent.start.count));
    std::vector<std::uint64_t> differing;
    std::string a(4096, '\0');
    std::string b(4096, '\0');
    for (std::uint64_t block = 0; block < image_size.count / 4096; ++block) {
      disk.read(a.data(), 4096);
      image.read(b.data(), 4096);
      if (a != b) differing.push_back(block);
    }
    return differing;
  }
  std::string uuid_on_disk() {
    shell("blkid -p -s UUID -o value -O 8388608 -S 134217728 disk.img");
    return said().substr(0, 36);
  }

  images::files::PosixFiles files_;
  std::string folder_;
  std::string loop_;
  std::optional<VerifiedSystem> system_;
  disk::PlannedPartition partition_;
};

TEST_F(ImageSourceTest, WritesTheImageAndItsNameAndNothingElse) {
  for (const unsigned threads : {1U, 4U}) {
    Bytes last;
    ImageOptions options;
    options.threads = threads;
    options.progress = [&](Bytes done, Bytes all) {
      EXPECT_GT(done, last);
      EXPECT_EQ(all, image_size);
      last = done;
    };
    const Done written = write(files_, options);
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_EQ(last, image_size);
    EXPECT_EQ(differing_blocks(), std::vector<std::uint64_t>{0});  // the superblock, with the planned name
    EXPECT_EQ(uuid_on_disk(), planned_uuid);
    EXPECT_EQ(shell("e2fsck -fn 'disk.img?offset=8388608'"), 0) << said();
    EXPECT_EQ(shell("debugfs -R 'dump /var/data dumped' 'disk.img?offset=8388608' && cmp dumped root/var/data"), 0) << said();
    EXPECT_EQ(shell("test \"$(head -c 8388608 disk.img | tr -d o | wc -c)\" = 0 && test \"$(tail -c 8388608 disk.img | tr -d o | wc -c)\" = 0"), 0);
  }
}

TEST_F(ImageSourceTest, LeavesHolesWhereTheImageHasZeros) {
  ASSERT_EQ(shell("rm disk.img && truncate -s 144M disk.img"), 0);
  ASSERT_TRUE(write(files_, {}));
  ASSERT_EQ(shell("test $(du -k disk.img | cut -f1) -lt 40000"), 0) << "the image holds 20 MiB of data, and its file now takes more than 40";
}

TEST_F(ImageSourceTest, WritesToBlockDevicesToo) {
  for (const char* sector : {"512", "4096"}) {
    if (shell(std::string("losetup --sector-size ") + sector + " -f --show disk.img") != 0) GTEST_SKIP() << "no loop devices here (needs root): " << said();
    loop_ = said().substr(0, said().find('\n'));
    const Done written = write(files_, {}, loop_);
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_EQ(shell("losetup -d " + loop_), 0);
    loop_.clear();
    EXPECT_EQ(differing_blocks(), std::vector<std::uint64_t>{0});
    EXPECT_EQ(uuid_on_disk(), planned_uuid);
  }
}

TEST_F(ImageSourceTest, GoesOnAtTheChunkWhereItWasCut) {
  for (const int reads : {3, 8, 20}) {
    ASSERT_EQ(shell("head -c 150994944 /dev/zero | tr '\\0' 'o' > disk.img"), 0);
    CutFiles cut(files_, reads);
    const Done first = write(cut, {});
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::Interrupted);
    EXPECT_NE(uuid_on_disk(), planned_uuid);
    WriteFigures figures;
    ImageOptions options;
    options.approach = Approach::CompareFirst;
    options.figures = &figures;
    const Done second = write(files_, options);
    ASSERT_TRUE(second) << second.error().text();
    if (reads == 20) {
      EXPECT_GT(figures.chunks_there, 5U);
    }
    EXPECT_LT(figures.chunks_written, 30U);
    EXPECT_EQ(differing_blocks(), std::vector<std::uint64_t>{0});
    EXPECT_EQ(uuid_on_disk(), planned_uuid);
  }
}

TEST_F(ImageSourceTest, WritesNothingTwiceThatIsRight) {
  ASSERT_TRUE(write(files_, {}));
  WriteFigures figures;
  ImageOptions options;
  options.approach = Approach::CompareFirst;
  options.figures = &figures;
  ASSERT_TRUE(write(files_, options));
  EXPECT_EQ(figures.chunks_written, 1U);  // the first one, which bears the name
  EXPECT_GT(figures.chunks_there, 20U);
}

TEST_F(ImageSourceTest, StopsWhenTheBundleChangedAfterItWasVerified) {
  const std::uint64_t middle = system_->bundle.payload_offset + system_->contents().payload_size.count / 2;
  ASSERT_EQ(shell("printf x | dd of=bundle bs=1 seek=" + std::to_string(middle) + " conv=notrunc"), 0);
  const Done written = write(files_, {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::Corrupt);
  EXPECT_NE(uuid_on_disk(), planned_uuid);
}

TEST_F(ImageSourceTest, RefusesAPartitionThatIsTooSmall) {
  partition_.extent.size = image_size - mebibytes(1);
  EXPECT_EQ(write(files_, {}).error().code, ErrorCode::OutOfSpace);
  EXPECT_EQ(shell("test \"$(tr -d o < disk.img | wc -c)\" = 0"), 0) << "something was written";
}

TEST_F(ImageSourceTest, GivesImagesOfOldFeaturesTheirNameToo) {
  for (const char* features : {"^metadata_csum,uninit_bg", "^metadata_csum,^uninit_bg,^64bit"}) {
    ASSERT_EQ(shell("rm -f image disk.img && truncate -s 96M image && truncate -s 144M disk.img && mke2fs -q -t ext4 -O " + std::string(features) + " -d root image"), 0)
        << said();
    ASSERT_TRUE(images::bundle::pack_system(files_, {"tiny", "1", "amd64", {}}, {SystemKind::Image, path("image"), "", "", "", ""}, path("bundle")));
    const auto key = images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
    ASSERT_TRUE(files_.remove(path("bundle.sig")));
    ASSERT_TRUE(images::bundle::sign(files_, path("bundle"), *key));
    system_ = *verified_system(files_, {path("bundle"), {key->public_key()}});
    const Done written = write(files_, {});
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_EQ(uuid_on_disk(), planned_uuid);
    EXPECT_EQ(shell("e2fsck -fn 'disk.img?offset=8388608'"), 0) << features << said();
  }
}

}  // namespace
}  // namespace provision::image
