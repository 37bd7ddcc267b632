// Goal: the shipped program writes to the disk that was named and to no other, with the sectors that it has, and does what its
// plan and its picture said. Method: run it on images and on loop devices beside unnamed ones, whose bytes must stay.
#include <unistd.h>

#include <boost/json.hpp>

#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;
const std::string rules = " --rules " + sources + "/policies/rules";
const std::string ingredients = " --station station --bundle agent.bundle --bundle-key release.pem";
const std::string alice = sources + "/provision/order/examples/home-alice.yaml";

class DiskProgram : public testing::Test {
 protected:
  void SetUp() override { ok("leaseback-provision line init --station station"); }
  Workshop::Said ok(const std::string& command) {
    Workshop::Said said = shop.run(command);
    EXPECT_EQ(said.status, 0) << command << "\n" << said.out << said.err;
    return said;
  }
  boost::json::object json(const std::string& command) { return boost::json::parse(ok(command + " --json").out).as_object(); }
  std::string digest_of(const std::string& disk) {
    const auto digest = shop.disks.hash_region(shop.path(disk), {Bytes{0}, Bytes{*shop.files.size(shop.path(disk))}});
    return digest ? digest->text : digest.error().text();
  }
  static std::vector<std::string> texts(const boost::json::value& array) {
    std::vector<std::string> list;
    for (const auto& text : array.as_array()) list.emplace_back(text.as_string());
    return list;
  }
  std::string apply(const std::string& disk, const std::string& more) {
    return "leaseback-provision disk apply " + alice + " --disk " + disk + ingredients + rules + more;
  }

  Workshop shop;
};

TEST_F(DiskProgram, DoesWhatItsPlanSaid) {
  ok("truncate -s 40GB alice.img");
  ok("sh -c \"printf 'label: gpt\\nsize=1GiB,name=photos\\n' | sfdisk -q alice.img\"");
  const auto plan = json("leaseback-provision disk plan " + alice + " --disk alice.img --erase" + rules);
  const std::string before = digest_of("alice.img");
  EXPECT_EQ(texts(plan.at("deletions")), std::vector<std::string>{"partition 1 (photos, no known filesystem, 1 GiB)"});
  const auto rehearsed = json(apply("alice.img", " --erase --dry-run"));
  EXPECT_EQ(rehearsed.at("deletions"), plan.at("deletions"));
  EXPECT_EQ(digest_of("alice.img"), before);
  const auto applied = json(apply("alice.img", " --erase --yes"));
  std::vector<std::string> done = texts(applied.at("steps"));
  // The plan speaks of the disk; apply goes on with the files on it.
  ASSERT_GE(done.size(), texts(plan.at("steps")).size());
  done.resize(texts(plan.at("steps")).size());
  EXPECT_EQ(done, texts(plan.at("steps")));
  EXPECT_EQ(applied.at("partitions"), plan.at("partitions"));
}

TEST_F(DiskProgram, TouchesNoDiskThatWasNotNamed) {
  for (const char* other : {"bystander.img", "neighbour.img"}) {
    ok(std::string("truncate -s 40GB ") + other);
    ok(std::string("sh -c \"printf 'label: gpt\\nname=theirs\\n' | sfdisk -q ") + other + "\"");
  }
  const std::string bystander = digest_of("bystander.img");
  const std::string neighbour = digest_of("neighbour.img");
  ok(apply("alice.img", " --create-image"));
  EXPECT_EQ(digest_of("bystander.img"), bystander);
  EXPECT_EQ(digest_of("neighbour.img"), neighbour);
  const auto ambiguous = shop.run(apply("serial:no-such-disk", ""));
  EXPECT_EQ(ambiguous.status, 1);
  EXPECT_NE(ambiguous.err.find("serial:no-such-disk"), std::string::npos) << ambiguous.err;
}

TEST_F(DiskProgram, MakesImagesForLargeSectors) {
  ok(apply("large.img", " --create-image --sector-size 4096"));
  const auto facts = shop.disks.read(shop.path("large.img"));
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->sector_size, 4096U);
  EXPECT_EQ(ok(apply("large.img", "")).out, "No changes.\n");
  ok("leaseback-provision disk verify " + alice + " --disk large.img" + ingredients + rules);
  const auto refused = shop.run(apply("large.img", " --sector-size 512"));
  EXPECT_EQ(refused.status, 4) << refused.err;
  EXPECT_EQ(shop.run(apply("odd.img", " --create-image --sector-size 520")).status, 2);
}

class DiskProgramOnDevices : public DiskProgram, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "loop devices need root";
    DiskProgram::SetUp();
  }
  ~DiskProgramOnDevices() override {
    for (const std::string& device : devices_) (void)shop.run("losetup --detach " + device);
  }
  std::string attached(const std::string& image) {
    ok("truncate -s 40GB " + image);
    const auto made = shop.run("losetup --find --show --sector-size " + GetParam() + " " + image);
    if (made.status != 0) return {};
    devices_.push_back(made.out.substr(0, made.out.find('\n')));
    return devices_.back();
  }
  std::vector<std::string> devices_;
};

TEST_P(DiskProgramOnDevices, WritesToADeviceOnlyWhenItWasNamedTwice) {
  const std::string device = attached("named.img");
  const std::string other = attached("other.img");
  if (device.empty() || other.empty()) GTEST_SKIP() << "this machine makes no loop devices with sectors of " << GetParam();
  const std::string before = digest_of("other.img");
  const std::string blank = digest_of("named.img");
  for (const std::string& wrong : {std::string(), " --confirm " + other}) {
    const auto refused = shop.run(apply(device, wrong));
    EXPECT_EQ(refused.status, 4) << refused.err;
    EXPECT_EQ(digest_of("named.img"), blank);
  }
  const auto held = shop.run(apply("named.img", ""));
  EXPECT_EQ(held.status, 4) << "the image of an attached loop device is in use";
  EXPECT_NE(held.err.find(device.substr(5)), std::string::npos) << held.err;
  ok(apply(device, " --confirm " + device));
  EXPECT_EQ(ok(apply(device, " --confirm " + device)).out, "No changes.\n");
  EXPECT_NE(ok("sgdisk -v " + device).out.find("No problems found"), std::string::npos);
  EXPECT_EQ(digest_of("other.img"), before);
}

INSTANTIATE_TEST_SUITE_P(SectorsOf, DiskProgramOnDevices, testing::Values("512", "4096"), [](const auto& size) { return size.param; });

TEST_F(DiskProgram, DrawsItsPlanForABrowser) {
  ok("truncate -s 40GB alice.img");
  ok("sh -c \"printf 'label: gpt\\nname=\\\"<b>R&D</b>\\\"\\n' | sfdisk -q alice.img\"");
  ok("leaseback-provision disk plan " + alice + " --disk alice.img --erase --picture alice.svg" + rules);
  const std::string svg = *shop.files.read(shop.path("alice.svg"), mebibytes(1));
  EXPECT_NE(svg.find("deletes partition 1 (&lt;b&gt;R&amp;D&lt;/b&gt;"), std::string::npos) << svg;
  EXPECT_EQ(svg.find("<b>"), std::string::npos);
  ok("python3 -c \"import xml.etree.ElementTree as t; assert t.parse('alice.svg').getroot().tag.endswith('svg')\"");
}

}  // namespace
}  // namespace provision::run
