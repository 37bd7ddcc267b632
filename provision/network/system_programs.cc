#include "provision/network/system_programs.h"

#include <fmt/format.h>

#include <array>

namespace provision::network {
namespace {

// Where units lie: /usr/lib, and /lib on systems that have not merged the two.
constexpr std::array unit_folders = {"/usr/lib/systemd/system/", "/lib/systemd/system/", "/etc/systemd/system/"};
constexpr const char* enabled_folder = "/etc/systemd/system/multi-user.target.wants/";

class Look {
 public:
  explicit Look(const IsThere& is_there) : is_there_(is_there) {}

  bool unit(const std::string& name) {
    return std::any_of(unit_folders.begin(), unit_folders.end(), [&](const char* folder) { return path(folder + name); });
  }
  bool enabled(const std::string& name) { return path(enabled_folder + name); }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  bool path(const std::string& at) {
    if (failure_) return false;
    const Result<bool> there = is_there_(at);
    if (!there) failure_ = there.error();
    return there && *there;
  }
  const IsThere& is_there_;
  std::optional<Error> failure_;
};

std::string unit_of(NetworkProgram program) { return std::string(name_of(program)) + ".service"; }

Result<NetworkProgram> network_program_in(Look& look, std::optional<NetworkProgram> stated) {
  const auto networkd = NetworkProgram::SystemdNetworkd;
  const auto manager = NetworkProgram::NetworkManager;
  const bool has_networkd = look.unit(unit_of(networkd));
  const bool has_manager = look.unit(unit_of(manager));
  if (stated) {
    if (*stated == networkd ? has_networkd : has_manager) return *stated;
    return Error{ErrorCode::NotFound, fmt::format("the image is said to use {}, but has no {}", name_of(*stated), unit_of(*stated)), {}};
  }
  if (!has_networkd && !has_manager)
    return Error{ErrorCode::NotFound,
                 "the image has neither systemd-networkd nor NetworkManager, so nothing there would keep the network presets; "
                 "install one of them into the image", {}};
  if (!has_manager) return networkd;
  const bool networkd_enabled = look.enabled(unit_of(networkd));
  const bool manager_enabled = look.enabled(unit_of(manager));
  if (has_networkd && networkd_enabled && manager_enabled)
    return Error{ErrorCode::Conflict,
                 "the image enables both systemd-networkd and NetworkManager; disable one of them, or state 'network:' when packing it", {}};
  return networkd_enabled ? networkd : manager;
}

}  // namespace

std::string_view name_of(NetworkProgram program) {
  return program == NetworkProgram::SystemdNetworkd ? "systemd-networkd" : "NetworkManager";
}

Result<NetworkProgram> network_program_from(std::string_view text) {
  for (const NetworkProgram program : {NetworkProgram::SystemdNetworkd, NetworkProgram::NetworkManager})
    if (text == name_of(program)) return program;
  return Error{ErrorCode::InvalidInput, "a network program is systemd-networkd or NetworkManager", {}};
}

Result<SystemPrograms> programs_in(const IsThere& is_there, std::optional<NetworkProgram> stated) {
  Look look(is_there);
  const Result<NetworkProgram> network = network_program_in(look, stated);
  if (look.failure()) return *look.failure();
  if (!network) return network.error();
  SystemPrograms programs;
  programs.network = *network;
  programs.resolver = look.unit("systemd-resolved.service") ? ResolverProgram::SystemdResolved : ResolverProgram::None;
  programs.time = look.unit("systemd-timesyncd.service") ? TimeProgram::SystemdTimesyncd
                  : look.unit("chrony.service")          ? TimeProgram::Chrony
                                                         : TimeProgram::None;
  programs.firewall = look.unit("nftables.service");
  const bool iwd = look.unit("iwd.service");
  programs.wireless = iwd || (*network == NetworkProgram::NetworkManager && look.unit("wpa_supplicant.service"));
  if (look.failure()) return *look.failure();
  return programs;
}

Done can_keep(const Presets& presets, const SystemPrograms& programs) {
  const auto refused = [](std::string_view what, std::string_view lacks, std::string_view way) {
    return Error{ErrorCode::Refused, fmt::format("the order {}, but the image has {}; {}", what, lacks, way), {}};
  };
  if (!programs.firewall)
    return refused("lets in only what it names", "no nftables.service to see to it", "install nftables into the image");
  if (!presets.time_servers.empty() && programs.time == TimeProgram::None)
    return refused("names time servers", "neither systemd-timesyncd nor chrony", "install one of them, or name no time servers");
  if (presets.wifi && !programs.wireless)
    return refused("names a wireless network", "nothing to join one with",
                   programs.network == NetworkProgram::NetworkManager ? "install wpasupplicant into the image"
                                                                      : "install iwd into the image");
  return {};
}

}  // namespace provision::network
