#include "provision/network/settings_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "policies/vocabulary/hex.h"
#include "provision/network/firewall.h"

namespace provision::network {
namespace {

constexpr std::string_view origin = "# Preset at manufacture, as ordered.\n";

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

bool is_v6(std::string_view address) { return address.find(':') != std::string_view::npos; }

// Without this, the name servers that DHCP offers would stand beside those that were ordered.
constexpr std::string_view ignore_offered_servers = "\n[DHCPv4]\nUseDNS=no\n\n[DHCPv6]\nUseDNS=no\n\n[IPv6AcceptRA]\nUseDNS=no\n";

std::string networkd_servers(const Presets& presets, const SystemPrograms& programs) {
  std::string text;
  for (const std::string& server : presets.name_servers) text += fmt::format("DNS={}\n", server);
  if (programs.time == TimeProgram::SystemdTimesyncd)
    for (const std::string& server : presets.time_servers) text += fmt::format("NTP={}\n", server);
  if (!presets.name_servers.empty()) text += ignore_offered_servers;
  return text;
}

std::string networkd_wired(const Presets& presets, const SystemPrograms& programs) {
  std::string text = fmt::format("{}[Match]\nName=en* eth*\n\n[Network]\n", origin);
  if (presets.fixed) {
    text += fmt::format("Address={}\n", presets.fixed->address);
    if (!presets.fixed->gateway.empty()) text += fmt::format("Gateway={}\n", presets.fixed->gateway);
  } else {
    text += "DHCP=yes\n";
  }
  return text + networkd_servers(presets, programs);
}

std::string networkd_wireless(const Presets& presets, const SystemPrograms& programs) {
  return fmt::format("{}[Match]\nName=wl*\n\n[Network]\nDHCP=yes\n{}", origin, networkd_servers(presets, programs));
}

bool is_key(std::string_view passphrase) { return passphrase.size() == 64; }

// iwd.network(5): a file named after the network; a name with other letters than these is written in hexadecimal. A value's
// backslashes and its leading space are escaped (ell's settings format).
SettingsFile iwd_network(const Wifi& wifi) {
  const bool plain = std::all_of(wifi.ssid.begin(), wifi.ssid.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ' ';
  });
  const std::string name = plain ? wifi.ssid : "=" + hex_of(wifi.ssid);
  if (wifi.passphrase.empty())
    return {fmt::format("/var/lib/iwd/{}.open", name), fmt::format("{}[Settings]\nAutoConnect=true\n", origin), 0600};
  std::string value;
  for (const char c : wifi.passphrase) {
    if (c == '\\') value += '\\';
    value += c;
  }
  if (value[0] == ' ') value.replace(0, 1, "\\s");
  return {fmt::format("/var/lib/iwd/{}.psk", name),
          fmt::format("{}[Security]\n{}={}\n", origin, is_key(wifi.passphrase) ? "PreSharedKey" : "Passphrase", value), 0600};
}

std::string network_manager_family(const Presets& presets, const std::optional<FixedAddress>& fixed, bool v6) {
  std::string text = v6 ? "\n[ipv6]\n" : "\n[ipv4]\n";
  std::vector<std::string> servers;
  for (const std::string& server : presets.name_servers)
    if (is_v6(server) == v6) servers.push_back(server);
  if (fixed && is_v6(fixed->address) == v6) {
    text += fmt::format("method=manual\naddress1={}", fixed->address);
    text += fixed->gateway.empty() ? "\n" : fmt::format(",{}\n", fixed->gateway);
  } else {
    text += "method=auto\n";
  }
  if (!servers.empty()) text += fmt::format("dns={};\n", joined(servers, ";"));
  if (!presets.name_servers.empty()) text += "ignore-auto-dns=true\n";
  return text;
}

std::string network_manager_wired(const Presets& presets) {
  return fmt::format("{}[connection]\nid=ordered\ntype=ethernet\nautoconnect=true\nautoconnect-priority=10\n{}{}", origin,
                     network_manager_family(presets, presets.fixed, false), network_manager_family(presets, presets.fixed, true));
}

// nm-settings-keyfile(5): the name as a list of bytes, which no name can be mistaken for; the passphrase with backslashes and
// its leading space escaped, as GKeyFile wants.
std::string network_manager_wireless(const Presets& presets) {
  std::string name;
  for (const char c : presets.wifi->ssid) name += fmt::format("{};", static_cast<unsigned>(static_cast<unsigned char>(c)));
  std::string text = fmt::format(
      "{}[connection]\nid=ordered-wireless\ntype=wifi\nautoconnect=true\nautoconnect-priority=10\n\n[wifi]\nmode=infrastructure\nssid={}\n",
      origin, name);
  if (!presets.wifi->passphrase.empty()) {
    std::string value;
    for (const char c : presets.wifi->passphrase) value += c == '\\' ? "\\\\" : std::string(1, c);
    if (value[0] == ' ') value.replace(0, 1, "\\s");
    text += fmt::format("\n[wifi-security]\nkey-mgmt=wpa-psk\npsk={}\n", value);
  }
  return text + network_manager_family(presets, {}, false) + network_manager_family(presets, {}, true);
}

std::string hosts(const Presets& presets) {
  const std::string short_name = presets.host_name.substr(0, presets.host_name.find('.'));
  const std::string names = short_name == presets.host_name ? short_name : presets.host_name + " " + short_name;
  return fmt::format(
      "127.0.0.1\tlocalhost\n127.0.1.1\t{}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
      names);
}

void add_links(const Presets& presets, const SystemPrograms& programs, std::vector<SettingsFile>& files) {
  if (programs.network == NetworkProgram::SystemdNetworkd) {
    files.push_back({"/etc/systemd/network/20-ordered.network", networkd_wired(presets, programs)});
    if (!presets.wifi) return;
    files.push_back({"/etc/systemd/network/25-ordered-wireless.network", networkd_wireless(presets, programs)});
    files.push_back(iwd_network(*presets.wifi));
    return;
  }
  // NetworkManager ignores a connection that others could read.
  const std::string folder = "/etc/NetworkManager/system-connections/";
  files.push_back({folder + "ordered.nmconnection", network_manager_wired(presets), 0600});
  if (presets.wifi) files.push_back({folder + "ordered-wireless.nmconnection", network_manager_wireless(presets), 0600});
}

void add_servers(const Presets& presets, const SystemPrograms& programs, std::vector<SettingsFile>& files) {
  if (programs.resolver == ResolverProgram::SystemdResolved) {
    // What a machine that built the image left there would be asked instead.
    files.push_back({"/etc/resolv.conf", {}, 0777, "../run/systemd/resolve/stub-resolv.conf"});
    if (!presets.name_servers.empty())
      files.push_back({"/etc/systemd/resolved.conf.d/20-ordered.conf",
                       fmt::format("{}[Resolve]\nDNS={}\nFallbackDNS=\n", origin, joined(presets.name_servers, " "))});
  } else if (programs.network == NetworkProgram::SystemdNetworkd && !presets.name_servers.empty()) {
    // Nobody writes it then; NetworkManager writes it itself.
    files.push_back({"/etc/resolv.conf", fmt::format("{}nameserver {}\n", origin, joined(presets.name_servers, "\nnameserver "))});
  }
  if (presets.time_servers.empty()) return;
  if (programs.time == TimeProgram::SystemdTimesyncd)
    files.push_back({"/etc/systemd/timesyncd.conf.d/20-ordered.conf",
                     fmt::format("{}[Time]\nNTP={}\n", origin, joined(presets.time_servers, " "))});
  if (programs.time == TimeProgram::Chrony)
    files.push_back({"/etc/chrony/sources.d/ordered.sources",
                     fmt::format("{}server {} iburst\n", origin, joined(presets.time_servers, " iburst\nserver "))});
}

}  // namespace

std::vector<SettingsFile> settings_files(const Presets& presets, const SystemPrograms& programs) {
  std::vector<SettingsFile> files = {{"/etc/hostname", presets.host_name + "\n"},
                                     {"/etc/hosts", hosts(presets)},
                                     {"/etc/nftables.conf", firewall_rules(presets), 0755}};
  if (const std::string rules = agent_rules(presets); !rules.empty())
    files.push_back({fmt::format("{}/controller.nft", agent_rules_folder), rules});
  add_links(presets, programs, files);
  add_servers(presets, programs, files);
  std::sort(files.begin(), files.end(), [](const SettingsFile& a, const SettingsFile& b) { return a.path < b.path; });
  return files;
}

std::vector<NeededUnit> needed_units(const Presets& presets, const SystemPrograms& programs) {
  std::vector<NeededUnit> units = {{"sysinit.target", "nftables.service"},
                                   {"multi-user.target", std::string(name_of(programs.network)) + ".service"}};
  if (programs.resolver == ResolverProgram::SystemdResolved) units.push_back({"multi-user.target", "systemd-resolved.service"});
  if (presets.wifi && programs.network == NetworkProgram::SystemdNetworkd) units.push_back({"multi-user.target", "iwd.service"});
  if (!presets.time_servers.empty() && programs.time == TimeProgram::SystemdTimesyncd)
    units.push_back({"sysinit.target", "systemd-timesyncd.service"});
  if (!presets.time_servers.empty() && programs.time == TimeProgram::Chrony) units.push_back({"multi-user.target", "chrony.service"});
  return units;
}

}  // namespace provision::network
