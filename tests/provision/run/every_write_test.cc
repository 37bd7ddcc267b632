// Goal: the power may go at any writing call of a whole run - disk, journal, keys, receipts, and what mke2fs, e2fsck, resize2fs
// and mtools write - and take everything with it that was not flushed: running again gives the disk, the files and the receipts
// of a run that was never cut. Method: the run below one folder, killed at its n-th call (tests/machine/power), with what was not
// flushed dropped, kept, or dropped by chance, in turn; then the run again; tables, trees, keys, vouchers are compared. Usually
// at 24 calls of each run; LEASEBACK_CUTS=all cuts at every call in each of the three ways, LEASEBACK_CUTS=244 at every
// call from that one on; LEASEBACK_CALLS=1 lists them.
#include <fstream>

#include "tests/machine/power/power.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

using tests::machine::PowerCut;
using tests::machine::PowerReport;
using tests::machine::run_with_power;
using tests::machine::Unsynced;

constexpr std::array losses = {Unsynced::Dropped, Unsynced::DroppedByChance, Unsynced::Kept};
constexpr std::array loss_names = {"dropped", "dropped by chance", "kept"};

struct CutPoint {
  std::uint64_t at;
  std::size_t loss;
};

// No run makes so many calls: the power goes after its end.
constexpr std::uint64_t after_the_end = 1'000'000;

std::vector<CutPoint> cut_points(std::uint64_t calls) {
  constexpr std::uint64_t usual = 24;
  const char* wish = std::getenv("LEASEBACK_CUTS");
  std::vector<CutPoint> points;
  if (wish != nullptr) {
    const std::uint64_t first = std::string(wish) == "all" ? 1 : std::strtoull(wish, nullptr, 10);
    for (std::uint64_t at = first; at <= calls + 1; ++at)
      for (std::size_t loss = 0; loss < losses.size(); ++loss) points.push_back({at <= calls ? at : after_the_end, loss});
    return points;
  }
  for (std::uint64_t i = 0; i < usual; ++i) points.push_back({1 + i * calls / usual, i % losses.size()});
  points.push_back({after_the_end, 0});
  return points;
}

// A run below shop.path("power"): disk.img and the station.
struct Cuttable {
  std::function<bool()> run;                    // true: done
  std::function<std::string()> state;           // what must be the same in the end
  std::function<bool()> says_nothing_is_left;
};

class EveryWrite : public testing::Test {
 protected:
  void begin_again() const {
    ASSERT_EQ(std::system(("rm -rf " + shop.path("power") + " && cp -r --sparse=always " + shop.path("prepared") + " " + shop.path("power")).c_str()), 0);
  }

  PowerReport with_power(const Cuttable& what, std::uint64_t at, std::size_t loss) const {
    return run_with_power({shop.path("power"), at, losses[loss], at}, [&] { return what.run() ? 0 : 1; });
  }

  void cut_everywhere(const Cuttable& what) {
    ASSERT_NO_FATAL_FAILURE(begin_again());
    const PowerReport whole = with_power(what, 0, 0);
    if (!whole.traced) GTEST_SKIP() << "this machine does not let a process trace its child";
    ASSERT_EQ(whole.exit_status, 0);
    EXPECT_THAT(whole.unseen, testing::IsEmpty());
    if (std::getenv("LEASEBACK_CALLS") != nullptr)
      for (const std::string& call : whole.calls) std::cout << call << "\n";
    const std::string wanted = what.state();
    constexpr int failures_max = 3;
    int failures = 0;
    const std::vector<CutPoint> points = cut_points(whole.calls.size());
    for (const CutPoint& point : points) {
      SCOPED_TRACE("cut before call " + std::to_string(point.at) + " of " + std::to_string(whole.calls.size()) + " (" +
                   (point.at <= whole.calls.size() ? whole.calls[point.at - 1] : "none") + "), what was not flushed " + loss_names[point.loss]);
      ASSERT_NO_FATAL_FAILURE(begin_again());
      // Programs look at the clock, so that two runs may differ by a call: one that ends before its cut loses what it did not flush.
      (void)with_power(what, point.at, point.loss);
      EXPECT_TRUE(what.run());
      EXPECT_EQ(what.state(), wanted);
      EXPECT_TRUE(what.says_nothing_is_left());
      if (HasFailure() && ++failures == failures_max) break;
    }
    std::cout << "[ cuts     ] " << whole.calls.size() << " writing calls; power cut " << points.size() << " times\n";
  }

  [[nodiscard]] std::string text_of_summary(const DiskSummary& summary) const {
    std::string text = summary.table + "\n" + summary.lease + "\n";
    for (const std::string& tree : summary.trees) text += tree + "\n";
    return text;
  }

  using Build = Result<RunReport> (*)(const BuildRequest&, Station&, RunPorts&);

  Cuttable build(const order::Work& work, const BuildRequest& request, Build act) {
    const auto open = [this] { return Station::open(shop.files, shop.path("power/station")); };
    const auto done = [this, &request, act, open]() -> std::optional<RunOutcome> {
      auto station = open();
      RunPorts ports = shop.ports();
      const auto report = station ? act(request, *station, ports) : Result<RunReport>(station.error());
      if (!report) std::cerr << report.error().text() << "\n";
      return report ? std::optional(report->outcome) : std::nullopt;
    };
    return {[done] { return done().has_value(); },
            [this, &work, open] {
              const Station station = *open();
              const auto voucher = shop.files.read(station.voucher_path(work.order), mebibytes(1));
              const auto receipt = station.receipt(work.order.text);
              const bool key_left = *shop.files.exists(shop.path("power/station/runs/") + work.order.text + "/device.key");
              return text_of_summary(shop.summary("power/disk.img", *station.escrow(work.order))) + (voucher ? *voucher : "no voucher") +
                     (receipt && *receipt ? "\nreceipt" : "\nno receipt") + (key_left ? "\nthe device key is still at the station" : "");
            },
            [done] { return done() == RunOutcome::NoChanges; }};
  }

  // A small operating system in a signed bundle.
  image::SystemBundle system_bundle(images::bundle::SystemKind kind) {
    constexpr const char* make = R"(set -e
mkdir -p root/etc root/usr/bin root/usr/lib/systemd/system
for unit in nftables systemd-networkd; do echo "[Unit]" > root/usr/lib/systemd/system/$unit.service; done
for i in $(seq 40); do head -c 50000 /dev/urandom > root/usr/bin/program$i; done
ln root/usr/bin/program1 root/usr/bin/again
ln -s usr/bin root/bin
tar --format=pax -C root -cf root.tar .
truncate -s 64M root.ext4
mke2fs -q -t ext4 -d root root.ext4
head -c 700000 /dev/urandom > vmlinuz)";
    std::ofstream(shop.path("make.sh")) << make;
    EXPECT_EQ(shop.run("sh make.sh").status, 0);
    const bool archive = kind == images::bundle::SystemKind::Archive;
    using images::bundle::EntryKind;
    const auto packed = images::bundle::pack_system(
        shop.files, {"tiny", "1", "amd64", {{EntryKind::File, "/boot/efi/vmlinuz", 0644, shop.path("vmlinuz"), {}}}},
        {kind, shop.path(archive ? "root.tar" : "root.ext4"), "", "/boot/efi/vmlinuz", "", ""}, shop.path("system.bundle"));
    EXPECT_TRUE(packed) << packed.error().text();
    EXPECT_TRUE(images::bundle::sign(shop.files, shop.path("system.bundle"), shop.release_key));
    return {shop.path("system.bundle"), {shop.release_key.public_key()}};
  }

  Workshop shop;
};

TEST_F(EveryWrite, OfAnApplyMayBeTheLastBeforeThePowerGoes) {
  const order::Work work = shop.small_work("power-apply");
  const BuildRequest request = shop.request(work, "power/disk.img");
  { Station made = shop.station("prepared/station", work); }
  cut_everywhere(build(work, request, apply_order));
}

TEST_F(EveryWrite, OfAnApplyWithAnOperatingSystemsArchiveMayBeTheLastBeforeThePowerGoes) {
  const order::Work work = shop.small_work("power-archive");
  BuildRequest request = shop.request(work, "power/disk.img");
  request.system = system_bundle(images::bundle::SystemKind::Archive);
  { Station made = shop.station("prepared/station", work); }
  cut_everywhere(build(work, request, apply_order));
}

TEST_F(EveryWrite, OfAnApplyWithAnOperatingSystemsImageMayBeTheLastBeforeThePowerGoes) {
  const order::Work work = shop.small_work("power-image");
  BuildRequest request = shop.request(work, "power/disk.img");
  request.system = system_bundle(images::bundle::SystemKind::Image);
  { Station made = shop.station("prepared/station", work); }
  cut_everywhere(build(work, request, apply_order));
}

TEST_F(EveryWrite, OfARetrofitMayBeTheLastBeforeThePowerGoes) {
  const order::Work work = shop.retrofit_work("power-retrofit");
  const BuildRequest request = shop.request(work, "power/disk.img");
  { Station made = shop.station("prepared/station", work); }
  ASSERT_NO_FATAL_FAILURE(shop.make_used_disk("prepared/disk.img"));
  cut_everywhere(build(work, request, retrofit_order));
}

// The lease takes the half of the disk in which the owner's journal lies: resize2fs has to move it.
TEST_F(EveryWrite, OfARetrofitThatMovesBlocksMayBeTheLastBeforeThePowerGoes) {
  order::Work work = shop.retrofit_work("power-move");
  work.lease = mebibytes(1600);
  const BuildRequest request = shop.request(work, "power/disk.img");
  { Station made = shop.station("prepared/station", work); }
  ASSERT_NO_FATAL_FAILURE(shop.make_used_disk("prepared/disk.img"));
  cut_everywhere(build(work, request, retrofit_order));
}

TEST_F(EveryWrite, OfAReleaseMayBeTheLastBeforeThePowerGoes) {
  const order::Work work = shop.small_work("power-release");
  Station factory = shop.station("factory", work);
  RunPorts real = shop.ports();
  ASSERT_EQ(std::system(("mkdir " + shop.path("prepared")).c_str()), 0);
  ASSERT_TRUE(apply_order(shop.request(work, "prepared/disk.img"), factory, real));
  shop.put_owner_files("prepared/disk.img", "customer");
  ReleaseRequest request;
  request.disk_path = shop.path("power/disk.img");
  request.authority.operator_name = "Olga";
  const auto release = [&]() -> Result<ReleaseReport> {
    RunPorts ports = shop.ports();
    auto station = Station::open_bare(shop.files, shop.path("power/station"));
    if (!station) return station.error();
    return release_disk(request, *station, ports);
  };
  cut_everywhere({[&] {
                    const auto report = release();
                    if (!report) std::cerr << report.error().text() << "\n";
                    return report.has_value();
                  },
                  [&] {
                    const auto report = release();
                    return text_of_summary(shop.summary("power/disk.img", {})) + (report ? report->receipt.owner_files_before.text + report->receipt.owner_files_after.text + report->receipt.freed.text() : "");
                  },
                  [&] {
                    const auto report = release();
                    return report && report->done_before;
                  }});
}

}  // namespace
}  // namespace provision::run
