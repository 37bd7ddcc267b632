#include "provision/disk/identifiers.h"

#include "images/keys/keys.h"

namespace provision::disk {
namespace {

std::string hex_from(std::string_view seed, std::string_view purpose) {
  std::string bytes = "leaseback disk identifier\n";
  bytes.append(seed).push_back('\0');
  bytes.append(purpose);
  return images::keys::sha256(bytes).text;
}

}  // namespace

std::string uuid_from(std::string_view seed, std::string_view purpose) {
  const std::string hex = hex_from(seed, purpose);
  std::string variant(1, hex[16]);
  variant[0] = "89ab"[static_cast<unsigned>(variant[0] <= '9' ? variant[0] - '0' : variant[0] - 'a' + 10) & 3U];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-8" + hex.substr(13, 3) + "-" + variant + hex.substr(17, 3) + "-" +
         hex.substr(20, 12);
}

std::string fat_id_from(std::string_view seed, std::string_view purpose) {
  const std::string hex = upper_case(hex_from(seed, purpose));
  return hex.substr(0, 4) + "-" + hex.substr(4, 4);
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace provision::disk
