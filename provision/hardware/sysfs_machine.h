// The machine as the kernel shows it in sysfs and procfs, below a root: "/" for this machine, or a folder into which
// another machine's tree was recorded.
//
// Read are /sys/class/{dmi/id,net,power_supply,tpm,leds,wwan,tty,firmware-attributes}, /sys/block, /sys/devices/system/{cpu,memory},
// /sys/firmware/dmi/entries/17-*, /sys/bus/{hid,pci}/devices, /proc/{cpuinfo,meminfo}: everything by its path through these classes,
// so that a recorded tree needs no symbolic links.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "images/files/files.h"
#include "provision/hardware/machine.h"

namespace provision::hardware {

class SysfsMachine final : public Machine {
 public:
  // `files` must outlive it.
  SysfsMachine(images::files::Files& files, std::string root);

  Result<MachineFacts> read() override;
  // What was read so far, by path below the root ("sys/class/dmi/id/product_name"): the bytes as they came. An empty
  // directory that was looked into is there as its path with a final '/'.
  [[nodiscard]] const std::map<std::string, std::string>& readings() const { return readings_; }

 private:
  std::optional<std::string> bytes(const std::string& path);
  std::string text(const std::string& path);
  std::vector<std::string> names(const std::string& path);
  bool there(const std::string& path);

  std::optional<Identity> identity();
  void read_processor(MachineFacts& facts);
  void read_memory(MachineFacts& facts);
  void read_disks(MachineFacts& facts);
  void read_interfaces(MachineFacts& facts);
  void read_power(MachineFacts& facts);
  void read_modems(MachineFacts& facts);

  images::files::Files& files_;
  std::string root_;  // without a final '/'
  std::map<std::string, std::string> readings_;
};

}  // namespace provision::hardware
