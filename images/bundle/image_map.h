// The map of a raw image: which of its chunks hold something, where they lie in the payload, and what they are. Format in
// FORMAT.md. Chunks that it does not name are zeros.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace images::bundle {
using namespace policies::vocabulary;

inline constexpr Bytes image_chunk_size = mebibytes(1);  // what is packed
inline constexpr Bytes image_map_size_max = mebibytes(128);

struct ImageChunk {
  std::uint64_t index = 0;       // the chunk begins at index * chunk_size of the image
  std::uint64_t stored_at = 0;   // within the payload
  std::uint64_t stored_size = 0; // of its zstd frame
  Digest sha256;                 // of its bytes, unpacked
  bool operator==(const ImageChunk&) const = default;
};

struct ImageMap {
  Bytes chunk_size = image_chunk_size;
  Bytes image_size;                // a whole number of KiB
  std::vector<ImageChunk> chunks;  // ascending by index; their frames follow each other without a gap
  bool operator==(const ImageMap&) const = default;

  // The last chunk of an image may be shorter than the others.
  [[nodiscard]] std::uint64_t length_of(std::uint64_t index) const;
  [[nodiscard]] std::uint64_t count() const;  // of all chunks, zeros too
  [[nodiscard]] Bytes stored() const;         // all frames together
};

std::string text_of(const ImageMap& map);
// InvalidInput or LimitExceeded, naming the line.
Result<ImageMap> image_map_from(std::string_view text);

// The frame of one chunk: level 6, with its content's size, without a checksum of its own (the map has a better one).
std::string packed_chunk(std::string_view bytes);
// Exactly `length` bytes, or Corrupt.
Result<std::string> unpacked_chunk(std::string_view frame, std::size_t length);

}  // namespace images::bundle
