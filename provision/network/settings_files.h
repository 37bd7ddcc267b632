// Presets as the files that the system's own programs read. Pure: the same presets give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "provision/network/presets.h"

namespace provision::network {

// Which program of the installed system manages its links.
enum class NetworkProgram { SystemdNetworkd, NetworkManager };

struct SettingsFile {
  std::string path;  // absolute, on the installed system
  std::string text;
  std::uint32_t mode = 0644;
  bool operator==(const SettingsFile&) const = default;
};

// Precondition: presets came from `checked`.
// Links (.network or .nmconnection), /etc/hostname, /etc/hosts, a resolved drop-in, a timesyncd drop-in where the
// presets name servers, and /etc/nftables.conf; ascending by path.
std::vector<SettingsFile> settings_files(const Presets& presets, NetworkProgram program);

// The rule set of /etc/nftables.conf: nothing comes in but answers, what a link needs to work, and what the order
// names; what goes out is the owner's business, and the controller's port is named so that a stricter owner keeps it
// open.
std::string firewall_rules(const Presets& presets);

}  // namespace provision::network
