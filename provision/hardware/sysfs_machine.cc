#include "provision/hardware/sysfs_machine.h"

#include <algorithm>
#include <array>

#include "provision/hardware/readings.h"

namespace provision::hardware {
namespace {

using policies::terms::BackupPower;
using policies::terms::Modem;

constexpr Bytes reading_max = kibibytes(256);  // /proc/cpuinfo of a large server
constexpr std::size_t names_max = 2048;
constexpr std::size_t readings_max = 20'000;

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return name.starts_with(start); });
}

}  // namespace

SysfsMachine::SysfsMachine(images::files::Files& files, std::string root) : files_(files), root_(std::move(root)) {
  while (root_.ends_with('/')) root_.pop_back();
}

// What the kernel refuses to read is as if it were not there: half of sysfs answers EINVAL or EACCES at times.
std::optional<std::string> SysfsMachine::bytes(const std::string& path) {
  if (readings_.size() > readings_max) return std::nullopt;
  auto read = files_.read(root_ + "/" + path, reading_max);
  if (!read) return std::nullopt;
  readings_[path] = *read;
  return std::move(*read);
}

std::string SysfsMachine::text(const std::string& path) { return plain(bytes(path).value_or("")); }

std::vector<std::string> SysfsMachine::names(const std::string& path) {
  auto listed = files_.list(root_ + "/" + path);
  if (!listed) return {};
  if (listed->size() > names_max) listed->resize(names_max);
  if (listed->empty()) readings_[path + "/"] = "";
  return std::move(*listed);
}

bool SysfsMachine::there(const std::string& path) {
  const auto listed = files_.list(root_ + "/" + path);
  if (listed && readings_.size() < readings_max) readings_.emplace(path + "/", "");
  return listed.has_value();
}

Result<MachineFacts> SysfsMachine::read() {
  if (!files_.list(root_ + "/sys"))
    return Error{ErrorCode::NotFound, "there is no machine to read in '" + (root_.empty() ? "/" : root_) + "': it has no folder 'sys'", {}};
  MachineFacts facts;
  facts.identity = identity();
  read_processor(facts);
  read_memory(facts);
  read_disks(facts);
  read_interfaces(facts);
  read_power(facts);
  read_modems(facts);
  for (const std::string& name : names("sys/class/tpm"))
    if (const auto version = count_from(text("sys/class/tpm/" + name + "/tpm_version_major")); version && *version <= 2 && !facts.tpm_version)
      facts.tpm_version = static_cast<std::uint32_t>(*version);
  for (const std::string& name : names("sys/class/leds"))
    if (there("sys/class/leds/" + name)) facts.leds.push_back(name);
  for (const std::string& name : names("sys/class/firmware-attributes"))
    facts.firmware_attributes |= there("sys/class/firmware-attributes/" + name + "/attributes");
  return facts;
}

std::optional<Identity> SysfsMachine::identity() {
  const std::string folder = "sys/class/dmi/id/";
  const auto product = bytes(folder + "product_name");
  const auto maker = bytes(folder + "sys_vendor");
  if (!product && !maker) return std::nullopt;
  Identity identity;
  identity.maker = filled_in(maker.value_or(""));
  identity.product = filled_in(product.value_or(""));
  identity.serial = filled_in(text(folder + "product_serial"));
  identity.board = filled_in(text(folder + "board_name"));
  identity.firmware_version = filled_in(text(folder + "bios_version"));
  return identity;
}

void SysfsMachine::read_processor(MachineFacts& facts) {
  const std::string folder = "sys/devices/system/cpu/";
  const std::string cpuinfo = bytes("proc/cpuinfo").value_or("");
  facts.processor = processor_name(cpuinfo);
  facts.processor_threads = count_of_list(text(folder + "present"));
  // What was sold is the nominal speed: what the driver or the name says of it comes before the highest boost and before
  // the speed of this moment.
  const auto kilohertz = [&](const char* name) -> std::optional<std::int64_t> {
    const auto value = count_from(text(folder + "cpu0/cpufreq/" + name));
    if (!value || *value < 1000 || *value > 100'000'000) return std::nullopt;
    return static_cast<std::int64_t>(*value / 1000);
  };
  for (const auto& speed : {kilohertz("base_frequency"), megahertz_in_name(facts.processor), kilohertz("cpuinfo_max_freq"), megahertz_now(cpuinfo)})
    if (speed && facts.processor_mhz == 0) facts.processor_mhz = *speed;
}

void SysfsMachine::read_memory(MachineFacts& facts) {
  constexpr Bytes module_max{std::uint64_t{1} << 46};
  for (const std::string& name : names("sys/firmware/dmi/entries")) {
    if (!name.starts_with("17-")) continue;
    const auto size = module_size(bytes("sys/firmware/dmi/entries/" + name + "/raw").value_or(""));
    if (size && *size <= module_max) facts.memory += *size;
  }
  if (facts.memory.count > 0) {
    facts.memory_source = MemorySource::Modules;
    return;
  }
  if (const auto total = memory_total(bytes("proc/meminfo").value_or(""))) {
    facts.memory = *total;
    facts.memory_source = MemorySource::Kernel;
  }
}

void SysfsMachine::read_disks(MachineFacts& facts) {
  for (const std::string& name : names("sys/block")) {
    if (starts_with_any(name, {"loop", "ram", "zram", "dm-", "md", "nbd", "drbd", "rbd", "sr", "fd", "mtdblock"})) continue;
    // The boot areas of an eMMC are no disks.
    if (name.find("boot") != std::string::npos || name.find("rpmb") != std::string::npos) continue;
    const std::string folder = "sys/block/" + name + "/";
    const auto sectors = count_from(text(folder + "size"));
    if (!sectors || *sectors == 0 || *sectors > (UINT64_MAX >> 9)) continue;
    BlockDevice disk;
    disk.name = name;
    disk.size = Bytes{*sectors << 9};  // always counted in 512 bytes, whatever the sector
    disk.sector_size = static_cast<std::uint32_t>(std::min<std::uint64_t>(count_from(text(folder + "queue/logical_block_size")).value_or(512), 65536));
    disk.removable = text(folder + "removable") == "1";
    disk.model = text(folder + "device/model");
    disk.serial = text(folder + "device/serial");
    if (disk.serial.empty()) disk.serial = text(folder + "serial");  // virtio
    if (disk.serial.empty()) disk.serial = serial_of_page_80(bytes(folder + "device/vpd_pg80").value_or(""));
    disk.wwn = text(folder + "wwid");  // NVMe
    if (disk.wwn.empty()) disk.wwn = text(folder + "device/wwid");
    facts.disks.push_back(std::move(disk));
  }
}

void SysfsMachine::read_interfaces(MachineFacts& facts) {
  constexpr std::string_view arphrd_ethernet = "1";
  for (const std::string& name : names("sys/class/net")) {
    const std::string folder = "sys/class/net/" + name + "/";
    // Bridges, tunnels and virtual pairs have no device behind them.
    if (!there(folder + "device")) continue;
    const std::string uevent = bytes(folder + "uevent").value_or("");
    NetworkInterface interface{name, InterfaceKind::Wired, text(folder + "address")};
    if (uevent.find("DEVTYPE=wwan") != std::string::npos)
      interface.kind = InterfaceKind::Cellular;
    else if (uevent.find("DEVTYPE=wlan") != std::string::npos || there(folder + "wireless"))
      interface.kind = InterfaceKind::Wireless;
    else if (text(folder + "type") != arphrd_ethernet)
      continue;
    facts.interfaces.push_back(std::move(interface));
  }
}

void SysfsMachine::read_power(MachineFacts& facts) {
  for (const std::string& name : names("sys/class/power_supply")) {
    const std::string folder = "sys/class/power_supply/" + name + "/";
    const std::string type = text(folder + "type");
    // The battery of a mouse or a headset has the scope "Device": it keeps no machine on.
    if ((type != "Battery" && type != "UPS") || text(folder + "scope") == "Device" || text(folder + "present") == "0") continue;
    facts.power.push_back({type == "UPS" ? BackupPower::Ups : BackupPower::Battery, name, text(folder + "model_name"), text(folder + "serial_number")});
  }
  for (const std::string& name : names("sys/bus/hid/devices")) {
    const std::string folder = "sys/bus/hid/devices/" + name + "/";
    if (!is_ups(bytes(folder + "report_descriptor").value_or(""))) continue;
    const std::string uevent = bytes(folder + "uevent").value_or("");
    const auto value = [&](const std::string& key) {
      const std::size_t at = ("\n" + uevent).find("\n" + key + "=");
      return at == std::string::npos ? std::string() : plain(std::string_view(uevent).substr(at + key.size() + 1, uevent.find('\n', at) - at - key.size() - 1));
    };
    facts.power.push_back({BackupPower::Ups, name, value("HID_NAME"), value("HID_UNIQ")});
  }
}

void SysfsMachine::read_modems(MachineFacts& facts) {
  // "wwan0" is the modem, "wwan0at0" and the like are its ports.
  for (const std::string& name : names("sys/class/wwan"))
    if (name.starts_with("wwan") && name.find_first_not_of("0123456789", 4) == std::string::npos && there("sys/class/wwan/" + name))
      facts.modems.push_back({Modem::Cellular, name});
  for (const NetworkInterface& interface : facts.interfaces)
    if (interface.kind == InterfaceKind::Cellular && facts.modems.empty()) facts.modems.push_back({Modem::Cellular, interface.name});
  // A USB modem speaks the class "communications, abstract control model, AT commands" (USB CDC PSTN 1.2, table 17). A cellular one
  // speaks it on its control port, too: then it was found above.
  const bool cellular = !facts.modems.empty();
  for (const std::string& name : names("sys/class/tty")) {
    if (!name.starts_with("ttyACM") || cellular) continue;
    const std::string folder = "sys/class/tty/" + name + "/device/";
    if (text(folder + "bInterfaceClass") == "02" && text(folder + "bInterfaceSubClass") == "02" && text(folder + "bInterfaceProtocol") == "01")
      facts.modems.push_back({Modem::Telephone, name});
  }
  // PCI class 07h (communication), subclass 03h (modem).
  for (const std::string& name : names("sys/bus/pci/devices"))
    if (text("sys/bus/pci/devices/" + name + "/class").starts_with("0x0703")) facts.modems.push_back({Modem::Telephone, name});
}

}  // namespace provision::hardware
