// Goal: block devices, with sectors of 512 and of 4096 bytes, keep the contract of Disks; one in use is refused. Method: the
// contract suite on loop devices; needs root.
#include <fcntl.h>

#include "tests/provision/disk/disk_bench.h"
#include "tests/contracts/disks_contract.h"

namespace provision::disk {
namespace {

class LoopDevice final : public DiskUnderTest {
 public:
  LoopDevice(const std::string& sector_size, std::string& why) {
    if (::geteuid() != 0) {
      why = "loop devices need root";
      return;
    }
    EXPECT_TRUE(disks_.make_image(folder_ / "disk.img", gibibytes(3)));
    Result<Outcome> set_up = processes_.run({"losetup", "--find", "--show", "--sector-size", sector_size, folder_ / "disk.img"});
    if (set_up && set_up->exit_status == 0) device_ = set_up->output.substr(0, set_up->output.find('\n'));
    if (device_.empty()) why = "this machine makes no loop device: " + (set_up ? set_up->errors : set_up.error().text());
  }
  ~LoopDevice() override {
    if (!device_.empty()) (void)processes_.run({"losetup", "--detach", device_});
  }
  Disks& disks() override { return disks_; }
  std::string path() override { return device_; }

 private:
  TempFolder folder_;
  PosixProcesses processes_;
  PartedDisks disks_{processes_};
  std::string device_;
};

DiskMaker loop_device(const std::string& name, const std::string& sector_size) {
  return {name, [sector_size](std::string& why) -> std::unique_ptr<DiskUnderTest> {
            auto device = std::make_unique<LoopDevice>(sector_size, why);
            if (device->path().empty()) return nullptr;
            return device;
          }};
}

INSTANTIATE_TEST_SUITE_P(Disks, DisksContract,
                         testing::Values(loop_device("LoopDevice", "512"), loop_device("LoopDeviceWithSectorsOf4096", "4096")),
                         [](const auto& made) { return made.param.name; });

TEST(LoopDevices, AreRefusedWhileAnotherHasThemForItselfAndUntilNamedAgain) {
  std::string why;
  LoopDevice device("512", why);
  if (device.path().empty()) GTEST_SKIP() << why;
  Result<DiskUse> use = device.disks().use_of(device.path());
  ASSERT_TRUE(use) << use.error().text();
  EXPECT_EQ(use->kind, DeviceKind::BlockDevice);
  EXPECT_FALSE(may_write(*use, {}));
  EXPECT_TRUE(may_write(*use, {device.path()}));
  const int held = ::open(device.path().c_str(), O_RDWR | O_EXCL | O_CLOEXEC);
  ASSERT_GE(held, 0);
  EXPECT_TRUE(device.disks().use_of(device.path())->exclusively_opened);
  EXPECT_EQ(device.disks().destroy_key_slots(device.path(), {mebibytes(1), mebibytes(20)}).error().code, ErrorCode::Refused);
  ::close(held);
}

TEST(RunningSystem, IsSeenOnItsOwnDiskOrTheDiskIsNotAttached) {
  PosixProcesses processes;
  PartedDisks disks(processes);
  Result<std::vector<AttachedDisk>> attached = disks.attached();
  ASSERT_TRUE(attached) << attached.error().text();
  for (const AttachedDisk& disk : *attached) {
    Result<DiskUse> use = disks.use_of(disk.path);
    ASSERT_TRUE(use) << use.error().text();
    if (!use->holds_running_system) continue;
    EXPECT_FALSE(may_write(*use, {disk.path}));
    return;
  }
  GTEST_SKIP() << "the root filesystem lies on no disk that this machine shows";
}

}  // namespace
}  // namespace provision::disk
