#include "images/bundle/image_map.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

#include "images/bundle/manifest.h"
#include "policies/vocabulary/hex.h"

namespace images::bundle {
namespace {

constexpr std::string_view format = "leaseback-image-map-1";
constexpr int level = 6;
constexpr std::uint64_t chunk_size_min = 64 << 10;
constexpr std::uint64_t chunk_size_max = 16 << 20;

Error wrong(std::size_t line, std::string_view what) {
  return Error{ErrorCode::InvalidInput, "line " + std::to_string(line) + " of the image's map: " + std::string(what), {}};
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  // One way to write a number, so that a map has one text.
  if (word.empty() || problem != std::errc() || end != word.data() + word.size() || (word.size() > 1 && word[0] == '0')) return std::nullopt;
  return value;
}

// Up to `separator`, which goes too; everything when it is not there.
std::string_view taken(std::string_view& text, char separator) {
  const std::size_t at = std::min(text.find(separator), text.size());
  const std::string_view word = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return word;
}

Result<ImageMap> head_from(std::string_view line) {
  if (taken(line, ' ') != format) return wrong(1, "it does not begin with leaseback-image-map-1");
  const auto chunk = number(taken(line, ' '));
  const auto image = number(line);
  if (!chunk || *chunk < chunk_size_min || *chunk > chunk_size_max || !std::has_single_bit(*chunk))
    return wrong(1, "a chunk has 64 KiB to 16 MiB, a power of two");
  if (!image || *image == 0 || *image > system_size_max.count || *image % 1024 != 0)
    return wrong(1, "an image has 1 KiB to 1 TiB, whole KiB");
  return ImageMap{{*chunk}, {*image}, {}};
}

}  // namespace

std::uint64_t ImageMap::count() const { return (image_size.count + chunk_size.count - 1) / chunk_size.count; }
std::uint64_t ImageMap::length_of(std::uint64_t index) const {
  return std::min(chunk_size.count, image_size.count - index * chunk_size.count);
}
Bytes ImageMap::stored() const { return chunks.empty() ? Bytes{} : Bytes{chunks.back().stored_at + chunks.back().stored_size}; }

std::string text_of(const ImageMap& map) {
  std::string text(format);
  text.append(" ").append(std::to_string(map.chunk_size.count)).append(" ").append(std::to_string(map.image_size.count)).append("\n");
  for (const ImageChunk& chunk : map.chunks)
    text += std::to_string(chunk.index) + " " + std::to_string(chunk.stored_size) + " " + chunk.sha256.text + "\n";
  return text;
}

Result<ImageMap> image_map_from(std::string_view text) {
  if (Bytes{text.size()} > image_map_size_max)
    return Error{ErrorCode::LimitExceeded, "an image's map has at most " + image_map_size_max.text(), {}};
  if (!text.ends_with('\n')) return wrong(1, "the map is cut short: it does not end with a whole line");
  Result<ImageMap> map = head_from(taken(text, '\n'));
  if (!map) return map;
  const std::uint64_t stored_max = ZSTD_compressBound(map->chunk_size.count);
  std::uint64_t stored = 0;
  for (std::size_t line = 2; !text.empty(); ++line) {
    std::string_view words = taken(text, '\n');
    const auto index = number(taken(words, ' '));
    const auto size = number(taken(words, ' '));
    if (!index || *index >= map->count() || (!map->chunks.empty() && *index <= map->chunks.back().index))
      return wrong(line, "it does not name a later chunk of the image");
    if (!size || *size == 0 || *size > stored_max) return wrong(line, "no chunk takes so many bytes");
    if (!is_sha256_hex(words)) return wrong(line, "it does not end with a digest of 64 hexadecimal digits");
    map->chunks.push_back({*index, stored, *size, Digest(std::string(words))});
    stored += *size;
  }
  if (stored > payload_size_max.count) return Error{ErrorCode::LimitExceeded, "the chunks of an image take at most 64 GiB", {}};
  return map;
}

std::string packed_chunk(std::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), level);
  invariant(ZSTD_isError(size) == 0, "zstd packs into a buffer of its own bound");
  frame.resize(size);
  return frame;
}

Result<std::string> unpacked_chunk(std::string_view frame, std::size_t length) {
  const auto corrupt = [](std::string_view why) {
    return Error{ErrorCode::Corrupt, "a chunk of the image is not as it was packed: " + std::string(why), {}};
  };
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != length) return corrupt("it holds another number of bytes");
  std::string bytes(length, '\0');
  const std::size_t size = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) return corrupt(ZSTD_getErrorName(size));
  return size == length ? Result<std::string>(std::move(bytes)) : corrupt("it holds fewer bytes");
}

}  // namespace images::bundle
