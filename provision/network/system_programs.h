// Which programs of an installed operating system read network settings: decides which files the presets become.
#pragma once

#include <functional>
#include <string>

#include "policies/vocabulary/result.h"
#include "provision/network/presets.h"

namespace provision::network {

enum class NetworkProgram { SystemdNetworkd, NetworkManager };
std::string_view name_of(NetworkProgram program);  // "systemd-networkd", "NetworkManager"
// InvalidInput for any other text.
Result<NetworkProgram> network_program_from(std::string_view text);

enum class ResolverProgram { SystemdResolved, None };  // None: /etc/resolv.conf is a plain file
enum class TimeProgram { SystemdTimesyncd, Chrony, None };

struct SystemPrograms {
  NetworkProgram network = NetworkProgram::SystemdNetworkd;
  ResolverProgram resolver = ResolverProgram::SystemdResolved;
  TimeProgram time = TimeProgram::SystemdTimesyncd;
  bool firewall = true;  // nftables.service is there
  bool wireless = true;  // NetworkManager with wpa_supplicant or iwd, or systemd-networkd with iwd
  bool operator==(const SystemPrograms&) const = default;
};

// Whether something (of any kind) is at this absolute path of the installed system.
using IsThere = std::function<Result<bool>(const std::string&)>;

// Looks at units and at what is enabled. The network program is `stated` when one is, else the only one that is there, else
// the one that is enabled, else NetworkManager (whoever installs it means it). NotFound when the system has neither, or not
// the stated one; Conflict when both are enabled and none is stated.
Result<SystemPrograms> programs_in(const IsThere& is_there, std::optional<NetworkProgram> stated);

// Refused, naming what the order asks for and the image lacks: a firewall, time servers, a wireless network.
Done can_keep(const Presets& presets, const SystemPrograms& programs);

}  // namespace provision::network
