#include "images/bundle/payload.h"

namespace images::bundle {
namespace {

constexpr std::string_view trailer_head("\x5B\x2A\x4D\x18\x08\x00\x00\x00", 8);

}  // namespace

std::string trailer_of(Bytes payload) {
  std::string trailer(trailer_head);
  for (int byte = 0; byte < 8; ++byte) trailer += static_cast<char>(payload.count >> (8 * byte) & 0xFF);
  return trailer;
}

Result<PayloadPlace> payload_place(files::Files& files, const std::string& path) {
  const Result<std::uint64_t> size = files.size(path);
  if (!size) return size.error();
  if (*size < trailer_size) return PayloadPlace{*size, {}};
  const Result<std::string> trailer = files.read_range(path, *size - trailer_size, trailer_size);
  if (!trailer) return trailer.error();
  if (trailer->size() != trailer_size || !trailer->starts_with(trailer_head)) return PayloadPlace{*size, {}};
  std::uint64_t payload = 0;
  for (std::size_t byte = trailer_size; byte-- > trailer_head.size();) payload = payload << 8 | static_cast<unsigned char>((*trailer)[byte]);
  if (payload == 0 || payload > *size - trailer_size)
    return Error{ErrorCode::InvalidInput,
                 "the archive's trailer names " + std::to_string(payload) + " bytes, and the file has " + std::to_string(*size), {}};
  return PayloadPlace{*size - trailer_size - payload, {payload}};
}

}  // namespace images::bundle
