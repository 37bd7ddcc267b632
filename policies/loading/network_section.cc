#include "policies/loading/network_section.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <set>

namespace policies::loading {
namespace {

using terms::NetworkPresets;
using terms::OrderedPort;
using terms::OrderedWifi;
using terms::Transport;

constexpr std::size_t inbound_max = 32;
constexpr std::size_t sources_max = 16;
constexpr std::size_t port_name_max = 32;
constexpr std::size_t ssid_max = 32;  // IEEE 802.11: 32 octets

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_hostname_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_dotted_name(std::string_view name) {
  if (name.size() > 253) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    if (!is_hostname_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// 32 or 128 for an IPv4 or IPv6 address, 0 for neither.
int address_bits(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  if (inet_pton(AF_INET, text.c_str(), parsed.data()) == 1) return 32;
  if (inet_pton(AF_INET6, text.c_str(), parsed.data()) == 1) return 128;
  return 0;
}

// "192.168.1.20/24"
bool is_address_with_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const int bits = address_bits(std::string(text.substr(0, slash)));
  const std::string_view digits = text.substr(slash + 1);
  if (bits == 0 || digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const int prefix = std::stoi(std::string(digits));
  return prefix >= 1 && prefix <= bits && (digits.front() != '0');
}

// "192.168.1.0/24", with nothing set beyond the prefix: a rule for a network shall say what it does.
bool is_network(std::string_view text) {
  if (!is_address_with_prefix(text)) return false;
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const int bits = address_bits(address);
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  inet_pton(bits == 32 ? AF_INET : AF_INET6, address.c_str(), parsed.data());
  for (int bit = std::stoi(std::string(text.substr(slash + 1))); bit < bits; ++bit)
    if ((parsed[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

// `from: [any]` is said aloud, so that nobody opens a port to the world by leaving a line out.
std::vector<std::string> sources_from(Section& section) {
  std::vector<std::string> sources = section.texts("from", {1, sources_max}, {1, 60});
  if (sources.size() == 1 && sources.front() == "any") return {};
  std::set<std::string> seen;
  for (const std::string& source : sources) {
    if (source.empty()) continue;
    if (!is_network(source))
      section.refuse("from", "'" + source + "' must be a network such as 192.168.1.0/24 with no bit set beyond its prefix, or the list [any]");
    else if (!seen.insert(source).second)
      section.refuse("from", "'" + source + "' is listed twice");
  }
  return sources;
}

std::vector<OrderedPort> inbound_from(Section& network) {
  std::vector<OrderedPort> ports;
  std::set<std::string> names;
  std::set<std::pair<std::uint16_t, Transport>> numbers;
  for (Section& section : network.sections_or_none("inbound", inbound_max)) {
    OrderedPort port;
    port.name = section.name("name");
    if (port.name.size() > port_name_max) section.refuse("name", "'" + port.name + "' is longer than " + std::to_string(port_name_max));
    port.port = static_cast<std::uint16_t>(section.integer("port", {1, 65535}));
    port.transport = section.one_of<Transport>("protocol", {{"tcp", Transport::Tcp}, {"udp", Transport::Udp}});
    port.from = sources_from(section);
    if (!port.name.empty() && !names.insert(port.name).second) section.refuse("name", "'" + port.name + "' is used twice");
    if (!numbers.insert({port.port, port.transport}).second)
      section.refuse("port", std::to_string(port.port) + "/" + std::string(name_of(port.transport)) + " is opened twice; name all its networks in one place");
    ports.push_back(std::move(port));
  }
  return ports;
}

std::optional<OrderedWifi> wifi_from(Section& network) {
  std::optional<Section> section = network.optional_section("wifi");
  if (!section) return {};
  OrderedWifi wifi;
  wifi.ssid = section->text("ssid", {1, ssid_max});
  wifi.passphrase_file = section->optional_text("passphrase_file", {1, 400});
  return wifi;
}

}  // namespace

NetworkPresets network_from(Section section) {
  NetworkPresets network;
  network.hostname = section.text("hostname", {1, 63});
  if (!network.hostname.empty() && !is_hostname_label(network.hostname))
    section.refuse("hostname", "'" + network.hostname + "' must be lower-case letters, digits and inner '-'");
  const std::string address = section.text("address", {1, 60});
  if (address != "dhcp") network.address = address;
  if (!address.empty() && address != "dhcp" && !is_address_with_prefix(address))
    section.refuse("address", "'" + address + "' must be 'dhcp' or an address with its prefix length such as 192.168.1.20/24");
  network.gateway = section.optional_text("gateway", {1, 45});
  if (network.gateway && !network.gateway->empty() && address_bits(*network.gateway) == 0)
    section.refuse("gateway", "'" + *network.gateway + "' is not an address");
  if (network.gateway && !network.address) section.refuse("gateway", "with DHCP the network names its own gateway; leave this out");
  network.name_servers = section.texts_or_none("name_servers", 3, {1, 45});
  for (const std::string& server : network.name_servers)
    if (!server.empty() && address_bits(server) == 0) section.refuse("name_servers", "'" + server + "' is not an address");
  network.time_servers = section.texts_or_none("time_servers", 4, {1, 253});
  for (const std::string& server : network.time_servers)
    if (!server.empty() && address_bits(server) == 0 && !is_dotted_name(server))
      section.refuse("time_servers", "'" + server + "' is neither a host name nor an address");
  network.inbound = inbound_from(section);
  network.wifi = wifi_from(section);
  return network;
}

}  // namespace policies::loading
