// Goal: what leaseback-provision says of itself, and how it draws a disk, changes only when somebody means it to.
// Method: its help and a layout, each held against a file.
#include "images/files/posix_files.h"
#include "policies/terms/iana_zone.h"
#include "provision/cli/commands.h"
#include "provision/cli/layout_bar.h"
#include "provision/disk/parted_disks.h"
#include "tests/golden/golden.h"

namespace provision::cli {
namespace {

TEST(ProvisionGolden, Help) {
  images::files::PosixFiles files;
  disk::PosixProcesses processes;
  disk::PartedDisks disks(processes);
  const policies::terms::IanaZoneRules zones;
  const SystemClock clock;
  const Ports ports{files, disks, processes, zones, clock};
  tests::golden::expect_same("provision/help.txt", all_help_text(provision_program(ports)));
}

disk::DiskPlan planned(std::uint64_t disk_gigabytes, Bytes lease) {
  disk::DiskFacts facts;
  facts.path = "alice.img";
  facts.size = Bytes{disk_gigabytes * 1'000'000'000};
  facts.blank = true;
  disk::DiskRequest request;
  request.seed = "golden";
  request.system = gibibytes(2);
  request.lease = lease;
  request.seal.slots = {{0, "controller", Digest(std::string(64, '0'))}};
  return *disk::plan_new_disk(request, facts);
}

TEST(ProvisionGolden, LayoutBars) {
  std::string text;
  for (const std::size_t width : {20U, 60U, 100U})
    text += layout_bar(planned(40, gibibytes(6)), width) + layout_bar(planned(2000, Bytes{}), width);
  tests::golden::expect_same("provision/layout.txt", text);
}

TEST(LayoutBar, IsEmptyForAnEmptyDisk) { EXPECT_EQ(layout_bar({}, 80), ""); }

TEST(LayoutBar, NeverLeavesItsWidth) {
  for (std::size_t width = 20; width <= 200; ++width) {
    const std::string bar = layout_bar(planned(40, gibibytes(6)), width);
    EXPECT_LE(bar.find('\n'), width) << bar;
  }
}

}  // namespace
}  // namespace provision::cli
