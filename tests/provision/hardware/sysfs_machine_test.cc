// Goal: a machine is read as it is, whatever its kernel shows or hides. Method: recorded trees of unlike machines, whole and with
// one reading spoilt.
#include "provision/hardware/sysfs_machine.h"

#include "images/files/posix_files.h"
#include "provision/hardware/readings.h"
#include "tests/provision/hardware/recorded_machine.h"

namespace provision::hardware {
namespace {

using policies::terms::BackupPower;
using policies::terms::Modem;

TEST(SysfsMachine, ReadsADesktop) {
  const MachineFacts facts = RecordedMachine("home-pc").facts();
  ASSERT_TRUE(facts.identity);
  EXPECT_EQ(facts.identity->product, "Home PC");
  EXPECT_EQ(facts.identity->serial, "LB-1001");
  EXPECT_EQ(facts.processor_mhz, 1000);
  EXPECT_EQ(facts.processor_threads, 1U);
  EXPECT_EQ(facts.memory, mebibytes(256)) << "one module of two slots";
  EXPECT_EQ(facts.memory_source, MemorySource::Modules);
  std::vector<std::string> fixed;
  for (const BlockDevice& disk : facts.disks)
    if (!disk.removable) fixed.push_back(disk.name);
  EXPECT_EQ(fixed, (std::vector<std::string>{"sda"})) << "no loops, discs or floppies";
  EXPECT_EQ(facts.disks.front().serial, "5JX0ABCD");
  EXPECT_EQ(facts.disks.front().size, Bytes{40'020'664'320});
  ASSERT_EQ(facts.interfaces.size(), 1U);
  EXPECT_EQ(facts.interfaces.front().kind, InterfaceKind::Wired);
  EXPECT_TRUE(facts.power.empty()) << "the mouse's battery keeps no machine on";
  EXPECT_TRUE(facts.modems.empty());
  EXPECT_FALSE(facts.tpm_version);
}

TEST(SysfsMachine, FindsAUpsOnUsbAndTellsAModemFromItsPorts) {
  const MachineFacts facts = RecordedMachine("workstation").facts();
  ASSERT_EQ(facts.power.size(), 1U);
  EXPECT_EQ(facts.power[0].kind, BackupPower::Ups);
  EXPECT_EQ(facts.power[0].model, "American Power Conversion Back-UPS ES 700");
  EXPECT_EQ(facts.power[0].serial, "3B1234X56789");
  ASSERT_EQ(facts.modems.size(), 1U);
  EXPECT_EQ(facts.modems[0].kind, Modem::Cellular);
  EXPECT_EQ(facts.modems[0].name, "wwan0");
  EXPECT_EQ(facts.tpm_version, 2U);
  EXPECT_EQ(facts.processor_mhz, 1400) << "by its name, not by the clock of this moment";
  EXPECT_TRUE(facts.firmware_attributes);
  EXPECT_EQ(facts.leds.front(), "chassis:green:indicator");
  std::size_t wired = 0;
  for (const NetworkInterface& one : facts.interfaces) wired += one.kind == InterfaceKind::Wired ? 1 : 0;
  EXPECT_EQ(wired, 1U) << "a bridge has no device behind it";
}

TEST(SysfsMachine, FindsATelephoneModemOnUsbAndOnPci) {
  RecordedMachine usb("home-pc");
  for (const auto& [name, value] : {std::pair{"bInterfaceClass", "02\n"}, {"bInterfaceSubClass", "02\n"}, {"bInterfaceProtocol", "01\n"}})
    usb.set(std::string("sys/class/tty/ttyACM0/device/") + name, value);
  ASSERT_EQ(usb.facts().modems.size(), 1U);
  EXPECT_EQ(usb.facts().modems[0].kind, Modem::Telephone);
  RecordedMachine pci("home-pc");
  pci.set("sys/bus/pci/devices/0000:01:05.0/class", "0x070300\n");
  ASSERT_EQ(pci.facts().modems.size(), 1U);
  EXPECT_EQ(pci.facts().modems[0].name, "0000:01:05.0");
}

TEST(SysfsMachine, ReadsALaptopAServerAndAVirtualMachine) {
  const MachineFacts laptop = RecordedMachine("laptop").facts();
  ASSERT_EQ(laptop.power.size(), 1U) << "the second bay is empty";
  EXPECT_EQ(laptop.power[0].kind, BackupPower::Battery);
  EXPECT_EQ(laptop.processor_mhz, 1900) << "the driver's nominal speed";
  EXPECT_EQ(laptop.memory, gibibytes(16));
  EXPECT_EQ(laptop.disks.front().serial, "S41GNX0K123456");
  EXPECT_EQ(laptop.disks.front().wwn, "eui.0025388b71b12345");
  EXPECT_EQ(laptop.interfaces.back().kind, InterfaceKind::Wireless);

  const MachineFacts server = RecordedMachine("server").facts();
  EXPECT_EQ(server.memory, gibibytes(256)) << "sizes in the extended field";
  EXPECT_EQ(server.disks.size(), 4U) << "neither the RAID over them nor the mapper";
  EXPECT_EQ(server.interfaces.size(), 4U) << "nor the bond";
  EXPECT_EQ(server.power.front().kind, BackupPower::Ups);
  EXPECT_EQ(server.identity->product, "PowerEdge R740");

  const MachineFacts guest = RecordedMachine("virtual-machine").facts();
  EXPECT_FALSE(guest.identity);
  EXPECT_EQ(guest.memory_source, MemorySource::Kernel);
  EXPECT_EQ(guest.processor_mhz, 2400);
  EXPECT_EQ(guest.disks.front().serial, "vm-disk-1");
}

TEST(SysfsMachine, LeavesOutWhatCannotBeRead) {
  RecordedMachine machine("home-pc");
  machine.drop("sys/class/dmi/id/product_serial");  // as for anybody but root
  machine.set("sys/block/sda/size", "99999999999999999999\n");
  machine.set("sys/class/dmi/id/product_name", "To Be Filled By O.E.M.\n");
  machine.set("sys/firmware/dmi/entries/17-0/raw", std::string(3, '\x11'));
  machine.drop("proc/meminfo");
  const MachineFacts facts = machine.facts();
  EXPECT_TRUE(facts.identity->serial.empty());
  EXPECT_TRUE(facts.identity->product.empty()) << "what makers leave unfilled is no name";
  EXPECT_EQ(facts.memory_source, MemorySource::Unknown);
  for (const BlockDevice& disk : facts.disks) EXPECT_NE(disk.name, "sda");
}

TEST(SysfsMachine, RefusesAFolderThatIsNoMachine) {
  tests::fakes::MemoryFiles files;
  SysfsMachine machine(files, "/nothing");
  const auto facts = machine.read();
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::NotFound);
}

TEST(SysfsMachine, ReadsThisVeryMachineWithoutFailing) {
  images::files::PosixFiles files;
  SysfsMachine machine(files, "/");
  const auto facts = machine.read();
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_GT(facts->processor_threads, 0U);
  EXPECT_GT(facts->memory.count, 0U);
}

TEST(Readings, OfModulesAreThoseOfTheStandard) {
  const auto module = [](unsigned size, unsigned extended) {
    std::string bytes(0x22, '\0');
    bytes[0] = 17;
    bytes[1] = 0x22;
    bytes[0x0c] = static_cast<char>(size & 0xff);
    bytes[0x0d] = static_cast<char>(size >> 8);
    for (unsigned i = 0; i < 4; ++i) bytes[0x1c + i] = static_cast<char>(extended >> (8 * i) & 0xff);
    return bytes;
  };
  EXPECT_EQ(module_size(module(512, 0)), mebibytes(512));
  EXPECT_EQ(module_size(module(0x8000 | 512, 0)), kibibytes(512));
  EXPECT_EQ(module_size(module(0x7fff, 65536)), gibibytes(64));
  EXPECT_EQ(module_size(module(0, 0)), Bytes{0}) << "an empty slot";
  EXPECT_FALSE(module_size(module(0xffff, 0))) << "unknown";
  EXPECT_FALSE(module_size(module(512, 0).substr(0, 20))) << "cut off";
  EXPECT_FALSE(module_size(""));
}

TEST(Readings, OfNumbersAndListsRefuseNonsense) {
  EXPECT_EQ(count_of_list("0-3,5\n"), 5U);
  EXPECT_EQ(count_of_list("0"), 1U);
  for (const char* text : {"", "3-1", "0-99999999", "a", "-", "1-", "0-65535,0-65535"}) EXPECT_EQ(count_of_list(text), 0U) << text;
  EXPECT_EQ(megahertz_in_name("Intel(R) Core(TM) i5-8500 CPU @ 3.00GHz"), 3000);
  EXPECT_EQ(megahertz_in_name("Intel(R) Celeron(R) @ 750MHz"), 750);
  for (const char* text : {"AMD Ryzen 5 3600", "@", "@ GHz", "@ -1GHz", "@ 1e9GHz", "@ nanGHz"}) EXPECT_FALSE(megahertz_in_name(text)) << text;
  EXPECT_EQ(plain(std::string("a\x01\xff z \n")), "a?? z");
  EXPECT_EQ(plain(std::string(500, 'x')).size(), 128U);
}

}  // namespace
}  // namespace provision::hardware
