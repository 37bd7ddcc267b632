#include "provision/network/presets.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace provision::network {
namespace {

enum class Family { None, V4, V6 };

Family family_of(const std::string& address) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, address.c_str(), bytes) == 1) return Family::V4;
  if (inet_pton(AF_INET6, address.c_str(), bytes) == 1) return Family::V6;
  return Family::None;
}

std::optional<std::uint32_t> number_of(std::string_view digits, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || problem != std::errc() || end != digits.data() + digits.size() || value > max)
    return std::nullopt;
  return value;
}

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '.') {
      if (label == 0 || name[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && (c != '-' || label == 0)) return false;
    if (++label > 63) return false;
  }
  return label > 0 && name.back() != '-';
}

Error wrong(std::string message) { return Error{ErrorCode::InvalidInput, std::move(message), {}}; }

Done check_fixed(const FixedAddress& fixed) {
  const std::size_t slash = fixed.address.find('/');
  const std::string address = fixed.address.substr(0, slash);
  const Family family = family_of(address);
  if (family == Family::None || slash == std::string::npos)
    return wrong(
        fmt::format("address '{}' is not an IP address with prefix length, such as 192.0.2.10/24", fixed.address));
  const std::uint32_t prefix_max = family == Family::V4 ? 32 : 128;
  const auto prefix = number_of(std::string_view(fixed.address).substr(slash + 1), prefix_max);
  if (!prefix || *prefix == 0)
    return wrong(fmt::format("address '{}' needs a prefix length from 1 to {}", fixed.address, prefix_max));
  if (!fixed.gateway.empty() && family_of(fixed.gateway) != family)
    return wrong(
        fmt::format("gateway '{}' is not an address of the same family as '{}'", fixed.gateway, fixed.address));
  return {};
}

template <typename T, typename Text>
Done check_list(const std::vector<T>& list, std::size_t max, std::string_view what, Text text) {
  if (list.size() > max) return wrong(fmt::format("{} {} are too many: at most {}", list.size(), what, max));
  for (std::size_t i = 0; i < list.size(); ++i)
    if (std::find(list.begin() + static_cast<std::ptrdiff_t>(i) + 1, list.end(), list[i]) != list.end())
      return wrong(fmt::format("{} names '{}' twice", what, text(list[i])));
  return {};
}

// "192.0.2.0/24": the address of the network itself, so that what a rule says is what it does.
Done check_network(const std::string& network) {
  const std::size_t slash = network.find('/');
  unsigned char bytes[16] = {};
  const std::string address = network.substr(0, slash);
  const Family family = family_of(address);
  const std::uint32_t bits = family == Family::V4 ? 32 : 128;
  const auto prefix = slash == std::string::npos ? std::nullopt : number_of(std::string_view(network).substr(slash + 1), bits);
  if (family == Family::None || !prefix || *prefix == 0)
    return wrong(fmt::format("'{}' is not a network such as 192.0.2.0/24", network));
  inet_pton(family == Family::V4 ? AF_INET : AF_INET6, address.c_str(), bytes);
  for (std::uint32_t bit = *prefix; bit < bits; ++bit)
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
      return wrong(fmt::format("'{}' has bits set beyond its prefix: name the network, not a machine in it", network));
  return {};
}

bool is_port_name(std::string_view name) {
  return name.size() <= inbound_name_size_max && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Done check_inbound(const InboundPort& inbound) {
  if (inbound.port == 0) return wrong("inbound port 0 cannot be opened: name one from 1 to 65535");
  if (!is_port_name(inbound.name))
    return wrong(fmt::format("'{}' is no name of an inbound port: lower-case letters, digits and '-', at most {}", inbound.name, inbound_name_size_max));
  const auto itself = [](const std::string& text) { return text; };
  if (Done list = check_list(inbound.from, inbound_sources_max, "the networks of an inbound port", itself); !list) return list;
  for (const std::string& network : inbound.from)
    if (Done checked = check_network(network); !checked) return checked;
  return {};
}

// Says nothing of the passphrase but its length: it is a secret.
Done check_wifi(const Wifi& wifi) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (wifi.ssid.empty() || wifi.ssid.size() > 32 || std::any_of(wifi.ssid.begin(), wifi.ssid.end(), is_control))
    return wrong("the name of a wireless network is 1 to 32 bytes without control characters");
  const std::string& secret = wifi.passphrase;
  const bool printable = std::all_of(secret.begin(), secret.end(), [](char c) { return c >= ' ' && c <= '~'; });
  const bool hexadecimal = secret.size() == 64 && secret.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (secret.empty() || hexadecimal || (printable && secret.size() >= 8 && secret.size() <= 63)) return {};
  return wrong(fmt::format("the passphrase of wireless network '{}' ({} bytes) must be 8 to 63 printable ASCII characters, or 64 hexadecimal digits",
                           wifi.ssid, secret.size()));
}

}  // namespace

Result<InboundPort> inbound_port_from(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view protocol = slash == std::string_view::npos ? "tcp" : text.substr(slash + 1);
  const auto port = number_of(text.substr(0, slash), 65535);
  if (!port || *port == 0 || (protocol != "tcp" && protocol != "udp"))
    return wrong(fmt::format("'{}' is not a port from 1 to 65535 with /tcp or /udp", text));
  return InboundPort{static_cast<std::uint16_t>(*port), protocol == "udp" ? Protocol::Udp : Protocol::Tcp};
}

Result<Presets> checked(Presets presets) {
  if (!is_host_name(presets.host_name))
    return wrong(fmt::format("'{}' is not a host name: letters, digits and inner hyphens, at most 63 a label",
                             presets.host_name));
  if (presets.fixed) {
    if (Done fixed = check_fixed(*presets.fixed); !fixed) return fixed.error();
  }
  const auto itself = [](const std::string& text) { return text; };
  if (Done list = check_list(presets.name_servers, servers_max, "name servers", itself); !list) return list.error();
  if (Done list = check_list(presets.time_servers, servers_max, "time servers", itself); !list) return list.error();
  std::vector<std::string> ports;
  for (const InboundPort& inbound : presets.inbound) {
    if (Done port = check_inbound(inbound); !port) return port.error();
    ports.push_back(std::to_string(inbound.port) + (inbound.protocol == Protocol::Tcp ? "/tcp" : "/udp"));
  }
  if (Done list = check_list(ports, inbound_max, "inbound ports", itself); !list) return list.error();
  if (presets.wifi)
    if (Done wifi = check_wifi(*presets.wifi); !wifi) return wifi.error();
  for (const std::string& server : presets.name_servers)
    if (family_of(server) == Family::None) return wrong(fmt::format("name server '{}' is not an IP address", server));
  for (const std::string& server : presets.time_servers)
    if (family_of(server) == Family::None && !is_host_name(server))
      return wrong(fmt::format("time server '{}' is neither a host name nor an IP address", server));
  return presets;
}

Result<std::uint16_t> port_of_url(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  const auto refused = [&] { return wrong(fmt::format("'{}' is not a URL of the form https://host[:port]", url)); };
  if (!url.starts_with(scheme) || url.size() > 2048) return refused();
  std::string_view host = url.substr(scheme.size());
  host = host.substr(0, host.find('/'));
  for (const char c : host)
    if (c <= ' ' || c == '"' || c == '\'' || c == '\\' || c == '@' || c == 0x7f) return refused();
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return refused();
  const std::size_t colon = host.find(':', bracket);
  if (host.substr(0, colon).empty()) return refused();
  if (colon == std::string_view::npos) return std::uint16_t{443};
  const auto port = number_of(host.substr(colon + 1), 65535);
  if (!port || *port == 0) return refused();
  return static_cast<std::uint16_t>(*port);
}

}  // namespace provision::network
