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
  const auto port = [](const InboundPort& inbound) { return std::to_string(inbound.port); };
  if (Done list = check_list(presets.inbound, inbound_max, "inbound ports", port); !list) return list.error();
  for (const std::string& server : presets.name_servers)
    if (family_of(server) == Family::None) return wrong(fmt::format("name server '{}' is not an IP address", server));
  for (const std::string& server : presets.time_servers)
    if (family_of(server) == Family::None && !is_host_name(server))
      return wrong(fmt::format("time server '{}' is neither a host name nor an IP address", server));
  for (const InboundPort& inbound : presets.inbound)
    if (inbound.port == 0) return wrong("inbound port 0 cannot be opened: name one from 1 to 65535");
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
