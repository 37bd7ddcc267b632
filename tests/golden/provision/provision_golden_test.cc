// Goal: what leaseback-provision says of itself, and how it draws a disk, changes only when somebody means it to.
// Method: its help and a layout, each held against a file.
#include "images/files/posix_files.h"
#include "policies/terms/iana_zone.h"
#include "provision/cli/commands.h"
#include "provision/cli/layout_bar.h"
#include "provision/cli/layout_picture.h"
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

TEST(ProvisionGolden, LayoutPicture) {
  tests::golden::expect_same("provision/layout.svg", layout_picture(planned(40, gibibytes(6)), {"partition 1 (photos, xfs, 3 GiB)"}));
}

// The widths of the bar's parts, as drawn.
std::vector<double> widths_of(const std::string& svg) {
  std::vector<double> widths;
  for (std::size_t at = svg.find("<g>"); at != std::string::npos; at = svg.find("<g>", at + 1)) {
    const std::size_t width = svg.find("width=\"", at) + 7;
    widths.push_back(std::stod(svg.substr(width)));
  }
  return widths;
}

TEST(LayoutPicture, KeepsProportionsAndShowsTheSmallest) {
  const disk::DiskPlan plan = planned(2000, gibibytes(300));
  const std::vector<double> widths = widths_of(layout_picture(plan, {}));
  ASSERT_EQ(widths.size(), 4U);
  double sum = 0;
  for (const double width : widths) {
    EXPECT_GE(width, 25.9);
    sum += width;
  }
  EXPECT_NEAR(sum, 920, 1);
  const double share = static_cast<double>(plan.partitions[3].extent.size.count) / static_cast<double>(plan.partitions[2].extent.size.count);
  EXPECT_NEAR(widths[3] / widths[2], share, 0.03);
}

TEST(LayoutPicture, EscapesWhatADiskMaySayOfItself) {
  disk::DiskPlan plan = planned(40, {});
  plan.path = "<script>&\"'.img";
  plan.partitions[2].name = std::string("a\x01\xC3(\xED\xA0\x80\xC3\xA4") + '\0';
  const std::string svg = layout_picture(plan, {"</svg>"});
  EXPECT_EQ(svg.find("<script>"), std::string::npos);
  EXPECT_NE(svg.find("&lt;script&gt;&amp;&quot;&#39;.img"), std::string::npos);
  EXPECT_EQ(svg.find('\x01'), std::string::npos);
  EXPECT_EQ(svg.find('\0'), std::string::npos);
  EXPECT_EQ(xml_text("a\xC3(\xED\xA0\x80\xC3\xA4"), "a\xEF\xBF\xBD(\xEF\xBF\xBD\xC3\xA4");
  EXPECT_EQ(svg.rfind("</svg>"), svg.find("</svg>"));
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
