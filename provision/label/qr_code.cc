#include "provision/label/qr_code.h"

#include <qrencode.h>

#include <memory>
#include <string>

namespace provision::label {
namespace {

constexpr std::size_t text_size_max = 1000;

struct FreeCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

}  // namespace

Result<QrCode> qr_code(std::string_view text) {
  if (text.empty() || text.find('\0') != std::string_view::npos) return Error{ErrorCode::InvalidInput, "a QR code holds a text of at least one character", {}};
  if (text.size() > text_size_max) return Error{ErrorCode::LimitExceeded, "a QR code on a label holds up to 1000 bytes; shorten the link", {}};
  constexpr int smallest_version = 0;
  const std::unique_ptr<QRcode, FreeCode> code(QRcode_encodeString8bit(std::string(text).c_str(), smallest_version, QR_ECLEVEL_M));
  if (code == nullptr) return Error{ErrorCode::LimitExceeded, "the text does not fit into a QR code; shorten the link", {}};
  QrCode made;
  made.size = static_cast<std::uint32_t>(code->width);
  made.dark.reserve(std::size_t{made.size} * made.size);
  for (std::size_t i = 0; i < std::size_t{made.size} * made.size; ++i) made.dark.push_back((code->data[i] & 1) != 0);
  return made;
}

}  // namespace provision::label
