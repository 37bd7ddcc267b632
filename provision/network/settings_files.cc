#include "provision/network/settings_files.h"

#include <fmt/format.h>

#include <algorithm>

namespace provision::network {
namespace {

constexpr std::string_view origin = "# Preset at manufacture, as ordered.\n";

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

bool is_v6(std::string_view address) { return address.find(':') != std::string_view::npos; }

std::string networkd_link(const Presets& presets) {
  std::string text = fmt::format("{}[Match]\nName=en* eth*\n\n[Network]\n", origin);
  if (presets.fixed) {
    text += fmt::format("Address={}\n", presets.fixed->address);
    if (!presets.fixed->gateway.empty()) text += fmt::format("Gateway={}\n", presets.fixed->gateway);
  } else {
    text += "DHCP=yes\n";
  }
  for (const std::string& server : presets.name_servers) text += fmt::format("DNS={}\n", server);
  for (const std::string& server : presets.time_servers) text += fmt::format("NTP={}\n", server);
  // Without this, the name servers that DHCP offers would stand beside those that were ordered.
  if (!presets.fixed && !presets.name_servers.empty()) text += "\n[DHCPv4]\nUseDNS=no\n\n[DHCPv6]\nUseDNS=no\n";
  return text;
}

std::string network_manager_family(const Presets& presets, bool v6) {
  std::string text = v6 ? "\n[ipv6]\n" : "\n[ipv4]\n";
  std::vector<std::string> servers;
  for (const std::string& server : presets.name_servers)
    if (is_v6(server) == v6) servers.push_back(server);
  if (presets.fixed && is_v6(presets.fixed->address) == v6) {
    text += fmt::format("method=manual\naddress1={}", presets.fixed->address);
    text += presets.fixed->gateway.empty() ? "\n" : fmt::format(",{}\n", presets.fixed->gateway);
  } else {
    text += "method=auto\n";
  }
  if (!servers.empty()) text += fmt::format("dns={};\n", joined(servers, ";"));
  if (!presets.name_servers.empty()) text += "ignore-auto-dns=true\n";
  return text;
}

std::string network_manager_link(const Presets& presets) {
  return fmt::format("{}[connection]\nid=ordered\ntype=ethernet\nautoconnect=true\nautoconnect-priority=10\n{}{}",
                     origin, network_manager_family(presets, false), network_manager_family(presets, true));
}

std::string hosts(const Presets& presets) {
  const std::string short_name = presets.host_name.substr(0, presets.host_name.find('.'));
  const std::string names = short_name == presets.host_name ? short_name : presets.host_name + " " + short_name;
  return fmt::format(
      "127.0.0.1\tlocalhost\n127.0.1.1\t{}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
      names);
}

std::string ports_of(const Presets& presets, Protocol protocol) {
  std::vector<std::uint16_t> ports;
  for (const InboundPort& inbound : presets.inbound)
    if (inbound.protocol == protocol) ports.push_back(inbound.port);
  std::sort(ports.begin(), ports.end());
  return fmt::format("{}", fmt::join(ports, ", "));
}

}  // namespace

std::string firewall_rules(const Presets& presets) {
  std::string inbound;
  for (const auto& [protocol, name] : {std::pair{Protocol::Tcp, "tcp"}, std::pair{Protocol::Udp, "udp"}})
    if (const std::string ports = ports_of(presets, protocol); !ports.empty())
      inbound += fmt::format("    {} dport {{ {} }} accept comment \"ordered\"\n", name, ports);
  std::string controller;
  if (presets.controller_port)
    controller =
        fmt::format("    tcp dport {} accept comment \"the agent calls its controller\"\n", *presets.controller_port);
  return fmt::format(R"(#!/usr/sbin/nft -f
{}table inet machine
delete table inet machine
table inet machine {{
  chain inbound {{
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state established,related accept
    ct state invalid drop
    icmp type {{ echo-request, destination-unreachable, time-exceeded, parameter-problem }} accept
    icmpv6 type {{ echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query }} accept
    udp sport 67 udp dport 68 accept comment "DHCP answers"
    ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept comment "DHCPv6 answers"
{}  }}
  chain outbound {{
    type filter hook output priority filter; policy accept;
{}  }}
}}
)",
                     origin, inbound, controller);
}

std::vector<SettingsFile> settings_files(const Presets& presets, NetworkProgram program) {
  std::vector<SettingsFile> files = {{"/etc/hostname", presets.host_name + "\n"},
                                     {"/etc/hosts", hosts(presets)},
                                     {"/etc/nftables.conf", firewall_rules(presets), 0755}};
  if (program == NetworkProgram::SystemdNetworkd)
    files.push_back({"/etc/systemd/network/20-ordered.network", networkd_link(presets)});
  else
    // NetworkManager ignores a connection that others could read.
    files.push_back(
        {"/etc/NetworkManager/system-connections/ordered.nmconnection", network_manager_link(presets), 0600});
  if (!presets.name_servers.empty())
    files.push_back({"/etc/systemd/resolved.conf.d/20-ordered.conf",
                     fmt::format("{}[Resolve]\nDNS={}\nFallbackDNS=\n", origin, joined(presets.name_servers, " "))});
  if (!presets.time_servers.empty())
    files.push_back({"/etc/systemd/timesyncd.conf.d/20-ordered.conf",
                     fmt::format("{}[Time]\nNTP={}\n", origin, joined(presets.time_servers, " "))});
  std::sort(files.begin(), files.end(), [](const SettingsFile& a, const SettingsFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace provision::network
