// Goal: no disk in use and no disk that nobody named is ever written to. Method: pure decisions, and recorded /proc and /sys.
#include "provision/disk/disk_safety.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/provision/disk/disk_bench.h"
#include "provision/disk/device_use.h"

namespace provision::disk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

DiskUse idle_disk() {
  DiskUse use;
  use.kind = DeviceKind::BlockDevice;
  use.path = "/dev/sdb";
  use.serial = "WD-77";
  use.wwn = "naa.5000";
  return use;
}

TEST(MayWrite, TakesANamedIdleDisk) {
  for (const char* name : {"/dev/sdb", "WD-77", "naa.5000"}) EXPECT_TRUE(may_write(idle_disk(), {name})) << name;
}

TEST(MayWrite, RefusesABlockDeviceThatWasNotNamedAgain) {
  EXPECT_FALSE(may_write(idle_disk(), {""}));
  EXPECT_FALSE(may_write(idle_disk(), {"/dev/sda"}));
  DiskUse nameless = idle_disk();
  nameless.serial.clear();
  nameless.wwn.clear();
  EXPECT_FALSE(may_write(nameless, {""}));
}

TEST(MayWrite, TakesAnImageFileWithoutConfirmation) {
  DiskUse use;
  use.path = "disk.img";
  EXPECT_TRUE(may_write(use, {}));
}

TEST(MayWrite, RefusesWhatIsInUseAndSaysWhy) {
  const auto refusal = [](auto change) {
    DiskUse use = idle_disk();
    change(use);
    Done may = may_write(use, {"/dev/sdb"});
    return may ? std::string("allowed") : may.error().text();
  };
  EXPECT_THAT(refusal([](DiskUse& use) { use.mounted_at = {"/home"}; }), HasSubstr("mounted at /home"));
  EXPECT_THAT(refusal([](DiskUse& use) { use.holders = {"dm-0"}; }), HasSubstr("in use by dm-0"));
  EXPECT_THAT(refusal([](DiskUse& use) { use.holds_running_system = true; }), HasSubstr("the system that is running"));
  EXPECT_THAT(refusal([](DiskUse& use) { use.exclusively_opened = true; }), HasSubstr("opened exclusively"));
  EXPECT_THAT(refusal([](DiskUse& use) { use.read_only = true; }), HasSubstr("read-only"));
}

TEST(ChooseDisk, TakesOneAndRefusesNoneOrSeveral) {
  const std::vector<AttachedDisk> disks = {{"/dev/sda", "A", "w1", "Disk", gibibytes(1)}, {"/dev/sdb", "B", "w2", "Disk", gibibytes(2)},
                                           {"/dev/sdc", "B", "", "Disk", gibibytes(2)}};
  EXPECT_EQ(choose_disk(disks, "A")->path, "/dev/sda");
  EXPECT_EQ(choose_disk(disks, "w2")->path, "/dev/sdb");
  EXPECT_EQ(choose_disk(disks, "B").error().code, ErrorCode::Conflict);
  EXPECT_EQ(choose_disk(disks, "C").error().code, ErrorCode::NotFound);
  // An empty name must not match the disk without a WWN.
  EXPECT_EQ(choose_disk(disks, "").error().code, ErrorCode::NotFound);
}

TEST(ChooseDisk, TakesSerialsAndWwnsByWhatTheyAreCalled) {
  const std::vector<AttachedDisk> disks = {{"/dev/sda", "5000c500a1b2c3d4", "naa.5000c500ffffffff", "Disk", gibibytes(1)},
                                           {"/dev/sdb", "B", "naa.5000c500a1b2c3d4", "Disk", gibibytes(2)}};
  EXPECT_EQ(choose_disk(disks, "serial:5000c500a1b2c3d4")->path, "/dev/sda");
  for (const char* wwn : {"wwn:5000c500a1b2c3d4", "wwn:0x5000C500A1B2C3D4", "wwn:naa.5000c500a1b2c3d4", "wwn:wwn-0x5000c500a1b2c3d4"})
    EXPECT_EQ(choose_disk(disks, wwn)->path, "/dev/sdb") << wwn;
  const Result<AttachedDisk> ambiguous = choose_disk(disks, "5000c500a1b2c3d4");
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().code, ErrorCode::Conflict);
  EXPECT_THAT(ambiguous.error().text(), testing::AllOf(HasSubstr("/dev/sda"), HasSubstr("/dev/sdb"), HasSubstr("by its path")));
  for (const char* nobody : {"serial:", "wwn:", "wwn:0x", "serial:b"}) EXPECT_EQ(choose_disk(disks, nobody).error().code, ErrorCode::NotFound) << nobody;
}

TEST(MayWrite, DoesNotTakeASerialThatTwoDisksBear) {
  DiskUse use = idle_disk();
  use.twins = {"/dev/sdc"};
  for (const char* name : {"WD-77", "serial:WD-77", "naa.5000"}) {
    const Done may = may_write(use, {name});
    ASSERT_FALSE(may) << name;
    EXPECT_THAT(may.error().text(), HasSubstr("/dev/sdb and /dev/sdc alike"));
  }
  EXPECT_TRUE(may_write(use, {"/dev/sdb"}));
}

TEST(MountTable, IsReadWithEscapedNames) {
  const std::vector<Mount> mounts = mounts_from(
      "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
      "broken line\n"
      "22 1 0:21 / / rw - btrfs /dev/sda2 rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].device, "98:0");
  EXPECT_EQ(mounts[0].target, "/mnt 2");
  EXPECT_EQ(mounts[1].source, "/dev/sda2");
}

TEST(DeviceUse, FindsTheLoopDeviceOverAnImageAndItsMount) {
  TempFolder folder;
  const std::string image = folder / "disk.img";
  const std::string root = folder / "root";
  const std::string loop = root + "/sys/class/block/loop3";
  const std::string commands = "touch " + image + "; mkdir -p " + loop + "/loop " + root + "/proc/self " + loop + "/loop3p1/;" +
                               "realpath " + image + " > " + loop + "/loop/backing_file; echo 7:3 > " + loop + "/dev;" +
                               "echo 1 > " + loop + "/loop3p1/partition; echo 259:1 > " + loop + "/loop3p1/dev;" +
                               "echo '36 35 259:1 / /mnt rw - ext4 /dev/loop3p1 rw' > " + root + "/proc/self/mountinfo";
  ASSERT_EQ(std::system(commands.c_str()), 0);
  Result<DiskUse> use = read_use(root, image);
  ASSERT_TRUE(use) << use.error().text();
  EXPECT_THAT(use->holders, ElementsAre(HasSubstr("loop3 (loop device over")));
  EXPECT_THAT(use->mounted_at, ElementsAre("/mnt"));
  EXPECT_FALSE(may_write(*use, {}));
}

TEST(DeviceUse, ListsOnlyDisksThatCanBeProvisioned) {
  TempFolder folder;
  const std::string root = folder / "root";
  const std::string block = root + "/sys/class/block";
  const std::string commands = "mkdir -p " + block + "/{sda/device,sda1,loop0,sr0,nvme0n1,sdz};" + "echo 100 > " + block + "/sda/size;" +
                               "echo ' WD-77 ' > " + block + "/sda/device/serial; echo 'Big Disk' > " + block + "/sda/device/model;" +
                               "echo 1 > " + block + "/sda1/partition; echo 50 > " + block + "/sda1/size; echo 9 > " + block + "/loop0/size;" +
                               "echo 9 > " + block + "/sr0/size; echo 200 > " + block + "/nvme0n1/size; echo eui.1 > " + block +
                               "/nvme0n1/wwid; echo 0 > " + block + "/sdz/size";
  ASSERT_EQ(std::system(("bash -c \"" + commands + "\"").c_str()), 0);
  Result<std::vector<AttachedDisk>> disks = read_attached(root);
  ASSERT_TRUE(disks);
  EXPECT_THAT(*disks, ElementsAre(AttachedDisk{"/dev/nvme0n1", "", "eui.1", "", {102400}},
                                  AttachedDisk{"/dev/sda", "WD-77", "", "Big Disk", {51200}}));
}

// A machine of the kernel's own form: sda is a PV of a volume group and holds swap on a partition, sdb an opened LUKS container, sdc
// and sdd a mirror, sde nothing.
class RecordedMachine : public testing::Test {
 protected:
  void SetUp() override {
    std::string commands = "set -e; cd " + root_ + " && mkdir -p proc/self sys/class/block && cd sys/class/block;";
    const auto device = [&](const std::string& name, const std::string& number) { commands += "mkdir -p " + name + "/holders; echo " + number + " > " + name + "/dev;"; };
    int minor = 0;
    for (const char* disk : {"sda", "sdb", "sdc", "sdd", "sde"}) {
      device(disk, "8:" + std::to_string(minor));
      commands += std::string("mkdir ") + disk + "/device; echo 1000 > " + disk + "/size; echo 0 > " + disk + "/ro; echo S-" + disk + " > " + disk + "/device/serial;";
      minor += 16;
    }
    for (const char* part : {"sda/sda1", "sda/sda2", "sdb/sdb1", "sdc/sdc1", "sdd/sdd1"}) {
      device(part, "8:" + std::to_string(100 + minor++));
      commands += std::string("echo 1 > ") + part + "/partition; ln -s " + part + " " + std::string(part).substr(4) + ";";
    }
    device("dm-0", "254:0");
    device("dm-1", "254:1");
    device("md0", "9:0");
    commands += "mkdir dm-0/dm dm-1/dm md0/md; echo group-home > dm-0/dm/name; echo LVM-abc > dm-0/dm/uuid; echo private > dm-1/dm/name;"
                "echo CRYPT-LUKS2-abc-private > dm-1/dm/uuid; echo raid1 > md0/md/level;"
                "touch sda/sda1/holders/dm-0 sdb/sdb1/holders/dm-1 sdc/sdc1/holders/md0 sdd/sdd1/holders/md0;"
                "echo '50 1 254:0 / /home rw - ext4 /dev/mapper/group-home rw' > ../../../proc/self/mountinfo;"
                "printf 'Filename Type Size Used Priority\\n/dev/sda2 partition 100 0 -2\\n' > ../../../proc/swaps";
    ASSERT_EQ(std::system(("mkdir " + root_ + "; bash -c \"" + commands + "\"").c_str()), 0);
  }

  // Devices of the recorded machine have no nodes here: a loop-free block device stands in for their node only.
  std::vector<std::string> holders(const std::string& disk) {
    Result<DiskUse> use = use_by_name(root_, disk);
    EXPECT_TRUE(use) << use.error().text();
    if (!use) return {};
    mounted_ = use->mounted_at;
    EXPECT_EQ(static_cast<bool>(may_write(*use, {use->path})), use->holders.empty() && use->mounted_at.empty());
    return use->holders;
  }

  TempFolder folder_;
  std::string root_ = folder_ / "machine";
  std::vector<std::string> mounted_;
};

TEST_F(RecordedMachine, NamesWhatUsesADiskAsItsOwnerKnowsIt) {
  EXPECT_THAT(holders("sda"), ElementsAre("dm-0 (LVM volume group-home)", "swap on /dev/sda2"));
  EXPECT_THAT(mounted_, ElementsAre("/home"));
  EXPECT_THAT(holders("sdb"), ElementsAre("dm-1 (opened LUKS container private)"));
  EXPECT_THAT(holders("sdc"), ElementsAre("md0 (RAID array, raid1)"));
  EXPECT_THAT(holders("sdd"), ElementsAre("md0 (RAID array, raid1)"));
  EXPECT_THAT(holders("sde"), testing::IsEmpty());
}

TEST_F(RecordedMachine, SeesDisksThatShareASerial) {
  ASSERT_EQ(std::system(("echo S-sde > " + root_ + "/sys/class/block/sdc/device/serial").c_str()), 0);
  Result<DiskUse> use = use_by_name(root_, "sde");
  ASSERT_TRUE(use) << use.error().text();
  EXPECT_THAT(use->twins, ElementsAre("/dev/sdc"));
}

}  // namespace
}  // namespace provision::disk
