#include "provision/network/firewall.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace provision::network {
namespace {

struct Network {
  std::string text;
  std::array<unsigned char, 16> bytes{};
  unsigned prefix = 0;
};

bool is_v6(std::string_view network) { return network.find(':') != std::string_view::npos; }

Network network_from(const std::string& text) {
  Network network{text, {}, 0};
  const std::size_t slash = text.find('/');
  inet_pton(is_v6(text) ? AF_INET6 : AF_INET, text.substr(0, slash).c_str(), network.bytes.data());
  network.prefix = static_cast<unsigned>(std::strtoul(text.c_str() + slash + 1, nullptr, 10));
  return network;
}

bool holds(const Network& outer, const Network& inner) {
  if (outer.prefix > inner.prefix) return false;
  for (unsigned bit = 0; bit < outer.prefix; ++bit)
    if (((outer.bytes[bit / 8] ^ inner.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

// Of one family, without those that lie in another: nft refuses sets whose members overlap.
std::vector<std::string> disjoint(const std::vector<std::string>& from, bool v6) {
  std::vector<Network> networks;
  for (const std::string& text : from)
    if (is_v6(text) == v6) networks.push_back(network_from(text));
  std::stable_sort(networks.begin(), networks.end(), [](const Network& a, const Network& b) { return a.prefix < b.prefix; });
  std::vector<Network> kept;
  for (const Network& network : networks)
    if (std::none_of(kept.begin(), kept.end(), [&](const Network& outer) { return holds(outer, network); }))
      kept.push_back(network);
  std::vector<std::string> texts;
  for (const Network& network : kept) texts.push_back(network.text);
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::string rules_of(const InboundPort& inbound) {
  const std::string rule =
      fmt::format("{} dport {} accept comment \"ordered{}{}\"\n", inbound.protocol == Protocol::Tcp ? "tcp" : "udp",
                  inbound.port, inbound.name.empty() ? "" : ": ", inbound.name);
  if (inbound.from.empty()) return "    " + rule;
  std::string rules;
  for (const bool v6 : {false, true})
    if (const std::vector<std::string> networks = disjoint(inbound.from, v6); !networks.empty())
      rules += fmt::format("    {} saddr {{ {} }} {}", v6 ? "ip6" : "ip", fmt::join(networks, ", "), rule);
  return rules;
}

}  // namespace

std::string firewall_rules(const Presets& presets) {
  std::vector<InboundPort> ports = presets.inbound;
  std::sort(ports.begin(), ports.end(), [](const InboundPort& a, const InboundPort& b) {
    return std::pair(a.protocol, a.port) < std::pair(b.protocol, b.port);
  });
  std::string inbound;
  for (const InboundPort& port : ports) inbound += rules_of(port);
  const std::string agents = presets.controller_port ? fmt::format("include \"{}/*.nft\"\n", agent_rules_folder) : std::string();
  return fmt::format(R"(#!/usr/sbin/nft -f
# Preset at manufacture, as ordered.
table inet machine
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
  }}
}}
{})",
                     inbound, agents);
}

std::string agent_rules(const Presets& presets) {
  if (!presets.controller_port) return {};
  return fmt::format("add rule inet machine outbound tcp dport {} accept comment \"the agent calls its controller\"\n",
                     *presets.controller_port);
}

}  // namespace provision::network
