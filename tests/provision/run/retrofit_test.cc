// Goal: a used disk of any lawful kind gets its lease, or is refused with the reason before a byte changes; its owner's files are what
// they were. Method: disks made by other people's tools (sfdisk, mke2fs, mkntfs), the shipped program, and their judgement after.
#include <unistd.h>

#include <boost/json.hpp>

#include "provision/run/partition_names.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;
const std::string rules = " --rules " + sources + "/policies/rules";
const std::string order = sources + "/provision/order/examples/home-frank-retrofit.yaml";
const std::string ingredients = " --station station --bundle agent.bundle --bundle-key release.pem";

class RetrofitProgram : public testing::Test {
 protected:
  void SetUp() override {
    ok("leaseback-provision line init --station station");
    ok("truncate -s 20GB frank.img");
  }
  Workshop::Said ok(const std::string& command) {
    Workshop::Said said = shop.run(command);
    EXPECT_EQ(said.status, 0) << command << "\n" << said.out << said.err;
    return said;
  }
  std::string retrofit(const std::string& more = "") {
    return "leaseback-provision disk retrofit " + order + " --disk frank.img" + ingredients + rules + more;
  }
  std::string digest_of(const std::string& disk) {
    const auto digest = shop.disks.hash_region(shop.path(disk), {Bytes{0}, Bytes{*shop.files.size(shop.path(disk))}});
    return digest ? digest->text : digest.error().text();
  }
  disk::DiskFacts facts() { return *shop.disks.read(shop.path("frank.img")); }
  // sfdisk's own script, a line an element.
  void partition(const std::string& script) {
    ASSERT_TRUE(shop.files.replace(shop.path("layout"), script, images::files::Access::Everyone));
    ok("sh -c 'sfdisk -q --wipe never frank.img < layout'");
  }
  void make_ext4(std::uint64_t mib, std::uint64_t size_mib) {
    ok("mke2fs -q -t ext4 -E offset=" + std::to_string(mib << 20) + ",root_owner=1000:1000 frank.img " + std::to_string(size_mib << 10) + "k");
  }
  void put_files(std::uint32_t number, const std::string& path, const std::string& text) {
    auto tree = shop.disks.open_tree(shop.path("frank.img"), facts().partition(number)->extent, disk::TreeAccess::ReadWrite);
    ASSERT_TRUE(tree) << tree.error().text();
    ASSERT_TRUE(disk::put_file_with_parents(**tree, path, text, {0644, 1000, 1000, 7}));
    ASSERT_TRUE((*tree)->commit());
  }
  std::string tree_of(std::uint32_t number) {
    auto tree = shop.disks.open_tree(shop.path("frank.img"), facts().partition(number)->extent, disk::TreeAccess::ReadOnly);
    const auto digest = tree ? (*tree)->hash("/") : Result<Digest>(tree.error());
    return digest ? digest->text : digest.error().text();
  }
  void refuses(const std::string& reason, int status) {
    const std::string before = digest_of("frank.img");
    const auto said = shop.run(retrofit());
    EXPECT_EQ(said.status, status) << said.err;
    EXPECT_NE(said.err.find(reason), std::string::npos) << said.err;
    EXPECT_NE(said.err.find("frank.img"), std::string::npos) << said.err;
    EXPECT_EQ(digest_of("frank.img"), before);
  }

  // Two primary partitions, and two logical ones of which the last is the owner's home.
  void make_mbr_disk() {
    partition("label: dos\nlabel-id: 0x1234abcd\nstart=2048,size=512MiB,type=ef\nsize=4GiB,type=83\ntype=5\nsize=1GiB,type=82\ntype=83\n");
    make_ext4(513, 4096);
    const disk::DiskFacts there = facts();
    ASSERT_EQ(there.partitions.size(), 4U);
    home_ = there.partitions.back().number;
    const disk::Extent home = there.partitions.back().extent;
    ok("mke2fs -q -t ext4 -E offset=" + std::to_string(home.start.count) + " frank.img " + std::to_string(home.size.count >> 10) + "k");
    put_files(2, "/etc/os-release", "ID=franks\n");
    put_files(2, "/etc/fstab", "UUID=0 / ext4 defaults 0 1\n");
    put_files(home_, "/frank/letter", std::string(500'000, 'f'));
  }

  Workshop shop;
  std::uint32_t home_ = 0;
};

TEST_F(RetrofitProgram, TurnsAnMbrIntoAGptAndKeepsEveryFile) {
  ASSERT_NO_FATAL_FAILURE(make_mbr_disk());
  const disk::DiskFacts before = facts();
  ASSERT_EQ(before.table, disk::TableKind::Mbr);
  const std::string home = tree_of(home_);
  ok("cp --sparse=always frank.img original.img");
  ok(retrofit());
  const disk::DiskFacts after = facts();
  EXPECT_EQ(after.table, disk::TableKind::Gpt);
  ASSERT_EQ(after.partitions.size(), before.partitions.size() + 1);
  for (std::size_t i = 0; i < before.partitions.size(); ++i) {
    EXPECT_EQ(after.partitions[i].number, before.partitions[i].number);
    EXPECT_EQ(after.partitions[i].extent.start, before.partitions[i].extent.start);
  }
  EXPECT_EQ(after.partitions[0].type, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  EXPECT_EQ(after.partitions[1].type, "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
  EXPECT_EQ(after.partitions[2].type, "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F");
  EXPECT_EQ(tree_of(home_), home);
  EXPECT_NE(ok("sgdisk -v frank.img").out.find("No problems found"), std::string::npos);
  EXPECT_NE(ok("sfdisk --verify frank.img").out.find("No errors detected"), std::string::npos);
  for (const disk::PartitionFacts& partition : after.partitions)
    if (partition.filesystem.kind == disk::FilesystemKind::Ext4)
      ok("e2fsck -fn 'frank.img?offset=" + std::to_string(partition.extent.start.count) + "'");
  EXPECT_EQ(ok(retrofit()).out, "No changes.\n");
}

TEST_F(RetrofitProgram, RefusesAnMbrFromWhichTheMachineStarts) {
  ASSERT_NO_FATAL_FAILURE(make_mbr_disk());
  ok("cp --sparse=always frank.img original.img");
  ok("sh -c \"printf GRUB | dd of=frank.img bs=512 seek=1 conv=notrunc\"");
  refuses("a boot loader lies between the first sector and the first partition", 4);
  ok("cp --sparse=always original.img frank.img");
  ok("sh -c \"printf boot | dd of=frank.img conv=notrunc\"");
  ok("sfdisk -q --activate frank.img 2");
  refuses("partition 2 is active", 4);
  ok("cp --sparse=always original.img frank.img");
  put_files(2, "/etc/fstab", "PARTUUID=1234abcd-05 /home ext4 defaults 0 2\n");
  refuses("/etc/fstab on partition 2 of frank.img names a partition as PARTUUID=1234abcd", 4);
}

TEST(PartitionNames, AreFoundByTheSignatureAlone) {
  EXPECT_TRUE(names_by_signature("root=PARTUUID=1234ABCD-02 ro", "1234abcd"));
  EXPECT_FALSE(names_by_signature("UUID=00001234abcd-02", "1234abcd"));
  EXPECT_FALSE(names_by_signature("UUID=1234abcd-0212-4444-8888-123456789abc", "1234abcd"));
  EXPECT_FALSE(names_by_signature("1234abcd", "1234abcd"));
}

TEST_F(RetrofitProgram, SaysWhyAFilesystemCannotGiveRoom) {
  partition("label: gpt\nsize=4GiB,name=root\nname=data\n");
  make_ext4(1, 4096);
  const auto data = [&](const std::string& command) {
    ok("sh -c 'rm -f part; truncate -s " + std::to_string(facts().partition(2)->extent.size.count) + " part; " + command + "'");
    ok("sh -c 'dd if=part of=frank.img bs=1M seek=4097 count=64 conv=notrunc 2>/dev/null'");
  };
  data("mkswap -q part || mkswap part");
  refuses("holds swap, and swap space is not shrunk; remove it", 1);
  data("cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 part /etc/hostname");
  refuses("holds crypto_LUKS, and what a LUKS container holds is not seen from outside", 1);
}

class NtfsProgram : public RetrofitProgram {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "loop devices need root";
    if (shop.run("which mkntfs ntfscp ntfscat ntfsresize").status != 0) GTEST_SKIP() << "ntfs-3g is not installed";
    RetrofitProgram::SetUp();
    partition("label: gpt\nsize=4GiB,name=root\nname=windows\n");
    make_ext4(1, 4096);
    put_files(1, "/etc/os-release", "ID=franks\n");
    const disk::Extent extent = facts().partition(2)->extent;
    loop_ = shop.run("losetup --find --show --offset " + std::to_string(extent.start.count) + " --sizelimit " + std::to_string(extent.size.count) + " frank.img").out;
    if (loop_.empty()) GTEST_SKIP() << "this machine makes no loop devices";
    loop_.pop_back();
    ok("mkntfs -q -Q -F " + loop_);
    ok("sh -c 'seq 1 200000 > numbers'");
    ok("ntfscp -f " + loop_ + " numbers numbers");
    detach();
  }
  ~NtfsProgram() override { detach(); }
  void detach() {
    if (!loop_.empty()) (void)shop.run("losetup --detach " + loop_);
    loop_.clear();
  }
  std::string attach() {
    const disk::Extent extent = facts().partition(2)->extent;
    loop_ = ok("losetup --find --show --offset " + std::to_string(extent.start.count) + " --sizelimit " + std::to_string(extent.size.count) + " frank.img").out;
    loop_.pop_back();
    return loop_;
  }
  std::string loop_;
};

TEST_F(NtfsProgram, ShrinksNtfsWhenItsOwnToolAgrees) {
  const disk::DiskFacts before = facts();
  ok(retrofit());
  const disk::DiskFacts after = facts();
  ASSERT_NE(after.lease(), nullptr);
  EXPECT_LE(after.partition(2)->filesystem.size, after.partition(2)->extent.size);
  EXPECT_LT(after.partition(2)->extent.size, before.partition(2)->extent.size);
  EXPECT_NE(ok("sgdisk -v frank.img").out.find("No problems found"), std::string::npos);
  ok("sh -c 'ntfscat -f " + attach() + " numbers > back && cmp numbers back'");
  detach();
  EXPECT_EQ(ok(retrofit()).out, "No changes.\n");
}

TEST_F(NtfsProgram, RefusesAnNtfsThatItsOwnToolDoesNotPass) {
  ok("ntfsresize --force --size 13G --no-progress-bar " + attach());  // leaves it marked for Windows to check
  detach();
  refuses("chkdsk", 1);
}

}  // namespace
}  // namespace provision::run
