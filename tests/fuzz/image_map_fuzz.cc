// links: images_bundle
#include <string>

#include "images/bundle/image_map.h"

// A map that is accepted has one text: its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace images::bundle;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<ImageMap> map = image_map_from(text);
  if (!map) return 0;
  invariant(text_of(*map) == text, "a map is written as it was read");
  for (const ImageChunk& chunk : map->chunks)
    invariant(map->length_of(chunk.index) > 0 && map->length_of(chunk.index) <= map->chunk_size.count, "a chunk lies within its image");
  return 0;
}
