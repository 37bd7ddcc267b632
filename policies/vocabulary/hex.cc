#include "policies/vocabulary/hex.h"

namespace policies::vocabulary {
namespace {

int value_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

Result<std::string> bytes_of_hex(std::string_view digits) {
  const Error bad{ErrorCode::InvalidInput, "not an even number of hexadecimal digits", {}};
  if (digits.size() % 2 != 0) return bad;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = value_of(digits[i]);
    const int low = value_of(digits[i + 1]);
    if (high < 0 || low < 0) return bad;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

bool is_sha256_hex(std::string_view digits) {
  return digits.size() == 64 && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace policies::vocabulary
