// Goal: a run that is cut anywhere is finished by running it again, and the disk is then the one that an uncut run
// makes. Method: the power fails before each call that changes something, in turn; then the run is repeated with the
// power on; table, files, keys and receipts are compared, and one more run must say that nothing is left.
#include "tests/provision/run/cut_ports.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

struct CutPorts {
  CutPorts(Workshop& shop, Power& power)
      : files(shop.files, power),
        disks(shop.disks, power),
        processes(shop.processes, power),
        ports{files, disks, processes, shop.clock, shop.progress} {}
  CutFiles files;
  CutDisks disks;
  CutProcesses processes;
  RunPorts ports;
};

std::string bytes_at(Workshop& shop, const std::string& path) {
  const auto bytes = shop.files.read(path, mebibytes(1));
  return bytes ? *bytes : "(none)";
}

// The puts of one filling are alike: of each four in a row, one is cut.
bool worth_cutting(const Power& uncut, std::uint64_t point) {
  return !uncut.names[point - 1].starts_with("put_") || point % 4 == 0;
}

using Act = std::function<Result<RunReport>(Station&, RunPorts&)>;

// How many cut points there are: the calls of an uncut run.
void cut_everywhere(Workshop& shop, const order::Work& work, const std::string& start, const Act& act) {
  if (!start.empty()) shop.copy(start, "whole.img");
  Station whole = shop.station("whole", work);
  Power uncut;
  {
    CutPorts cut(shop, uncut);
    Station counted = *Station::open(cut.files, shop.path("whole"));
    const auto report = act(counted, cut.ports);
    ASSERT_TRUE(report) << report.error().text();
    ASSERT_EQ(report->outcome, RunOutcome::Changed);
  }
  const DiskSummary wanted = shop.summary("whole.img", *whole.escrow(work.order));
  ASSERT_EQ(std::system(("mv " + shop.path("whole.img") + " " + shop.path("reference.img")).c_str()), 0);
  const std::uint64_t points = uncut.calls;
  int cuts = 0;
  for (std::uint64_t point = 1; point <= points; ++point) {
    if (!worth_cutting(uncut, point)) continue;
    ++cuts;
    SCOPED_TRACE("cut before call " + std::to_string(point) + ": " + uncut.names[point - 1]);
    ASSERT_EQ(std::system(("rm -rf " + shop.path("cut") + " " + shop.path("whole.img")).c_str()), 0);
    if (!start.empty()) shop.copy(start, "whole.img");
    { Station made = shop.station("cut", work); }
    Power power{.calls = 0, .cut_at = point, .names = {}};
    CutPorts cut(shop, power);
    Station station = *Station::open(cut.files, shop.path("cut"));
    const auto broken = act(station, cut.ports);
    // Only forgetting the device key comes after the run is finished; all else must have failed.
    ASSERT_FALSE(broken && point < points);
    power.cut_at = 0;
    const auto resumed = act(station, cut.ports);
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_EQ(shop.summary("whole.img", *station.escrow(work.order)), wanted);
    ASSERT_EQ(bytes_at(shop, station.voucher_path(work.order)), bytes_at(shop, whole.voucher_path(work.order)));
    const auto again = act(station, cut.ports);
    ASSERT_TRUE(again) << again.error().text();
    ASSERT_EQ(again->outcome, RunOutcome::NoChanges);
    const auto key_left = shop.files.exists(shop.path("cut") + "/runs/" + work.order.text + "/device.key");
    ASSERT_FALSE(*key_left) << "the device key must not stay at the station";
  }
  std::cout << "[ cuts     ] " << cuts << " cuts among " << points
            << " calls that change something, each finished by the next run\n";
}

TEST(Apply, IsFinishedByTheNextRunWhereverItIsCut) {
  Workshop shop;
  const order::Work work = shop.small_work("cut-order");
  const BuildRequest request = shop.request(work, "whole.img");
  cut_everywhere(shop, work, "",
                 [&](Station& station, RunPorts& ports) { return apply_order(request, station, ports); });
}

TEST(Retrofit, IsFinishedByTheNextRunWhereverItIsCut) {
  Workshop shop;
  shop.make_used_disk("used.img");
  const order::Work work = shop.retrofit_work("cut-retrofit");
  const BuildRequest request = shop.request(work, "whole.img");
  cut_everywhere(shop, work, "used.img",
                 [&](Station& station, RunPorts& ports) { return retrofit_order(request, station, ports); });
}

TEST(Release, IsFinishedByTheNextRunWhereverItIsCut) {
  Workshop shop;
  const order::Work work = shop.small_work("cut-release");
  Station factory = shop.station("factory", work);
  RunPorts real = shop.ports();
  ASSERT_TRUE(apply_order(shop.request(work, "leased.img"), factory, real));
  shop.put_owner_files("leased.img", "customer");

  ReleaseRequest request;
  request.disk_path = shop.path("released.img");
  request.authority.operator_name = "Olga";
  const auto release = [&](const std::string& folder, Power& power) -> Result<ReleaseReport> {
    CutPorts cut(shop, power);
    auto station = Station::open_bare(cut.files, shop.path(folder));
    if (!station) return station.error();
    return release_disk(request, *station, cut.ports);
  };
  shop.copy("leased.img", "released.img");
  Power uncut;
  const auto whole = release("uncut", uncut);
  ASSERT_TRUE(whole) << whole.error().text();
  const DiskSummary wanted = shop.summary("released.img", {});
  const std::string receipt = whole->receipt_text;
  for (std::uint64_t point = 1; point <= uncut.calls; ++point) {
    SCOPED_TRACE("cut before call " + std::to_string(point) + ": " + uncut.names[point - 1]);
    ASSERT_EQ(std::system(("rm -rf " + shop.path("cut") + " " + shop.path("released.img")).c_str()), 0);
    shop.copy("leased.img", "released.img");
    Power power{.calls = 0, .cut_at = point, .names = {}};
    ASSERT_FALSE(release("cut", power));
    Power on;
    const auto resumed = release("cut", on);
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_EQ(shop.summary("released.img", {}), wanted);
    EXPECT_EQ(resumed->receipt.owner_files_before, whole->receipt.owner_files_before);
    EXPECT_EQ(resumed->receipt.owner_files_after, whole->receipt.owner_files_after);
    EXPECT_EQ(resumed->receipt.freed, work.lease);
    const auto again = release("cut", on);
    ASSERT_TRUE(again) << again.error().text();
    ASSERT_TRUE(again->done_before);
    ASSERT_EQ(again->receipt_text, resumed->receipt_text);
  }
  std::cout << "[ cuts     ] " << uncut.calls << " cuts, each finished by the next run\n";
}

}  // namespace
}  // namespace provision::run
