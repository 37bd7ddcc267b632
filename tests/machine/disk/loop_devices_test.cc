// Goal: block devices, with sectors of 512 and of 4096 bytes, keep the contract of Disks; one in use is refused. Method: the
// contract suite on loop devices; needs root.
#include <fcntl.h>

#include <gmock/gmock.h>

#include "tests/provision/disk/disk_bench.h"
#include "tests/contracts/disks_contract.h"

namespace provision::disk {
namespace {

class LoopDevice final : public DiskUnderTest {
 public:
  LoopDevice(const std::string& sector_size, std::string& why) {
    EXPECT_TRUE(disks_.make_image(image(), gibibytes(3)));
    attach(sector_size, why);
  }
  void attach(const std::string& sector_size, std::string& why) {
    if (::geteuid() != 0) {
      why = "loop devices need root";
      return;
    }
    Result<Outcome> set_up = processes_.run({"losetup", "--find", "--show", "--sector-size", sector_size, image()});
    if (set_up && set_up->exit_status == 0) device_ = set_up->output.substr(0, set_up->output.find('\n'));
    if (device_.empty()) why = "this machine makes no loop device: " + (set_up ? set_up->errors : set_up.error().text());
  }
  void detach() {
    if (!device_.empty()) (void)processes_.run({"losetup", "--detach", device_});
    device_.clear();
  }
  ~LoopDevice() override { detach(); }
  std::string image() const { return folder_ / "disk.img"; }
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

class Layouts : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (device_.path().empty()) GTEST_SKIP() << why_;
  }

  DiskRequest request() {
    DiskRequest request = home_request(keys_);
    request.esp = mebibytes(64);
    request.system = mebibytes(400);
    request.lease = mebibytes(600);
    return request;
  }

  // What other people's programs say of the disk at `path`, which has sectors of this size to them.
  void judge(const std::string& path) {
    const std::uint64_t sector = std::stoull(GetParam());
    JUDGE(gdisk, {"sgdisk", "-v", path});
    EXPECT_THAT(gdisk->output, testing::HasSubstr("No problems found")) << gdisk->output << gdisk->errors;
    JUDGE(lease, {"sgdisk", "-i", "4", path});
    EXPECT_THAT(lease->output, testing::HasSubstr("Attribute flags: C000000000000000"));
    EXPECT_THAT(lease->output, testing::HasSubstr("Partition size: " + std::to_string(mebibytes(600).count / sector) + " sectors"));
    JUDGE(fdisk, {"sfdisk", "--verify", path});
    EXPECT_EQ(fdisk->exit_status, 0) << fdisk->errors;
    JUDGE(dumped, {"sfdisk", "--dump", path});
    EXPECT_THAT(dumped->output, testing::HasSubstr("sector-size: " + GetParam()));
    JUDGE(printed, {"parted", "-s", "-m", path, "unit", "B", "print"});
    EXPECT_THAT(printed->output, testing::HasSubstr(":" + GetParam() + ":")) << printed->output;
    EXPECT_THAT(printed->output, testing::HasSubstr(":fat32:esp:boot, esp;"));
    for (const char* number : {"1", "2", "3", "4"}) {
      JUDGE(aligned, {"parted", "-s", path, "align-check", "optimal", number});
      EXPECT_EQ(aligned->exit_status, 0) << "partition " << number << ": " << aligned->output;
    }
    JUDGE(esp, {"fsck.vfat", "-n", "-v", esp_slice(path)});
    EXPECT_EQ(esp->exit_status, 0) << esp->output << esp->errors;
    EXPECT_THAT(esp->output, testing::HasSubstr("32 bit"));
  }

  std::string esp_slice(const std::string& path) {
    const std::string slice = folder_ / "esp";
    EXPECT_EQ(std::system(("dd if=" + path + " of=" + slice + " bs=1M skip=1 count=260 conv=sparse 2>/dev/null").c_str()), 0);
    return slice;
  }

  TempFolder folder_;
  PosixProcesses processes_;
  LeaseKeys keys_ = some_keys();
  Witness witness_;
  std::string why_;
  LoopDevice device_{GetParam(), why_};
};

TEST_P(Layouts, OfADeviceAreAlignedAndCleanToOthers) {
  const Result<DiskPlan> plan = plan_new_disk(request(), *device_.disks().read(device_.path()));
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(std::to_string(plan->sector_size), GetParam());
  const Result<std::vector<Step>> done = apply(*plan, &keys_, device_.disks(), witness_);
  ASSERT_TRUE(done) << done.error().text();
  judge(device_.path());
}

TEST_P(Layouts, OfAnImageFileAreThoseOfTheDeviceThatItIsWrittenTo) {
  device_.detach();
  DiskFacts facts = *device_.disks().read(device_.image());
  ASSERT_FALSE(facts.sector_size_known);
  facts.sector_size = static_cast<std::uint32_t>(std::stoul(GetParam()));
  const Result<DiskPlan> plan = plan_new_disk(request(), facts);
  ASSERT_TRUE(plan) << plan.error().text();
  const Result<std::vector<Step>> done = apply(*plan, &keys_, device_.disks(), witness_);
  ASSERT_TRUE(done) << done.error().text();
  const DiskFacts made = *device_.disks().read(device_.image());
  EXPECT_EQ(std::to_string(made.sector_size), GetParam());
  EXPECT_THAT(*verify(*plan, &keys_, device_.disks()), testing::IsEmpty());
  device_.attach(GetParam(), why_);
  ASSERT_FALSE(device_.path().empty()) << why_;
  judge(device_.path());
  EXPECT_EQ(canonical_text(*device_.disks().read(device_.path())), canonical_text(made));
}

INSTANTIATE_TEST_SUITE_P(SectorsOf, Layouts, testing::Values("512", "4096"), [](const auto& size) { return size.param; });

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
