// Goal: the machine that was ordered passes, any other is refused with each difference named, and nothing is written before that.
// Method: recorded machines against the shipped orders, one part changed at a time; then the shipped program.
#include "provision/hardware/comparison.h"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "policies/terms/iana_zone.h"
#include "tests/provision/hardware/recorded_machine.h"

namespace provision::hardware {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;
const std::string examples = sources + "/provision/order/examples/";

order::Work work(const std::string& name) {
  static const policies::terms::IanaZoneRules zones;
  static const policies::loading::Rules rules = *policies::loading::load_rules(sources + "/policies/rules");
  auto made = order::work_for(rules, *policies::loading::load_order_file(examples + name + ".yaml", zones), "");
  EXPECT_TRUE(made) << made.error().text();
  return *made;
}

std::vector<std::string> refusals(const order::Work& of, RecordedMachine& machine) {
  std::vector<std::string> texts;
  for (const Difference& difference : differences(of, machine.facts()))
    if (difference.weight == Weight::Refusal) texts.push_back(text_of(difference));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(HardwareCheck, TakesTheMachinesThatWereOrdered) {
  RecordedMachine home("home-pc");
  EXPECT_EQ(refusals(work("home-alice"), home), Texts{});
  RecordedMachine office("workstation");
  EXPECT_EQ(refusals(work("business-grace"), office), Texts{});
  for (const Difference& difference : differences(work("business-grace"), office.facts())) ADD_FAILURE() << text_of(difference);
}

TEST(HardwareCheck, RefusesASmallerOrWrongDisk) {
  RecordedMachine machine("home-pc");
  machine.set("sys/block/sda/size", "39102336\n");
  EXPECT_EQ(refusals(work("home-alice"), machine), Texts{"disk: 40 GB ordered, 20 GB (sda, ST340014A, serial 5JX0ABCD) found"});
  machine.set("sys/block/sda/size", "156301488\n");
  EXPECT_EQ(refusals(work("home-alice"), machine).size(), 1U) << "a larger one is a wrong part, too";
  machine.set("sys/block/sda/removable", "1\n");
  EXPECT_EQ(refusals(work("home-alice"), machine), Texts{"disk: 40 GB ordered, none found"}) << "a stick is not the machine's disk";
}

TEST(HardwareCheck, RefusesLessMemoryAndASlowerProcessor) {
  RecordedMachine machine("home-pc");
  std::string module = *machine.files.read("/sys/firmware/dmi/entries/17-0/raw", kibibytes(1));
  module[0x0c] = static_cast<char>(128);
  module[0x0d] = 0;
  machine.set("sys/firmware/dmi/entries/17-0/raw", module);
  machine.set("proc/cpuinfo", "model name\t: Pentium III (Coppermine)\ncpu MHz\t\t: 745.2\n");
  const Texts found = refusals(work("home-alice"), machine);
  EXPECT_EQ(found, (Texts{"processor: 1 GHz ordered, 745 MHz (Pentium III (Coppermine)) found", "memory: 256 MB ordered, 128 MiB found"}));
}

TEST(HardwareCheck, RefusesMissingParts) {
  RecordedMachine machine("workstation");
  machine.drop("sys/class/tpm/tpm0/tpm_version_major");
  machine.drop("sys/bus/hid/devices/0003:051D:0002.0002/report_descriptor");
  machine.drop("sys/class/net/eno1/device/uevent");
  machine.set("sys/class/net/eno1/type", "65534\n");
  for (const char* port : {"wwan0", "wwan0mbim0", "wwan0at0"}) machine.drop(std::string("sys/class/wwan/") + port + "/uevent");
  order::Work grace = work("business-grace");
  grace.given.modem = policies::terms::Modem::Telephone;
  EXPECT_EQ(refusals(grace, machine),
            (Texts{"modem: telephone ordered, cellular (wwan0) found", "backup power: ups ordered, none found", "TPM: version 2 ordered, none found",
                   "wired network: 1 at least ordered, 0 found"}));
}

TEST(HardwareCheck, RefusesAnotherMachineAndAnotherModel) {
  RecordedMachine machine("home-pc");
  machine.set("sys/class/dmi/id/product_serial", "LB-1009\n");
  EXPECT_EQ(refusals(work("home-alice"), machine), Texts{"serial: LB-1001 ordered, LB-1009 found"});
  machine.set("sys/class/dmi/id/product_serial", "lb-1001\n");
  EXPECT_EQ(refusals(work("home-alice"), machine), Texts{}) << "letters of either case";
  order::Work alice = work("home-alice");
  alice.parts.products = {"Home PC 2"};
  EXPECT_EQ(refusals(alice, machine), Texts{"model: Home PC 2 ordered, Home PC found"});
}

TEST(HardwareCheck, OnlyNotesWhatIsMoreOrCannotBeRead) {
  RecordedMachine guest("virtual-machine");
  order::Work alice = work("home-alice");
  EXPECT_EQ(refusals(alice, guest), Texts{});
  std::string notes;
  for (const Difference& difference : differences(alice, guest.facts())) notes += text_of(difference) + "\n";
  for (const char* part : {"machine:", "processor:", "memory:", "TPM:", "firmware:"}) EXPECT_NE(notes.find(part), std::string::npos) << part << "\n" << notes;
  RecordedMachine laptop("laptop");
  notes.clear();
  for (const Difference& difference : differences(alice, laptop.facts()))
    if (difference.weight == Weight::Note) notes += text_of(difference) + "\n";
  EXPECT_NE(notes.find("backup power: none ordered, battery (BAT0, 01AV489) found"), std::string::npos) << notes;
}

TEST(HardwareCheck, WantsAWirelessInterfaceForAWirelessNetwork) {
  RecordedMachine machine("home-pc");
  order::Work alice = work("home-alice");
  alice.presets.wifi = network::Wifi{"home", ""};
  EXPECT_EQ(refusals(alice, machine), Texts{"wireless network: 1 at least ordered, 0 found"});
}

TEST(HardwareCheck, OfARetrofitTakesThePresentDiskToo) {
  RecordedMachine machine("home-pc");
  order::Work frank = work("home-frank-retrofit");
  frank.serial = "LB-1001";
  frank.given.memory = Bytes{256'000'000};
  frank.present->disk = Bytes{40'000'000'000};
  frank.given.disk = Bytes{80'000'000'000};
  EXPECT_EQ(refusals(frank, machine), Texts{});
}

TEST(HardwareCheck, TellsNothingLeasedNoIndicatorWhenDeclined) {
  const order::Work henry = work("home-henry-declined");
  EXPECT_EQ(henry.firmware.remote_wake, policies::terms::FirmwareWish::Off);
  EXPECT_EQ(henry.firmware.administrator_lock, policies::terms::FirmwareWish::Off);
  EXPECT_TRUE(henry.indicator_led.empty());
  EXPECT_EQ(work("business-grace").indicator_led, "chassis:green:indicator");
}

// The shipped program.
class MachineProgram : public testing::Test {
 protected:
  MachineProgram() {
    std::string name = testing::TempDir() + "machineXXXXXX";
    folder = mkdtemp(name.data());
  }
  ~MachineProgram() override { std::filesystem::remove_all(folder); }
  struct Said {
    int status = 0;
    std::string text;  // of both streams
  };
  Said run(const std::string& words) const {
    FILE* pipe = popen(("cd " + folder + " && " LEASEBACK_BINARY_DIR "/bin/leaseback-provision " + words + " 2>&1").c_str(), "r");
    Said said;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) said.text += static_cast<char>(c);
    said.status = WEXITSTATUS(pclose(pipe));
    return said;
  }
  std::string folder;
  const std::string rules = " --rules " + sources + "/policies/rules";
};

TEST_F(MachineProgram, SaysWhetherItIsTheMachine) {
  const Said fits = run("machine check " + examples + "home-alice.yaml --sysroot " + recorded_folder("home-pc") + rules);
  EXPECT_EQ(fits.status, 0) << fits.text;
  const Said other = run("machine check " + examples + "business-grace.yaml --json --sysroot " + recorded_folder("home-pc") + rules);
  EXPECT_EQ(other.status, 4) << other.text;
  const auto json = boost::json::parse(other.text).as_object();
  EXPECT_FALSE(json.at("fits").as_bool());
  EXPECT_GE(json.at("differences").as_array().size(), 5U);
  EXPECT_EQ(json.at("machine").at("identity").at("serial").as_string(), "LB-1001");
  const Said none = run("machine check " + examples + "home-alice.yaml --sysroot nowhere" + rules);
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.text.find("there is no machine to read in 'nowhere'"), std::string::npos);
}

TEST_F(MachineProgram, RecordsWhatItReadsAndReadsItsRecordAlike) {
  for (const char* name : {"home-pc", "workstation", "laptop", "server", "virtual-machine"}) {
    const std::string record = std::string("record-") + name;
    ASSERT_EQ(run("machine record --into " + record + " --sysroot " + recorded_folder(name)).status, 0);
    const std::string check = "machine check " + examples + "home-alice.yaml --json" + rules + " --sysroot ";
    EXPECT_EQ(run(check + record).text, run(check + recorded_folder(name)).text) << name;
    EXPECT_EQ(run("machine record --into " + record + " --sysroot " + recorded_folder(name)).status, 1) << "never two machines in one record";
  }
}

TEST_F(MachineProgram, StopsTheRunBeforeAnythingIsWritten) {
  ASSERT_EQ(run("line init --station station").status, 0);
  const std::string apply = "disk apply " + examples + "home-henry-declined.yaml --disk henry.img --create-image --station station" + rules + " --machine ";
  const Said refused = run(apply + recorded_folder("home-pc"));
  EXPECT_EQ(refused.status, 4) << refused.text;
  EXPECT_NE(refused.text.find("this is not the machine of order home-henry-declined: serial: LB-1005 ordered, LB-1001 found"), std::string::npos) << refused.text;
  EXPECT_NE(refused.text.find("disk: 20 GB ordered"), std::string::npos) << refused.text;
  EXPECT_FALSE(std::filesystem::exists(folder + "/henry.img"));
  EXPECT_TRUE(std::filesystem::is_empty(folder + "/station/runs"));
}

}  // namespace
}  // namespace provision::hardware
