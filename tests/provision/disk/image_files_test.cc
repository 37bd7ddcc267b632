// Goal: image files keep the contract of Disks, as a plain user. Method: the contract suite on PartedDisks.
#include "tests/provision/disk/disk_bench.h"
#include "tests/contracts/disks_contract.h"

namespace provision::disk {
namespace {

class ImageFile final : public DiskUnderTest {
 public:
  ImageFile() { EXPECT_TRUE(disks_.make_image(path(), gibibytes(3))); }
  Disks& disks() override { return disks_; }
  std::string path() override { return folder_ / "disk.img"; }

 private:
  TempFolder folder_;
  PosixProcesses processes_;
  PartedDisks disks_{processes_};
};

INSTANTIATE_TEST_SUITE_P(Disks, DisksContract,
                         testing::Values(DiskMaker{"ImageFile", [](std::string&) { return std::make_unique<ImageFile>(); }}),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace provision::disk
