// mandelbrot_assemble DIR OUT.png: puts the results of the job together. Every pixel must be there exactly once.
#include <png.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "agent/runtime/examples/mandelbrot/tile.h"

namespace {

namespace fs = std::filesystem;
using agent::runtime::examples::mandelbrot::TileHead;

constexpr std::uint32_t side_max = 20'000;

struct Picture {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;   // three bytes each
  std::vector<bool> painted;
  std::size_t tiles = 0;
};

int failed(const std::string& why) {
  std::fprintf(stderr, "mandelbrot_assemble: %s\n", why.c_str());
  return 1;
}

// Empty when it went well.
std::string add_tile(Picture& picture, const std::string& bytes) {
  TileHead head;
  if (bytes.size() < sizeof head || std::memcmp(bytes.data(), head.magic, sizeof head.magic) != 0) return "is no tile";
  std::memcpy(&head, bytes.data(), sizeof head);
  const bool sane = head.picture_width <= side_max && head.picture_height <= side_max && head.width <= head.picture_width &&
                    head.height <= head.picture_height && head.left <= head.picture_width - head.width && head.top <= head.picture_height - head.height;
  if (!sane || bytes.size() != sizeof head + std::size_t{3} * head.width * head.height) return "is damaged";
  if (picture.tiles == 0) {
    picture.width = head.picture_width;
    picture.height = head.picture_height;
    picture.pixels.assign(std::size_t{3} * picture.width * picture.height, 0);
    picture.painted.assign(std::size_t{picture.width} * picture.height, false);
  }
  if (head.picture_width != picture.width || head.picture_height != picture.height) return "belongs to another picture";
  const char* from = bytes.data() + sizeof head;
  for (std::uint32_t y = 0; y < head.height; ++y, from += std::size_t{3} * head.width) {
    const std::size_t start = (std::size_t{head.top} + y) * picture.width + head.left;
    for (std::uint32_t x = 0; x < head.width; ++x) {
      if (picture.painted[start + x]) return "overlaps another tile";
      picture.painted[start + x] = true;
    }
    std::memcpy(&picture.pixels[start * 3], from, std::size_t{3} * head.width);
  }
  ++picture.tiles;
  return {};
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "Usage: mandelbrot_assemble DIR OUT.png\nPuts the *.result files of DIR, as `leaseback job results` wrote them, together to one picture.\n");
    return 2;
  }
  std::vector<fs::path> paths;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(words[1], failure))
    if (entry.path().extension() == ".result") paths.push_back(entry.path());
  if (failure) return failed(std::string(words[1]) + ": " + failure.message());
  std::sort(paths.begin(), paths.end());
  Picture picture;
  for (const fs::path& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (const std::string wrong = add_tile(picture, bytes); !wrong.empty()) return failed(path.string() + " " + wrong);
  }
  const auto bare = std::count(picture.painted.begin(), picture.painted.end(), false);
  if (picture.tiles == 0 || bare > 0) return failed(std::to_string(picture.tiles) + " tiles leave " + std::to_string(bare) + " pixels bare");
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = picture.width;
  image.height = picture.height;
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, words[2], 0, picture.pixels.data(), 0, nullptr) == 0) return failed(std::string(words[2]) + ": " + image.message);
  std::printf("%s: %u x %u pixels from %zu tiles\n", words[2], picture.width, picture.height, picture.tiles);
  return 0;
}
