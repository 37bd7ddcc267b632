// Goal: the shipped program turns a folder of orders into disks side by side, says so in figures, puts failed disks aside, goes on
// after it was killed, and hands over one file. Method: real program, sparse images, a station; kills at moments from a seed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <sstream>

#include "agent/contract/line_export.h"
#include "images/keys/key_files.h"
#include "images/keys/statement.h"
#include "policies/vocabulary/random.h"
#include "provision/run/abandon.h"
#include "provision/run/identity.h"
#include "provision/run/quarantine.h"
#include "tests/provision/run/cut_ports.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const std::string sources = LEASEBACK_SOURCE_DIR;
const std::string rules = " --rules " + sources + "/policies/rules";
const std::string bundle = " --bundle agent.bundle --bundle-key release.pem";

class LineProgram : public testing::Test {
 protected:
  void SetUp() override {
    ok("mkdir orders disks");
    ok("leaseback-provision line init --station st --line line-7");
  }
  Workshop::Said ok(const std::string& command) const {
    Workshop::Said said = shop.run(command);
    EXPECT_EQ(said.status, 0) << command << "\n" << said.out << said.err;
    return said;
  }
  static std::string serial(int number) { return "LB-" + std::to_string(2000 + number); }
  void order(int number, const std::string& lease) const {
    ok("sh -c \"sed 's/^order: .*/order: home-" + std::to_string(number) + "/; s/LB-1001/" + serial(number) + "/; s/^lease: .*/lease: " + lease + "/' " +
       sources + "/provision/order/examples/home-alice.yaml > orders/home-" + std::to_string(number) + ".yaml\"");
  }
  void disk(int number, const std::string& size) const { ok("truncate -s " + size + " disks/" + serial(number) + ".img"); }
  [[nodiscard]] std::string verify(int number) const {
    return "leaseback-provision disk verify orders/home-" + std::to_string(number) + ".yaml --disk disks/" + serial(number) + ".img --station st" + rules;
  }

  const std::string line_run = "leaseback-provision line run --orders orders --disks 'disks/*' --station st" + rules;
  Workshop shop;
};

TEST_F(LineProgram, FinishesWhatItCanAndSaysWhyNotTheRest) {
  for (int i = 0; i < 4; ++i) {
    order(i, "declined-at-order");
    disk(i, i == 2 ? "4GB" : "20GB");
  }
  disk(9, "20GB");
  const Workshop::Said said = shop.run(line_run + " --jobs 3");
  EXPECT_EQ(said.status, 3) << said.out << said.err;
  EXPECT_THAT(said.out, HasSubstr("3 finished, 1 failed"));
  EXPECT_THAT(said.out, HasSubstr("disks/LB-2002.img (orders/home-2.yaml):"));
  EXPECT_THAT(said.out, HasSubstr("disks/LB-2000.img: read everything back"));
  EXPECT_THAT(said.err, HasSubstr("no order for disks/LB-2009.img"));
  for (const int number : {0, 1, 3}) {
    ok(verify(number));
    EXPECT_THAT(ok("sgdisk -v disks/" + serial(number) + ".img").out, HasSubstr("No problems found"));
  }
  for (const int number : {2, 9}) EXPECT_THAT(ok("du --block-size=1 disks/" + serial(number) + ".img").out, testing::StartsWith("0\t")) << "not one byte was written";

  const Workshop::Said again = shop.run(line_run + " --jobs 1 --json");
  EXPECT_EQ(again.status, 3);
  std::istringstream lines(again.out);
  int unchanged = 0;
  for (std::string one; std::getline(lines, one);) {
    const json::object event = json::parse(one).as_object();
    EXPECT_TRUE(event.contains("disk") && event.contains("order") && event.contains("at"));
    if (event.at("state").as_string() == "unchanged") ++unchanged;
  }
  EXPECT_EQ(unchanged, 3);

  const json::object report = json::parse(ok("leaseback-provision station report --station st --json").out).as_object();
  EXPECT_EQ(report.at("attempts").as_int64(), 8);
  EXPECT_EQ(report.at("outcomes").as_object().at("finished").as_int64(), 3);
  EXPECT_EQ(report.at("outcomes").as_object().at("failed").as_int64(), 2);
  EXPECT_EQ(report.at("runs").as_object().at("apply finished").as_int64(), 3);
  const json::object failure = report.at("failures").as_array().at(0).as_object();
  EXPECT_EQ(failure.at("cause").as_string(), "refused");
  EXPECT_EQ(failure.at("count").as_int64(), 2);
  EXPECT_THAT(std::string(failure.at("last_reason").as_string()), HasSubstr("4 GB"));
  EXPECT_THAT(ok("leaseback-provision station report --station st").out, HasSubstr("8 attempts of the line"));
}

TEST_F(LineProgram, GoesOnAfterItWasKilled) {
  for (int i = 0; i < 3; ++i) {
    order(i, "declined-at-order");
    disk(i, "20GB");
  }
  Random random(20261121);
  int killed = 0;
  for (int round = 0; round < 4; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const std::string command = "cd " + shop.path("") + " && PATH=" LEASEBACK_BINARY_DIR "/bin:$PATH exec " + line_run + " --jobs 2 >/dev/null 2>&1";
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    // The moment is chance; whatever was under way then, the next run must finish it.
    ::usleep(static_cast<useconds_t>(random.below(400'000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) ++killed;
  }
  // Its runs were killed with it, but the kernel takes a moment to end them: until then their locks stand.
  Workshop::Said said;
  for (int patience = 0; patience < 100; ++patience) {
    said = shop.run(line_run + " --jobs 2");
    if ((said.out + said.err).find("another program is at work") == std::string::npos) break;
  }
  EXPECT_EQ(said.status, 0) << said.out << said.err;
  for (int i = 0; i < 3; ++i) ok(verify(i));
  std::cout << "[ kills    ] " << killed << " of 4 lines were killed before their end\n";
}

TEST_F(LineProgram, TakesAListAndExportsVouchersAndReceiptsAsOneSignedFile) {
  order(0, "open-until-first-boot");
  order(1, "declined-at-order");
  ok("sh -c \"printf 'disks:\\n  - {order: orders/home-0.yaml, disk: disks/a.img}\\n  - {order: orders/home-1.yaml, disk: disks/b.img}\\n' > list.yaml\"");
  ok("leaseback-provision line run list.yaml --station st --jobs 2 --create-image" + bundle + rules);
  ok("leaseback-provision line export --station st --out line.export");
  const auto read = agent::contract::line_export_from(*shop.files.read(shop.path("line.export"), mebibytes(1)));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->facts.line, "line-7");
  ASSERT_EQ(read->items.vouchers.size(), 1U) << "who declined has no machine that the controller knows";
  ASSERT_EQ(read->items.receipts.size(), 1U);
  const auto key = images::keys::read_public_key(shop.files, shop.path("st/line.pem"));
  EXPECT_TRUE(images::keys::verify_statement(*images::keys::parse_statement(read->statement), *key, agent::contract::line_export_type));
  const auto voucher = voucher_facts(read->items.vouchers[0], *key);
  ASSERT_TRUE(voucher);
  EXPECT_EQ(voucher->serial, serial(0));
  ok("leaseback-image key make --kind machine --out controller.key");
  ok("leaseback-provision line export --station st --out escrowed.export --escrow-key controller.pub");
  const auto escrowed = agent::contract::line_export_from(*shop.files.read(shop.path("escrowed.export"), mebibytes(1)));
  ASSERT_TRUE(escrowed && escrowed->items.escrows.size() == 1);
  const auto sealed = images::keys::parse_statement(escrowed->items.escrows[0]);
  EXPECT_TRUE(images::keys::verify_statement(*sealed, *key, agent::contract::escrow_type));
  EXPECT_EQ(agent::contract::escrow_from(sealed->payload)->machine, voucher->machine);
  EXPECT_THAT(ok("leaseback-provision line export --station st --out later.export --since 2100-01-01T00:00:00Z").out, HasSubstr("0 vouchers"));
}

// The disk lies about what it holds, from a chosen call on.
class LyingDisks final : public CutDisks {
 public:
  using CutDisks::CutDisks;
  bool lies = false;
  Result<bool> slot_opens(const std::string& path, const disk::Extent& partition, std::uint32_t slot, const std::string& key) override {
    return lies ? Result<bool>(false) : CutDisks::slot_opens(path, partition, slot, key);
  }
};

TEST(Quarantine, PutsADiskAsideThatDoesNotReadBackUntilANamedOperatorTakesItBack) {
  Workshop shop;
  const order::Work work = shop.small_work("lied-to");
  Station station = shop.station("st", work);
  Power power;
  LyingDisks disks(shop.disks, power);
  disks.lies = true;
  RunPorts ports{shop.files, disks, shop.processes, shop.clock, shop.progress};
  const BuildRequest request = shop.request(work, "bad.img");
  const auto failed = apply_order(request, station, ports);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().text(), HasSubstr("the disk is in quarantine, and bears a note"));
  EXPECT_FALSE(*shop.files.exists(station.voucher_path(work.order)));
  disks.lies = false;

  const auto mark = quarantine_mark_from(*shop.disks.read_note(shop.path("bad.img")));
  ASSERT_TRUE(mark) << mark.error().text();
  EXPECT_EQ(mark->order, "lied-to");
  EXPECT_EQ(mark->line, "line-1");
  EXPECT_EQ(station.runs()->at(0).state, "quarantined");
  const auto bytes = [&] { return shop.disks.hash_region(shop.path("bad.img"), {Bytes{0}, gibibytes(1)})->text; };
  const std::string before = bytes();
  for (const auto act : {apply_order, rehearse_order}) {
    const auto refused = act(request, station, ports);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("quarantine clear lied-to"));
  }
  const order::Work other = shop.small_work("another-order");
  Station elsewhere = shop.station("other", other);
  BuildRequest erased = shop.request(other, "bad.img");
  erased.existing = disk::ExistingContent::Erase;
  const auto moved = apply_order(erased, elsewhere, ports);
  ASSERT_FALSE(moved);
  EXPECT_THAT(moved.error().text(), HasSubstr("order lied-to failed on it")) << "the note goes where the disk goes";
  EXPECT_EQ(bytes(), before) << "what is refused writes nothing";
  EXPECT_THAT(verify_order(request, station, ports)->findings, testing::Contains(HasSubstr("in quarantine")));

  ClearRequest clear{"lied-to", "", "tested again", shop.path("bad.img"), {}};
  EXPECT_EQ(clear_quarantine(clear, station, ports).error().code, ErrorCode::InvalidInput);
  clear.operator_name = "Olga";
  ASSERT_TRUE(clear_quarantine(clear, station, ports));
  EXPECT_EQ(*shop.disks.read_note(shop.path("bad.img")), "");
  const auto finished = apply_order(request, station, ports);
  ASSERT_TRUE(finished) << finished.error().text();
  EXPECT_EQ(station.runs()->at(0).state, "finished");
  const auto journal = Journal::read(shop.files, shop.path("st/runs/lied-to/journal"));
  EXPECT_EQ(journal->last(EntryKind::Fact, quarantine_cleared)->facts.at("operator"), "Olga");
  EXPECT_EQ(clear_quarantine({"lied-to", "Olga", "again", {}, {}}, station, ports).error().code, ErrorCode::Conflict);
}

TEST(Quarantine, IsNotForCutsAndFullStations) {
  for (const ErrorCode cause : {ErrorCode::Interrupted, ErrorCode::OutOfSpace, ErrorCode::NotFound, ErrorCode::Refused, ErrorCode::InvalidInput})
    EXPECT_FALSE(speaks_against_disk(cause)) << name_of(cause);
  const auto failure = [](const char* cause) { return Entry{EntryKind::Failure, "layout", {{"reason", "r"}, {"cause", cause}}, {}}; };
  const Entry cleared{EntryKind::Fact, quarantine_cleared, {}, {}};
  EXPECT_FALSE(quarantine_of({failure("interrupted")}));
  EXPECT_TRUE(quarantine_of({failure("corrupt"), failure("interrupted")}));
  EXPECT_FALSE(quarantine_of({failure("corrupt"), cleared}));
  EXPECT_TRUE(quarantine_of({failure("corrupt"), cleared, failure("io-failure")}));
}

TEST(Abandon, DestroysTheKeysKeepsTheRecordAndLetsTheOrderBeginAgain) {
  Workshop shop;
  const order::Work work = shop.small_work("broken");
  Station station = shop.station("st", work);
  Power power{.calls = 0, .cut_at = 25, .names = {}};
  CutFiles files(shop.files, power);
  CutDisks disks(shop.disks, power);
  RunPorts cut{files, disks, shop.processes, shop.clock, shop.progress};
  ASSERT_FALSE(apply_order(shop.request(work, "first.img"), station, cut));
  EXPECT_EQ(abandon_run({"broken", "", "died"}, station, shop.clock).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(abandon_run({"nothing", "Olga", "died"}, station, shop.clock).error().code, ErrorCode::NotFound);

  for (std::uint64_t point = 1; point < 20; ++point) {
    Power off{.calls = 0, .cut_at = point, .names = {}};
    CutFiles failing(shop.files, off);
    Station cut_station = *Station::open(failing, shop.path("st"));
    const auto kept = abandon_run({"broken", "Olga", "drive died"}, cut_station, shop.clock);
    if (kept) {
      EXPECT_EQ(*kept, "broken.abandoned-1");
      break;
    }
    const auto journal = Journal::read(shop.files, shop.path("st/runs/broken/journal"));
    if (!journal || !journal->has(EntryKind::Fact, abandoned_fact)) continue;
    RunPorts ports = shop.ports();
    EXPECT_EQ(apply_order(shop.request(work, "first.img"), station, ports).error().code, ErrorCode::Refused) << "cut at " << point;
  }
  EXPECT_FALSE(*shop.files.exists(station.escrow_path(work.order)));
  EXPECT_FALSE(*shop.files.exists(shop.path("st/runs/broken.abandoned-1/device.key")));
  RunPorts ports = shop.ports();
  const auto second = apply_order(shop.request(work, "second.img"), station, ports);
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(abandon_run({"broken", "Olga", "no"}, station, shop.clock).error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace provision::run
