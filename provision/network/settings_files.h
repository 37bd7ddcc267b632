// Presets as the files that the system's own programs read. Pure: the same presets give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "provision/network/presets.h"
#include "provision/network/system_programs.h"

namespace provision::network {

struct SettingsFile {
  std::string path;  // absolute, on the installed system
  std::string text;  // secret when it holds a wireless network's passphrase: then `mode` is 0600
  std::uint32_t mode = 0644;
  std::string target{};  // not empty: a symbolic link to this instead of a file
  bool operator==(const SettingsFile&) const = default;
};

// Precondition: presets came from `checked`, and `can_keep` is content with these programs.
// The wired link and, when one is ordered, the wireless network (systemd.network(5), iwd.network(5) or NetworkManager's
// nm-settings-keyfile(5)); /etc/hostname, /etc/hosts, name servers and time servers where the presets name some; the firewall
// (firewall.h). Ascending by path.
std::vector<SettingsFile> settings_files(const Presets& presets, const SystemPrograms& programs);

// A unit of the installed system that must be enabled for the presets to take effect, and the target that shall want it.
struct NeededUnit {
  std::string target;  // "multi-user.target"
  std::string unit;    // "systemd-networkd.service"
  bool operator==(const NeededUnit&) const = default;
};
std::vector<NeededUnit> needed_units(const Presets& presets, const SystemPrograms& programs);

}  // namespace provision::network
