// Frames as they travel. What arrives is measured before it is unpacked: a small body must not become a large object.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <zstd.h>

#include <memory>

#include "agent/contract/messages.pb.h"
#include "agent/link/session.h"

namespace agent::link {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::internal::WireFormatLite;

constexpr int compression_level = 3;
constexpr int window_log_max = 23;  // 8 MiB: no frame needs a larger window
constexpr std::size_t messages_max = 1'024;
constexpr std::size_t entries_max = 100'000;

Error broken(std::string why) { return Error{ErrorCode::InvalidInput, std::move(why), {}}.within("reading a frame"); }

Result<std::string> unpacked(std::string_view bytes, Bytes limit) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  invariant(stream != nullptr, "no memory for a zstd stream");
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, window_log_max);
  std::string plain;
  std::string piece(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    const std::size_t left = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(left)) return broken(std::string("not zstd: ") + ZSTD_getErrorName(left));
    if (plain.size() + out.pos > limit.count)
      return Error{ErrorCode::LimitExceeded, "more than " + limit.text() + " after decompression", {}}.within("reading a frame");
    plain.append(piece.data(), out.pos);
    if (left == 0) break;
    if (out.pos == 0 && in.pos == in.size) return broken("cut short");
  }
  if (in.pos != in.size) return broken("bytes follow the compressed frame");
  return plain;
}

// Walks the fields of one serialized message; `visit` gets the number and, for length-delimited fields, the bytes.
template <typename Visit>
bool each_field(std::string_view bytes, Visit visit) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    std::string_view content;
    if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      std::uint32_t length = 0;
      if (!in.ReadVarint32(&length)) return false;
      const auto at = static_cast<std::size_t>(in.CurrentPosition());
      if (length > bytes.size() - at || !in.Skip(static_cast<int>(length))) return false;
      content = bytes.substr(at, length);
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return false;
    }
    if (!visit(WireFormatLite::GetTagFieldNumber(tag), content)) return false;
  }
  return in.ConsumedEntireMessage();
}

// Counts what would become objects: messages, and the fields of their bodies, in which all repeated fields stand.
Done within_counts(std::string_view plain) {
  std::size_t messages = 0;
  std::size_t entries = 0;
  const auto count_entry = [&](int, std::string_view) { return ++entries <= entries_max; };
  const auto count_body = [&](int, std::string_view body) { return ++entries <= entries_max && (body.empty() || each_field(body, count_entry)); };
  const bool read = each_field(plain, [&](int number, std::string_view content) {
    if (++entries > entries_max) return false;
    return number != contract::Frame::kMessagesFieldNumber || (++messages <= messages_max && each_field(content, count_body));
  });
  if (messages > messages_max || entries > entries_max)
    return Error{ErrorCode::LimitExceeded, "more than " + std::to_string(messages_max) + " messages or " + std::to_string(entries_max) + " entries", {}}
        .within("reading a frame");
  if (!read) return broken("not a protobuf message");
  return {};
}

}  // namespace

std::string encode_frame(const contract::Frame& frame) {
  const std::string plain = frame.SerializeAsString();
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), compression_level);
  invariant(!ZSTD_isError(size), "zstd refused to compress a frame");
  packed.resize(size);
  return packed;
}

Result<contract::Frame> decode_frame(std::string_view bytes, Bytes limit) {
  const Result<std::string> plain = unpacked(bytes, limit);
  if (!plain) return plain.error();
  if (plain->size() > INT32_MAX) return broken("larger than 2 GiB");
  if (const Done counted = within_counts(*plain); !counted) return counted.error();
  contract::Frame frame;
  if (!frame.ParseFromString(*plain)) return broken("not a protobuf message");
  return frame;
}

}  // namespace agent::link
