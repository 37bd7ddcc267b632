// How a machine shall meet its network (mission B2): what the order asks for, checked, before it becomes files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"

namespace provision::network {
using namespace policies::vocabulary;

struct FixedAddress {
  std::string address;  // IPv4 or IPv6 with prefix length: "192.0.2.10/24"
  std::string gateway;  // of the same family; empty: none
  bool operator==(const FixedAddress&) const = default;
};

enum class Protocol { Tcp, Udp };

// A port that others may reach because the order names it.
struct InboundPort {
  std::uint16_t port = 0;
  Protocol protocol = Protocol::Tcp;
  std::string name{};              // for the rule's comment: lower-case letters, digits and inner '-', up to 32; may be empty
  std::vector<std::string> from{}; // networks of either family, "192.0.2.0/24", no bit set beyond the prefix; empty: from anywhere
  bool operator==(const InboundPort&) const = default;
};

// A wireless network to join. The passphrase is a secret: it goes into a file that root alone may read, and nowhere else.
struct Wifi {
  std::string ssid;        // 1 to 32 bytes, no control characters
  std::string passphrase;  // WPA: 8 to 63 printable ASCII characters, or 64 hexadecimal digits (the key itself); empty: open
  bool operator==(const Wifi&) const = default;
};

struct Presets {
  std::string host_name;                  // RFC 1123, up to 63 characters a label and 253 in all
  std::optional<FixedAddress> fixed;      // none: DHCP
  std::vector<std::string> name_servers;  // addresses; none: those that DHCP names
  std::vector<std::string> time_servers;  // host names or addresses; none: those of the system
  std::vector<InboundPort> inbound;       // a port with its protocol once
  std::optional<Wifi> wifi{};             // absent unless ordered
  std::optional<std::uint16_t> controller_port;  // where the agent calls out; none on a machine without agent
  bool operator==(const Presets&) const = default;
};

inline constexpr std::size_t servers_max = 8;
inline constexpr std::size_t inbound_max = 64;
inline constexpr std::size_t inbound_sources_max = 16;
inline constexpr std::size_t inbound_name_size_max = 32;

// "8080", "53/udp"
Result<InboundPort> inbound_port_from(std::string_view text);

// InvalidInput naming the value that is no host name, address, prefix or port, or the list that is too long or repeats
// itself; else the presets as they are. Everything below demands checked presets.
Result<Presets> checked(Presets presets);

// The port of "https://host[:port][/...]"; 443 when none is named. InvalidInput for any other scheme or an empty host.
Result<std::uint16_t> port_of_url(std::string_view url);

}  // namespace provision::network
