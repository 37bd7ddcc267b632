// Goal: an owner's disk arrives whole on a larger one, whatever is cut, and the old one stays as it was; a begun retrofit can be taken
// back; hostile tables are named and left alone. Method: the shipped program and other people's tools on images; the power cut at
// each call that changes something.
#include <boost/json.hpp>

#include "provision/run/move_run.h"
#include "provision/run/table_restore.h"
#include "tests/provision/run/cut_ports.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;
const std::string rules = " --rules " + sources + "/policies/rules";
const std::string frank = sources + "/provision/order/examples/home-frank-retrofit.yaml";
const std::string alice = sources + "/provision/order/examples/home-alice.yaml";
const std::string ingredients = " --station station --bundle agent.bundle --bundle-key release.pem";

// The used disk of the workshop, and an order whose disk is twice as large.
order::Work move_work(const Workshop& shop) {
  order::Work work = shop.retrofit_work("moved");
  work.given.disk = Bytes{2 * used_disk_size.count};
  return work;
}

std::string digest_of(Workshop& shop, const std::string& disk) {
  const auto digest = shop.disks.hash_region(shop.path(disk), {Bytes{0}, Bytes{*shop.files.size(shop.path(disk))}});
  return digest ? digest->text : digest.error().text();
}

MoveOrder move_of(Workshop& shop, const order::Work& work) { return {shop.request(work, "new.img"), shop.path("old.img")}; }

TEST(Move, BringsEverythingToTheNewDiskAndLeasesThere) {
  Workshop shop;
  shop.make_used_disk("old.img");
  const std::string old = digest_of(shop, "old.img");
  const order::Work work = move_work(shop);
  Station station = shop.station("station", work);
  RunPorts ports = shop.ports();
  const auto rehearsed = rehearse_move(move_of(shop, work), station, ports);
  ASSERT_TRUE(rehearsed) << rehearsed.error().text();
  EXPECT_FALSE(*shop.files.exists(shop.path("new.img")));
  const auto report = move_order(move_of(shop, work), station, ports);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(digest_of(shop, "old.img"), old);
  const disk::DiskFacts before = *shop.disks.read(shop.path("old.img"));
  const disk::DiskFacts after = *shop.disks.read(shop.path("new.img"));
  ASSERT_EQ(after.partitions.size(), before.partitions.size() + 1);
  EXPECT_EQ(after.disk_uuid, before.disk_uuid);
  ASSERT_NE(after.lease(), nullptr);
  const disk::PartitionFacts& home = after.partitions[after.partitions.size() - 2];
  EXPECT_EQ(home.extent.end(), after.lease()->extent.start);
  EXPECT_GT(home.extent.size, before.partitions.back().extent.size);
  EXPECT_GT(home.filesystem.size + mebibytes(16), home.extent.size);
  EXPECT_EQ(shop.summary("new.img", {}).trees.back(), shop.summary("old.img", {}).trees.back());
  EXPECT_EQ(shop.run("sgdisk -v new.img | grep -q 'No problems found'").status, 0);
  // The old disk is not needed any more.
  ASSERT_EQ(std::system(("rm " + shop.path("old.img")).c_str()), 0);
  const auto again = move_order(move_of(shop, work), station, ports);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->outcome, RunOutcome::NoChanges);
}

TEST(Move, OfADeclinedOrderIsTheLargerDiskAlone) {
  Workshop shop;
  shop.make_used_disk("old.img");
  order::Work work = move_work(shop);
  work.agent = order::AgentChoice::None;
  work.lease = {};
  Station station = shop.station("station", work);
  RunPorts ports = shop.ports();
  const auto report = move_order(move_of(shop, work), station, ports);
  ASSERT_TRUE(report) << report.error().text();
  const disk::DiskFacts after = *shop.disks.read(shop.path("new.img"));
  EXPECT_EQ(after.lease(), nullptr);
  EXPECT_GT(after.partitions.back().extent.end() + mebibytes(2), Bytes{2 * used_disk_size.count});
  EXPECT_EQ(shop.summary("new.img", {}).trees, shop.summary("old.img", {}).trees);
}

TEST(Move, RefusesAFullNewDiskAndAnOldOneThatIsDueForACheck) {
  Workshop shop;
  shop.make_used_disk("old.img");
  const order::Work work = move_work(shop);
  Station station = shop.station("station", work);
  RunPorts ports = shop.ports();
  shop.copy("old.img", "new.img");
  ASSERT_EQ(shop.run("truncate -s " + std::to_string(2 * used_disk_size.count) + " new.img").status, 0);
  const std::string full = digest_of(shop, "new.img");
  const auto refused = move_order(move_of(shop, work), station, ports);
  ASSERT_FALSE(refused);
  EXPECT_EQ(digest_of(shop, "new.img"), full);
  ASSERT_EQ(shop.run("rm new.img").status, 0);
  const disk::Extent home = shop.disks.read(shop.path("old.img"))->partitions.back().extent;
  ASSERT_EQ(shop.run("debugfs -w -R 'ssv state 2' 'old.img?offset=" + std::to_string(home.start.count) + "'").status, 0);
  const auto due = move_order(move_of(shop, work), station, ports);
  ASSERT_FALSE(due);
  EXPECT_NE(due.error().text().find("due for a check"), std::string::npos) << due.error().text();
  EXPECT_FALSE(*shop.files.exists(shop.path("new.img")));
}

TEST(Move, IsFinishedByTheNextRunWhereverItIsCut) {
  Workshop shop;
  shop.make_used_disk("old.img");
  const std::string old = digest_of(shop, "old.img");
  const order::Work work = move_work(shop);
  const auto run = [&](const std::string& station_name, Power& power) -> Result<RunReport> {
    CutFiles files(shop.files, power);
    CutDisks disks(shop.disks, power);
    CutProcesses processes(shop.processes, power);
    RunPorts ports{files, disks, processes, shop.clock, shop.progress};
    auto station = Station::open(files, shop.path(station_name));
    if (!station) return station.error();
    return move_order(move_of(shop, work), *station, ports);
  };
  Power uncut;
  { Station made = shop.station("whole", work); }
  const auto whole = run("whole", uncut);
  ASSERT_TRUE(whole) << whole.error().text();
  const DiskSummary wanted = shop.summary("new.img", {});
  int cuts = 0;
  // The second half is the retrofit's own, cut everywhere in cut_test.cc.
  std::uint64_t points = 0;
  while (points < uncut.calls && uncut.names[points] != "resize_ext4") ++points;
  for (std::uint64_t point = 1; point <= points + 8 && point <= uncut.calls; ++point) {
    SCOPED_TRACE("cut before call " + std::to_string(point) + ": " + uncut.names[point - 1]);
    ASSERT_EQ(std::system(("rm -rf " + shop.path("cut") + " " + shop.path("new.img")).c_str()), 0);
    { Station made = shop.station("cut", work); }
    Power power{.calls = 0, .cut_at = point, .names = {}};
    ASSERT_FALSE(run("cut", power));
    Power on;
    const auto resumed = run("cut", on);
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_EQ(shop.summary("new.img", {}), wanted);
    ++cuts;
  }
  EXPECT_EQ(digest_of(shop, "old.img"), old);
  std::cout << "[ cuts     ] " << cuts << " cuts, each finished by the next run\n";
}

TEST(TableRestore, TakesABegunRetrofitBack) {
  Workshop shop;
  shop.make_used_disk("old.img");
  const order::Work work = shop.retrofit_work("undone");
  const DiskSummary before = shop.summary("old.img", {});
  { Station made = shop.station("station", work); }
  Power power;
  CutFiles files(shop.files, power);
  CutDisks disks(shop.disks, power);
  CutProcesses processes(shop.processes, power);
  RunPorts ports{files, disks, processes, shop.clock, shop.progress};
  Station station = *Station::open(files, shop.path("station"));
  // Cut when the lease is on the disk and the files are not.
  Power uncut;
  const BuildRequest request = shop.request(work, "old.img");
  power.cut_at = UINT64_MAX;
  {
    Power counted;
    CutFiles counted_files(shop.files, counted);
    CutDisks counted_disks(shop.disks, counted);
    RunPorts counted_ports{counted_files, counted_disks, processes, shop.clock, shop.progress};
    shop.copy("old.img", "spare.img");
    shop.copy("station", "spare");
    Station spare = *Station::open(counted_files, shop.path("spare"));
    ASSERT_TRUE(retrofit_order(shop.request(work, "spare.img"), spare, counted_ports));
    const auto format = std::find(counted.names.begin(), counted.names.end(), "format");
    ASSERT_NE(format, counted.names.end());
    power.cut_at = static_cast<std::uint64_t>(format - counted.names.begin()) + 2;
  }
  power.calls = 0;
  ASSERT_FALSE(retrofit_order(request, station, ports));
  ASSERT_NE(shop.disks.read(shop.path("old.img"))->lease(), nullptr);
  power.cut_at = 0;
  const auto restored = restore_table_of_run("undone", shop.path("old.img"), {}, station, ports);
  ASSERT_TRUE(restored) << restored.error().text();
  const DiskSummary after = shop.summary("old.img", {});
  EXPECT_EQ(after.table, before.table);
  EXPECT_EQ(after.trees, before.trees);
  EXPECT_FALSE(restore_table_of_run("never", shop.path("old.img"), {}, station, ports));
}

// One hostile table each: a name, what makes it of an image of 20 GB with a good GPT, and what the error must speak of.
struct HostileTable {
  std::string name;
  std::string make;  // python3, with `d` the image opened for update, and crc(bytes)
  std::string says;
};

TEST(HostileTables, AreNamedByPlaceAndValueAndLeftAlone) {
  Workshop shop;
  ASSERT_EQ(shop.run("leaseback-provision line init --station station").status, 0);
  const std::string prelude =
      "import struct,zlib\nN=20000000000//512\nd=open('bad.img','r+b')\n"
      "def rd(s,n=1):\n d.seek(s*512); return bytearray(d.read(512*n))\n"
      "def wr(s,b):\n d.seek(s*512); d.write(bytes(b))\n"
      "def seal(s):\n h=rd(s); e=struct.unpack_from('<Q',h,72)[0]; struct.pack_into('<I',h,88,zlib.crc32(bytes(rd(e,32)))); "
      "struct.pack_into('<I',h,16,0); struct.pack_into('<I',h,16,zlib.crc32(bytes(h[:92]))); wr(s,h)\n"
      "def both(f):\n for s in (1,N-1): f(s); seal(s)\n"
      "def entry(i,a,b):\n def f(s):\n  e=struct.unpack_from('<Q',rd(s),72)[0]; t=rd(e,32); t[i*128:i*128+16]=b'T'*16; struct.pack_into('<QQ',t,i*128+32,a,b); wr(e,t)\n both(f)\n"
      "def head(at,fmt,v):\n def f(s):\n  h=rd(s); struct.pack_into(fmt,h,at,v); struct.pack_into('<I',h,16,0); struct.pack_into('<I',h,16,zlib.crc32(bytes(h[:92]))); wr(s,h)\n for s in (1,N-1): f(s)\n"
      "def mbr(s,i,t,a,n):\n b=rd(s); struct.pack_into('<BBBBBBBBII',b,446+16*i,0,0,0,0,t,0,0,0,a,n); b[510:512]=b'\\x55\\xaa'; wr(s,b)\n";
  const std::vector<HostileTable> tables = {
      {"overlap", "entry(0,2048,90000); entry(1,80000,100000)", "overlap"},
      {"beyond the disk", "entry(0,2048,N+5)", "are usable"},
      {"2^63 sectors", "entry(0,2048,1<<63)", "9223372036854775808"},
      {"backwards", "entry(0,90000,2048)", "claims sectors 90000 to 2048"},
      {"both headers' checksums", "[wr(s,rd(s)[:60]+b'x'*8+rd(s)[68:]) for s in (1,N-1)]", "has the checksum"},
      {"both arrays' checksums", "wr(2,b'x'*512); wr(N-33,b'x'*512)", "the array of GPT entries"},
      {"too many entries", "head(80,'<I',0xffffffff)", "4294967295 entries"},
      {"giant entries", "head(84,'<I',1<<30)", "1073741824 bytes"},
      {"usable beyond the disk", "head(48,'<Q',1<<63)", "usable on a disk"},
      {"hybrid", "mbr(0,1,0x83,4096,100)", "a hybrid"},
      {"MBR beyond the disk", "wr(0,bytes(512)); mbr(0,0,0x83,2048,0xffffffff)", "entry 1 of the MBR claims"},
      {"MBR loop", "wr(0,bytes(512)); mbr(0,0,5,2048,100000); mbr(2048,1,5,0,10)", "leads back to sector 2048"}};
  for (const HostileTable& table : tables) {
    SCOPED_TRACE(table.name);
    ASSERT_EQ(shop.run("sh -c \"rm -f bad.img; truncate -s 20GB bad.img; printf 'label: gpt\\nname=theirs\\n' | sfdisk -q bad.img\"").status, 0);
    ASSERT_TRUE(shop.files.replace(shop.path("hostile.py"), prelude + table.make + "\nd.close()\n", images::files::Access::Everyone));
    const auto made = shop.run("python3 hostile.py");
    ASSERT_EQ(made.status, 0) << made.err;
    const std::string before = digest_of(shop, "bad.img");
    const auto shown = shop.run("leaseback-provision disk show bad.img");
    EXPECT_NE(shown.out.find(table.says), std::string::npos) << shown.out << shown.err;
    for (const std::string& command : {"leaseback-provision disk retrofit " + frank + " --disk bad.img" + ingredients + rules,
                                       "leaseback-provision disk move " + frank + " --from bad.img --disk new.img --create-image" + ingredients + rules}) {
      const auto refused = shop.run(command);
      EXPECT_TRUE(refused.status == 1 || refused.status == 4) << refused.status << refused.err;
      EXPECT_NE(refused.err.find(table.says), std::string::npos) << refused.err;
      EXPECT_NE(refused.err.find("bad.img"), std::string::npos) << refused.err;
      EXPECT_NE(refused.err.find("restore"), std::string::npos) << refused.err;
      EXPECT_EQ(digest_of(shop, "bad.img"), before);
      EXPECT_FALSE(*shop.files.exists(shop.path("new.img")));
    }
  }
}

}  // namespace
}  // namespace provision::run
