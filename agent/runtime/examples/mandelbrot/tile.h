// The result of one tile: this head, then three bytes (red, green, blue) per pixel, row by row. Little-endian.
#pragma once

#include <cstdint>

namespace agent::runtime::examples::mandelbrot {

struct TileHead {
  char magic[8] = {'L', 'B', 'T', 'I', 'L', 'E', '1', 0};
  std::uint32_t picture_width = 0;
  std::uint32_t picture_height = 0;
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};
static_assert(sizeof(TileHead) == 32);

}  // namespace agent::runtime::examples::mandelbrot
