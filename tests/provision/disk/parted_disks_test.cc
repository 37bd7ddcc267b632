// Goal: a disk made on a real sparse image is the planned one for the programs of others, not only for us; a second apply
// changes not one byte; release and retrofit keep the owner's files. Method: the real adapter, then independent judges.
#include "provision/disk/parted_disks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "agent/contract/disk_markers.h"
#include "tests/provision/disk/disk_bench.h"
#include "provision/disk/device_file.h"

namespace provision::disk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PartedDisksTest : public testing::Test {
 protected:
  // A finished disk of the home order.
  void make_home_disk() {
    ASSERT_TRUE(disks_.make_image(path_, {40'000'000'000}));
    Result<DiskFacts> facts = disks_.read(path_);
    ASSERT_TRUE(facts) << facts.error().text();
    ASSERT_TRUE(facts->blank);
    Result<DiskPlan> plan = plan_new_disk(home_request(keys_), *facts);
    ASSERT_TRUE(plan) << plan.error().text();
    plan_ = *plan;
    Result<std::vector<Step>> done = apply(plan_, &keys_, disks_, witness_);
    ASSERT_TRUE(done) << done.error().text();
    ASSERT_EQ(done->size(), 5U);
  }

  DiskFacts facts() {
    Result<DiskFacts> read = disks_.read(path_);
    EXPECT_TRUE(read) << read.error().text();
    return read ? *read : DiskFacts{};
  }

  // Puts files of an owner into partition `number` and returns the tree's hash.
  Digest fill(std::uint32_t number) {
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, facts().partition(number)->extent, TreeAccess::ReadWrite);
    if (!tree) {
      ADD_FAILURE() << tree.error().text();
      return {};
    }
    std::string content;
    for (int i = 0; i < 60; ++i) {
      content += std::string(50'000, static_cast<char>('a' + i % 26)) + std::to_string(i);
      Result<Change> put = put_file_with_parents(**tree, "/users/ann/photo-" + std::to_string(i), content, {0640, 1000, 1000, 1'600'000'000 + i});
      EXPECT_TRUE(put) << put.error().text();
    }
    EXPECT_TRUE((*tree)->put_symlink("/users/ann/latest", "photo-59", {0777, 1000, 1000, 1}));
    EXPECT_TRUE((*tree)->commit());
    return tree_hash(number);
  }

  Digest tree_hash(std::uint32_t number) {
    Result<std::unique_ptr<FileTree>> tree = disks_.open_tree(path_, facts().partition(number)->extent, TreeAccess::ReadOnly);
    if (!tree) {
      ADD_FAILURE() << tree.error().text();
      return {};
    }
    Result<Digest> digest = (*tree)->hash("/");
    EXPECT_TRUE(digest) << digest.error().text();
    return digest ? *digest : Digest();
  }

  Digest whole_disk() {
    Result<Digest> digest = disks_.hash_region(path_, {{}, facts().size});
    EXPECT_TRUE(digest) << digest.error().text();
    return digest ? *digest : Digest();
  }

  std::string at(std::uint32_t number) { return path_ + "?offset=" + std::to_string(facts().partition(number)->extent.start.count); }

  // The first bytes of a partition as a file of its own, sparse to the partition's size.
  std::string slice(std::uint32_t number, Bytes length) {
    const Extent extent = facts().partition(number)->extent;
    const std::string path = folder_ / "slice";
    EXPECT_TRUE(disks_.make_image(path, extent.size));
    Result<DeviceFile> from = DeviceFile::open(path_, OpenFor::Reading);
    Result<DeviceFile> to = DeviceFile::open(path, OpenFor::Writing);
    EXPECT_TRUE(from && to && to->write_sparse(0, *from->read(extent.start.count, length.count)));
    return path;
  }

  TempFolder folder_;
  std::string path_ = folder_ / "disk.img";
  PosixProcesses processes_;
  PartedDisks disks_{processes_};
  LeaseKeys keys_ = some_keys();
  DiskPlan plan_;
  Witness witness_;
};

TEST_F(PartedDisksTest, MakesThePlannedDiskAndVerifiesIt) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  EXPECT_THAT(witness_.begun, ElementsAre("write-table", "format-esp", "format-ext4", "format-ext4", "format-luks"));
  Result<std::vector<std::string>> findings = verify(plan_, &keys_, disks_);
  ASSERT_TRUE(findings) << findings.error().text();
  EXPECT_THAT(*findings, IsEmpty());
}

TEST_F(PartedDisksTest, ChangesNotOneByteOnASecondApply) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  const Digest before = whole_disk();
  struct stat old {};
  ASSERT_EQ(::stat(path_.c_str(), &old), 0);
  Result<std::vector<Step>> done = apply(plan_, &keys_, disks_, witness_);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_THAT(*done, IsEmpty());
  EXPECT_EQ(whole_disk(), before);
  struct stat now {};
  ASSERT_EQ(::stat(path_.c_str(), &now), 0);
  EXPECT_EQ(now.st_mtim.tv_sec, old.st_mtim.tv_sec);
  EXPECT_EQ(now.st_mtim.tv_nsec, old.st_mtim.tv_nsec);
  EXPECT_EQ(now.st_blocks, old.st_blocks);
}

TEST_F(PartedDisksTest, IsCleanToSgdisk) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  JUDGE(verified, {"sgdisk", "-v", path_});
  EXPECT_EQ(verified->exit_status, 0);
  EXPECT_THAT(verified->output, HasSubstr("No problems found"));
  JUDGE(lease, {"sgdisk", "-i", "4", path_});
  EXPECT_THAT(lease->output, HasSubstr("Attribute flags: C000000000000000"));
  EXPECT_THAT(lease->output, HasSubstr("Partition name: 'LEASE'"));
  EXPECT_THAT(lease->output, HasSubstr("Partition GUID code: " + std::string(agent::contract::lease_partition_type)));
}

TEST_F(PartedDisksTest, IsCleanToSfdisk) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  JUDGE(verified, {"sfdisk", "--verify", path_});
  EXPECT_EQ(verified->exit_status, 0) << verified->errors;
  JUDGE(dumped, {"sfdisk", "--dump", path_});
  EXPECT_THAT(dumped->output, HasSubstr("attrs=\"GUID:62,63\""));
}

TEST_F(PartedDisksTest, IsCleanToParted) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  JUDGE(printed, {"parted", "-s", "-m", path_, "unit", "B", "print"});
  EXPECT_EQ(printed->exit_status, 0);
  EXPECT_THAT(printed->errors, IsEmpty());
  EXPECT_THAT(printed->output, HasSubstr(":gpt:"));
  EXPECT_THAT(printed->output, HasSubstr(":fat32:esp:boot, esp;"));
  EXPECT_THAT(printed->output, HasSubstr(":ext4:system:;"));
  EXPECT_THAT(printed->output, HasSubstr("::LEASE:"));
}

TEST_F(PartedDisksTest, IsWhatBlkidExpects) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  const auto offset = [&](std::uint32_t number) { return std::to_string(facts().partition(number)->extent.start.count); };
  JUDGE(table, {"blkid", "-p", path_});
  EXPECT_THAT(table->output, HasSubstr("PTTYPE=\"gpt\""));
  EXPECT_THAT(table->output, HasSubstr("PTUUID=\"" + plan_.disk_uuid + "\""));
  JUDGE(esp, {"blkid", "-p", "-O", offset(1), path_});
  EXPECT_THAT(esp->output, HasSubstr("TYPE=\"vfat\""));
  EXPECT_THAT(esp->output, HasSubstr("VERSION=\"FAT32\""));
  JUDGE(system, {"blkid", "-p", "-O", offset(2), path_});
  EXPECT_THAT(system->output, HasSubstr("LABEL=\"system\" UUID=\"" + plan_.partitions[1].filesystem_uuid + "\""));
  JUDGE(lease, {"blkid", "-p", "-O", offset(4), path_});
  EXPECT_THAT(lease->output, HasSubstr("TYPE=\"crypto_LUKS\""));
}

TEST_F(PartedDisksTest, SealsTheLeaseAsCryptsetupReads) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  const std::string header = slice(4, luks_header_size);
  JUDGE(dumped, {"cryptsetup", "luksDump", header});
  EXPECT_EQ(dumped->exit_status, 0) << dumped->errors;
  for (const char* line : {"Version:       \t2", "UUID:          \t", "Label:         \tLEASE", "offset: 16777216 [bytes]", "cipher: aes-xts-plain64",
                           "sector: 4096 [bytes]", "Cipher key: 512 bits", "PBKDF:      pbkdf2", "Iterations: 1000", "0: leaseback"})
    EXPECT_THAT(dumped->output, HasSubstr(line));
  const std::string key_file = folder_ / "key";
  Result<DeviceFile> key = disks_.make_image(key_file, {slot_key_size}) ? DeviceFile::open(key_file, OpenFor::Writing)
                                                                        : Result<DeviceFile>(Error{});
  ASSERT_TRUE(key && key->write(0, keys_.slot_keys[1]));
  JUDGE(opened, {"cryptsetup", "open", "--test-passphrase", "--key-slot", "1", "--key-file", key_file, header});
  EXPECT_EQ(opened->exit_status, 0) << opened->errors;
  JUDGE(refused, {"cryptsetup", "open", "--test-passphrase", "--key-slot", "0", "--key-file", key_file, header});
  EXPECT_NE(refused->exit_status, 0);
}

TEST_F(PartedDisksTest, MakesFilesystemsThatTheirCheckersPass) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  for (const std::uint32_t number : {2U, 3U}) {
    JUDGE(checked, {"e2fsck", "-f", "-n", at(number)});
    EXPECT_EQ(checked->exit_status, 0) << checked->output;
  }
  const std::string esp = slice(1, mebibytes(8));
  JUDGE(fat, {"fsck.vfat", "-n", "-v", esp});
  EXPECT_EQ(fat->exit_status, 0) << fat->output << fat->errors;
  EXPECT_THAT(fat->output, HasSubstr("32 bit"));
  JUDGE(listed, {"mdir", "-i", path_ + "@@1M", "::"});
  EXPECT_EQ(listed->exit_status, 0) << listed->errors;
  EXPECT_THAT(listed->output, HasSubstr("Volume in drive : is ESP"));
  JUDGE(made, {"mmd", "-i", path_ + "@@1M", "::/EFI"});
  EXPECT_EQ(made->exit_status, 0) << made->errors;
}

TEST_F(PartedDisksTest, ReleasesTheLeaseAndKeepsTheOwnersFiles) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  const Digest files = fill(3);
  const DiskFacts before = facts();
  Result<DiskPlan> release = plan_release(before);
  ASSERT_TRUE(release) << release.error().text();
  Result<std::vector<Step>> done = apply(*release, nullptr, disks_, witness_);
  ASSERT_TRUE(done) << done.error().text();

  const DiskFacts after = facts();
  ASSERT_EQ(after.partitions.size(), 3U);
  EXPECT_EQ(after.partitions[2].extent.size, before.partitions[2].extent.size + before.partitions[3].extent.size);
  // resize2fs leaves out a last group too small for its own tables.
  EXPECT_GT(after.partitions[2].filesystem.size + mebibytes(16), after.partitions[2].extent.size);
  EXPECT_EQ(after.partitions[2].filesystem.uuid, before.partitions[2].filesystem.uuid);
  EXPECT_EQ(tree_hash(3), files);
  EXPECT_THAT(*verify(*release, nullptr, disks_), IsEmpty());
  Result<DeviceFile> disk = DeviceFile::open(path_, OpenFor::Reading);
  const std::string header = *disk->read(before.partitions[3].extent.start.count, 32768);
  EXPECT_EQ(header.find("LUKS"), std::string::npos);
  EXPECT_THAT(*apply(*plan_release(after), nullptr, disks_, witness_), IsEmpty());
  JUDGE(verified, {"sgdisk", "-v", path_});
  EXPECT_THAT(verified->output, HasSubstr("No problems found"));
  JUDGE(checked, {"e2fsck", "-f", "-n", at(3)});
  EXPECT_EQ(checked->exit_status, 0) << checked->output;
}

TEST_F(PartedDisksTest, RetrofitsAUsedDiskMadeByOthersAndKeepsItsFiles) {
  ASSERT_TRUE(disks_.make_image(path_, gibibytes(40)));
  JUDGE(tabled, {"sgdisk", "-n", "1:2048:+200M", "-t", "1:EF00", "-n", "5:0:0", "-c", "5:My Root", "-A", "5:set:60", path_});
  ASSERT_EQ(tabled->exit_status, 0) << tabled->errors;
  const Extent root = facts().partition(5)->extent;
  JUDGE(made, {"mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=" + std::to_string(root.start.count), path_, std::to_string(root.size.count / 1024) + "k"});
  ASSERT_EQ(made->exit_status, 0) << made->errors;
  const Digest files = fill(5);
  const DiskFacts before = facts();

  Result<DiskPlan> plan = plan_retrofit({"retrofit-1", gibibytes(6), seal_for(keys_)}, before);
  ASSERT_TRUE(plan) << plan.error().text();
  Result<std::vector<Step>> done = apply(*plan, &keys_, disks_, witness_);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_THAT(witness_.begun, ElementsAre("check-filesystem", "shrink-filesystem", "write-table", "format-luks"));

  const DiskFacts after = facts();
  ASSERT_NE(after.lease(), nullptr);
  EXPECT_EQ(after.lease()->extent.size, gibibytes(6));
  EXPECT_EQ(after.partition(5)->name, "My Root");
  EXPECT_EQ(after.partition(5)->attributes, std::uint64_t{1} << 60);
  EXPECT_EQ(after.partition(5)->uuid, before.partition(5)->uuid);
  EXPECT_EQ(after.disk_uuid, before.disk_uuid);
  EXPECT_EQ(tree_hash(5), files);
  EXPECT_THAT(*verify(*plan, &keys_, disks_), IsEmpty());
  EXPECT_THAT(*apply(*plan_retrofit({"retrofit-1", gibibytes(6), seal_for(keys_)}, after), &keys_, disks_, witness_), IsEmpty());
  JUDGE(verified, {"sgdisk", "-v", path_});
  EXPECT_THAT(verified->output, HasSubstr("No problems found"));

  // And back: the disk is again as its owner had it.
  ASSERT_TRUE(apply(*plan_release(after), nullptr, disks_, witness_));
  EXPECT_EQ(canonical_text(facts()).substr(0, 60), canonical_text(before).substr(0, 60));
  EXPECT_EQ(tree_hash(5), files);
}

TEST_F(PartedDisksTest, RefusesADiskWithAForeignTableAndLeavesItAlone) {
  ASSERT_TRUE(disks_.make_image(path_, gibibytes(40)));
  JUDGE(tabled, {"sgdisk", "-n", "1:2048:+2G", path_});
  const Digest before = whole_disk();
  Result<DiskPlan> plan = plan_new_disk(home_request(keys_), facts());
  ASSERT_TRUE(plan);
  Result<std::vector<Step>> done = apply(*plan, &keys_, disks_, witness_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::Refused);
  EXPECT_EQ(whole_disk(), before);

  DiskRequest request = home_request(keys_);
  request.existing = ExistingContent::Erase;
  done = apply(*plan_new_disk(request, facts()), &keys_, disks_, witness_);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_THAT(done->front().text, HasSubstr("delete partition 1"));
}

TEST_F(PartedDisksTest, RefusesAWholeDiskFilesystemAndAnMbr) {
  ASSERT_TRUE(disks_.make_image(path_, gibibytes(40)));
  JUDGE(made, {"mke2fs", "-q", "-F", path_});
  EXPECT_EQ(facts().whole_disk.name, "ext2");
  EXPECT_EQ(difference(*plan_new_disk(home_request(keys_), facts()), facts()).error().code, ErrorCode::Refused);
  JUDGE(tabled, {"parted", "-s", path_, "mklabel", "msdos", "mkpart", "primary", "1MiB", "100%"});
  EXPECT_EQ(facts().table, TableKind::Mbr);
  EXPECT_EQ(difference(*plan_new_disk(home_request(keys_), facts()), facts()).error().code, ErrorCode::Refused);
}

TEST_F(PartedDisksTest, RefusesADiskWhoseTableLostBothCopies) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  {
    Result<DeviceFile> disk = DeviceFile::open(path_, OpenFor::Writing);
    for (const std::uint64_t place : {std::uint64_t{512}, facts().size.count - 512})
      ASSERT_TRUE(disk && disk->write(place, std::string(512, '\0')));
  }
  EXPECT_EQ(facts().table, TableKind::Damaged);
  EXPECT_FALSE(facts().blank);
  EXPECT_EQ(apply(plan_, &keys_, disks_, witness_).error().code, ErrorCode::Refused);
}

TEST_F(PartedDisksTest, MendsATableThatLostEitherCopy) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  for (const std::uint64_t place : {std::uint64_t{512}, facts().size.count - 512}) {
    {
      Result<DeviceFile> disk = DeviceFile::open(path_, OpenFor::Writing);
      ASSERT_TRUE(disk && disk->write(place, std::string(512, 'x')));
    }
    EXPECT_FALSE(facts().copies_agree);
    Result<std::vector<Step>> done = apply(plan_, &keys_, disks_, witness_);
    ASSERT_TRUE(done) << done.error().text();
    ASSERT_EQ(done->size(), 1U);
    JUDGE(verified, {"sgdisk", "-v", path_});
    EXPECT_THAT(verified->output, HasSubstr("No problems found"));
  }
}

TEST_F(PartedDisksTest, RestoresASavedTable) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  const DiskFacts before = facts();
  Result<std::string> saved = disks_.save_table(path_);
  ASSERT_TRUE(saved);
  ASSERT_TRUE(disks_.write_table(*plan_release(before)));
  ASSERT_EQ(facts().partitions.size(), 3U);
  Done restored = disks_.restore_table(path_, *saved);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(canonical_text(facts()), canonical_text(before));
  EXPECT_TRUE(facts().copies_agree);
  EXPECT_EQ(disks_.restore_table(path_, saved->substr(1)).error().code, ErrorCode::Conflict);
  EXPECT_EQ(disks_.restore_table(path_, std::string(saved->size(), '\0')).error().code, ErrorCode::Conflict);
}

TEST_F(PartedDisksTest, VerifyFindsWhatWasTamperedWith) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  LeaseKeys wrong = keys_;
  wrong.slot_keys[0] = images::keys::random_bytes(slot_key_size);
  EXPECT_THAT(*verify(plan_, &wrong, disks_), ElementsAre(HasSubstr("slot 0 (controller) does not open")));
  Result<DeviceFile> disk = DeviceFile::open(path_, OpenFor::Writing);
  // An inode table of the system's filesystem, overwritten.
  ASSERT_TRUE(disk && disk->write(plan_.partitions[1].extent.start.count + 4096 * 1024, std::string(1 << 20, 'x')));
  Result<std::vector<std::string>> findings = verify(plan_, &keys_, disks_);
  ASSERT_TRUE(findings) << findings.error().text();
  EXPECT_THAT(*findings, testing::Not(IsEmpty()));
}

TEST_F(PartedDisksTest, DoesNotSealWithKeysThatThePlanDoesNotName) {
  ASSERT_NO_FATAL_FAILURE(make_home_disk());
  const LeaseKeys others = some_keys();
  EXPECT_EQ(disks_.format(path_, {plan_.partitions[3]}, &others).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(disks_.format(path_, {plan_.partitions[3]}, nullptr).error().code, ErrorCode::InvalidInput);
}

TEST_F(PartedDisksTest, HashOfARegionDoesNotDependOnHoles) {
  const std::string holes = folder_ / "holes";
  const std::string zeros = folder_ / "zeros";
  for (const std::string& path : {holes, zeros}) ASSERT_TRUE(disks_.make_image(path, mebibytes(8)));
  Result<DeviceFile> written = DeviceFile::open(zeros, OpenFor::Writing);
  ASSERT_TRUE(written && written->write(0, std::string(5 << 20, '\0')));
  const Extent all{{}, mebibytes(8)};
  EXPECT_EQ(*disks_.hash_region(holes, all), *disks_.hash_region(zeros, all));
  ASSERT_TRUE(written->write(5'000'000, "x"));
  EXPECT_NE(*disks_.hash_region(holes, all), *disks_.hash_region(zeros, all));
}

TEST_F(PartedDisksTest, LaysOut256GibInWellUnderASecond) {
  ASSERT_TRUE(disks_.make_image(path_, gibibytes(256)));
  DiskRequest request = home_request(keys_);
  request.system = gibibytes(32);
  request.lease = gibibytes(64);
  const auto started = std::chrono::steady_clock::now();
  Result<DiskPlan> plan = plan_new_disk(request, *disks_.read(path_));
  ASSERT_TRUE(plan && apply(*plan, &keys_, disks_, witness_));
  const auto applied = std::chrono::steady_clock::now();
  EXPECT_THAT(*verify(*plan, &keys_, disks_), IsEmpty());
  const auto verified = std::chrono::steady_clock::now();
  const auto milliseconds = [](auto span) { return std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); };
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  std::printf("256 GiB: applied in %lld ms, verified in %lld ms, %lld KiB on the station's disk\n",
              static_cast<long long>(milliseconds(applied - started)), static_cast<long long>(milliseconds(verified - applied)),
              static_cast<long long>(status.st_blocks / 2));
  // Many times what it takes on an idle machine; a bound that only a mistake in kind would break.
  EXPECT_LT(milliseconds(applied - started), 10'000);
}

}  // namespace
}  // namespace provision::disk
