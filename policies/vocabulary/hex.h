// Bytes as lower-case hexadecimal digits and back.
#pragma once

#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace policies::vocabulary {

std::string hex_of(std::string_view bytes);
// InvalidInput when the length is odd or a character is not a hexadecimal digit.
Result<std::string> bytes_of_hex(std::string_view digits);
// True for exactly 64 lower-case hexadecimal digits, the form of digests and of ids made from keys.
bool is_sha256_hex(std::string_view digits);

}  // namespace policies::vocabulary
