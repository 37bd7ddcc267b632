// The operating system's random bytes, and base64.
#include <openssl/rand.h>

#include "images/keys/keys.h"
#include "images/keys/openssl_parts.h"

namespace images::keys {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::array<int, 256> make_values() {
  std::array<int, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<int>(i);
  return values;
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  invariant(RAND_priv_bytes_ex(nullptr, octets(bytes), count, 0) == 1, "the operating system gives random bytes");
  return bytes;
}

std::string base64_of(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) text += i <= group.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

Result<std::string> bytes_of_base64(std::string_view text) {
  static const std::array<int, 256> values = make_values();
  const Error bad{ErrorCode::InvalidInput, "this is not base64 (RFC 4648, with padding, without line breaks)", {}};
  if (text.size() % 4 != 0) return bad;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool padded = i >= text.size() - padding;
    const int value = padded ? 0 : values[static_cast<unsigned char>(text[i])];
    if (value < 0) return bad;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 == 3) {
      for (int shift = 16; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift & 0xff);
      bits = 0;
    }
  }
  // The bits that padding hides must be zero: otherwise two texts would stand for the same bytes.
  for (std::size_t i = 0; i < padding; ++i) {
    if (bytes.back() != '\0') return bad;
    bytes.pop_back();
  }
  return bytes;
}

}  // namespace images::keys
