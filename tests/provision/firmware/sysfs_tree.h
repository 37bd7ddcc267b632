// Trees of the firmware-attributes class in temporary folders, as the drivers of three makers show them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace provision::firmware {

class SysfsTree {
 public:
  SysfsTree() {
    std::string name = testing::TempDir() + "firmwareXXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~SysfsTree() { std::filesystem::remove_all(folder_); }
  SysfsTree(const SysfsTree&) = delete;
  SysfsTree& operator=(const SysfsTree&) = delete;

  [[nodiscard]] const std::string& root() const { return folder_; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // Below the class, or from the root when it begins with '/'.
  void put(const std::string& name, const std::string& text) const {
    const std::filesystem::path whole = name.starts_with('/') ? folder_ + name : folder_ + "/sys/class/firmware-attributes/" + name;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text << "\n";
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream stream(folder_ + "/sys/class/firmware-attributes/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  void enumeration(const std::string& device, const std::string& name, const std::string& current, const std::string& possible) const {
    const std::string folder = device + "/attributes/" + name + "/";
    put(folder + "type", "enumeration");
    put(folder + "current_value", current);
    put(folder + "default_value", current);
    put(folder + "display_name", name);
    put(folder + "display_name_language_code", "en-US");
    put(folder + "possible_values", possible);
  }
  void administrator(const std::string& device, bool enabled) const {
    const std::string folder = device + "/authentication/Admin/";
    put(folder + "is_enabled", enabled ? "1" : "0");
    put(folder + "role", "bios-admin");
    put(folder + "mechanism", "password");
    put(folder + "min_password_length", "4");
    put(folder + "max_password_length", "32");
    put(folder + "current_password", "");
    put(folder + "new_password", "");
  }
  // Latitude, OptiPlex: values end with ';', file beside the folders, modifiers.
  void dell() const {
    const std::string device = "dell-wmi-sysman";
    put(device + "/attributes/pending_reboot", "0");
    put(device + "/attributes/reset_bios", "builtinsafe lastknowngood factory custom");
    enumeration(device, "WakeOnLan", "Disabled", "Disabled;LanOnly;LanWithPxeBoot;");
    put(device + "/attributes/WakeOnLan/dell_modifier", "[ReadOnlyIf:DeepSleepCtrl=S4AndS5]");
    put(device + "/attributes/WakeOnLan/dell_value_modifier", "");
    enumeration(device, "AcPwrRcvry", "Off", "Off;On;Last;");
    enumeration(device, "AdminSetupLockout", "Disabled", "Disabled;Enabled;");
    put(device + "/attributes/AutoOnHr/type", "integer");
    put(device + "/attributes/AutoOnHr/current_value", "0");
    put(device + "/attributes/AutoOnHr/min_value", "0");
    put(device + "/attributes/AutoOnHr/max_value", "23");
    put(device + "/attributes/AutoOnHr/scalar_increment", "1");
    put(device + "/attributes/Asset/type", "string");
    put(device + "/attributes/Asset/current_value", "");
    put(device + "/attributes/Asset/min_length", "0");
    put(device + "/attributes/Asset/max_length", "64");
    administrator(device, false);
  }
  // ThinkPad: values without a trailing ';', other words for the same.
  void lenovo() const {
    const std::string device = "thinklmi";
    put(device + "/attributes/pending_reboot", "0");
    enumeration(device, "WakeOnLAN", "Enable", "Disable;ACOnly;ACandBattery;Enable");
    enumeration(device, "LockBIOSSetting", "Disable", "Disable;Enable");
    administrator(device, false);
    put(device + "/authentication/Admin/encoding", "ascii");
  }
  // EliteDesk: names with blanks, one of its own type.
  void hp() const {
    const std::string device = "hp-bioscfg";
    put(device + "/attributes/pending_reboot", "0");
    enumeration(device, "Wake On LAN", "Disabled", "Disabled;Boot to Network;Boot to Hard Drive");
    enumeration(device, "After Power Loss", "Power Off", "Power Off;Power On;Previous State");
    put(device + "/attributes/UEFI Boot Order/type", "ordered-list");
    put(device + "/attributes/UEFI Boot Order/current_value", "HDD:M.2:1;USB:1");
    put(device + "/attributes/UEFI Boot Order/elements", "HDD:M.2:1;USB:1");
    administrator(device, false);
  }

 private:
  std::string folder_;
};

}  // namespace provision::firmware
