#include <algorithm>
#include <charconv>

#include "agent/link/http.h"

namespace agent::link {

Result<Endpoint> endpoint_from(std::string_view url) {
  const Error bad{ErrorCode::InvalidInput, "'" + std::string(url.substr(0, 256)) + "' is not a controller's address such as https://fleet.example:8443", {}};
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme) || url.size() > 256) return bad;
  std::string_view rest = url.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  Endpoint endpoint;
  std::size_t host_end = rest.find(':');
  if (rest.starts_with('[')) {  // an IPv6 address
    const std::size_t bracket = rest.find(']');
    if (bracket == std::string_view::npos) return bad;
    endpoint.host = rest.substr(1, bracket - 1);
    host_end = bracket + 1 == rest.size() ? std::string_view::npos : bracket + 1;
    if (endpoint.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return bad;
  } else {
    endpoint.host = rest.substr(0, host_end);
    if (!std::all_of(endpoint.host.begin(), endpoint.host.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; })) return bad;
  }
  if (endpoint.host.empty()) return bad;
  if (host_end == std::string_view::npos) return endpoint;
  if (rest[host_end] != ':') return bad;
  const std::string_view digits = rest.substr(host_end + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || endpoint.port == 0) return bad;
  return endpoint;
}

}  // namespace agent::link
