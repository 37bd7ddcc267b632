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
  EXPECT_THAT(use->holders, ElementsAre("loop3"));
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

}  // namespace
}  // namespace provision::disk
