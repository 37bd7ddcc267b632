// A text as a QR code (ISO/IEC 18004). The only user of libqrencode.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"

namespace provision::label {
using namespace policies::vocabulary;

struct QrCode {
  std::uint32_t size = 0;     // modules a side, 21 to 177, without the quiet zone of 4 modules that must surround it
  std::vector<bool> dark;     // by row, size * size of them
  [[nodiscard]] bool is_dark(std::uint32_t row, std::uint32_t column) const { return dark[row * size + column]; }
};

// With error correction of level M: readable with 15 % of it scratched. LimitExceeded when the text does not fit, which up to
// 1000 bytes it does. InvalidInput for an empty text or one with a NUL.
Result<QrCode> qr_code(std::string_view text);

}  // namespace provision::label
