// mandelbrot_tile: one tile of a picture of the Mandelbrot set, as a task for leased machines. Parameters are those of job.yaml.
//
// Copies of a task are compared byte by byte, so the arithmetic must give the same on every machine: plain double operations in a
// fixed order, no fused multiply-add, no library function but none at all in the loop.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "agent/runtime/leaseback_task.hpp"
#include "agent/runtime/examples/mandelbrot/tile.h"

namespace {

namespace task = leaseback::task;
using agent::runtime::examples::mandelbrot::TileHead;

constexpr int not_finished = 75;  // EX_TEMPFAIL: start me again from my checkpoint

// The parameters are one flat JSON object of numbers, written by the client library.
double number(const std::string& parameters, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  const std::size_t at = parameters.find(key);
  if (at == std::string::npos) throw std::runtime_error("the parameter '" + name + "' is missing");
  return std::stod(parameters.substr(at + key.size()));
}

struct View {
  std::uint32_t columns, rows, tile;  // tiles across and down, pixels of a tile's side
  std::uint32_t column, row;          // this tile
  std::uint32_t samples;              // per pixel and direction
  std::uint32_t iterations;
  double centre_x, centre_y, width;
};

View view_from(const std::string& parameters) {
  const auto whole = [&](const char* name, double highest) {
    const double value = number(parameters, name);
    if (!(value >= 0 && value <= highest)) throw std::runtime_error(std::string("the parameter '") + name + "' is out of range");
    return static_cast<std::uint32_t>(value);
  };
  View view{whole("columns", 1'000), whole("rows", 1'000), whole("tile", 1'000), whole("column", 999), whole("row", 999), whole("samples", 16), whole("iterations", 1e9),
            number(parameters, "centre_x"), number(parameters, "centre_y"), number(parameters, "width")};
  if (view.column >= view.columns || view.row >= view.rows || view.tile == 0 || view.samples == 0 || view.iterations == 0) throw std::runtime_error("there is no such tile");
  return view;
}

std::uint32_t steps_to_escape(double x, double y, std::uint32_t most) {
  double a = 0, b = 0;
  for (std::uint32_t step = 0; step < most; ++step) {
    const double a2 = a * a;
    const double b2 = b * b;
    if (a2 + b2 > 16.0) return step;
    b = 2.0 * a * b + y;
    a = a2 - b2 + x;
  }
  return most;
}

struct Colour {
  std::uint32_t red = 0, green = 0, blue = 0;
};

struct Stop {
  std::uint32_t at, red, green, blue;
};
constexpr std::uint32_t wheel = 1'024;
constexpr Stop stops[] = {{0, 0, 7, 100}, {164, 32, 107, 203}, {430, 237, 255, 255}, {658, 255, 170, 0}, {878, 40, 10, 30}, {wheel, 0, 7, 100}};

// A wheel of colours in whole numbers; what never escapes is black.
Colour colour_of(std::uint32_t steps, std::uint32_t most) {
  if (steps == most) return {};
  const std::uint32_t at = steps * 3 % wheel;
  const Stop* to = stops + 1;
  while (to->at <= at) ++to;
  const Stop* from = to - 1;
  const auto between = [&](std::uint32_t low, std::uint32_t high) { return (low * (to->at - at) + high * (at - from->at)) / (to->at - from->at); };
  return {between(from->red, to->red), between(from->green, to->green), between(from->blue, to->blue)};
}

std::string line_of_pixels(const View& view, std::uint32_t line) {
  const double step = view.width / (static_cast<double>(view.columns) * view.tile * view.samples);
  const double across = static_cast<double>(view.columns) * view.tile * view.samples / 2;
  const double down = static_cast<double>(view.rows) * view.tile * view.samples / 2;
  const std::uint32_t samples = view.samples;
  std::string pixels;
  for (std::uint32_t pixel = 0; pixel < view.tile; ++pixel) {
    Colour sum;
    for (std::uint32_t i = 0; i < samples * samples; ++i) {
      const double x = view.centre_x + ((static_cast<double>(view.column) * view.tile + pixel) * samples + i % samples - across) * step;
      const double y = view.centre_y + ((static_cast<double>(view.row) * view.tile + line) * samples + i / samples - down) * step;
      const Colour colour = colour_of(steps_to_escape(x, y, view.iterations), view.iterations);
      sum.red += colour.red, sum.green += colour.green, sum.blue += colour.blue;
    }
    for (const std::uint32_t part : {sum.red, sum.green, sum.blue}) pixels += static_cast<char>(part / (samples * samples));
  }
  return pixels;
}

int run() {
  const View view = view_from(task::parameters());
  const std::size_t line_size = std::size_t{3} * view.tile;
  std::string pixels = task::read_checkpoint().value_or("");
  if (pixels.size() % line_size != 0 || pixels.size() > line_size * view.tile) pixels.clear();
  while (pixels.size() < line_size * view.tile) {
    if (task::stop_asked()) {
      task::write_checkpoint(pixels);
      return not_finished;
    }
    pixels += line_of_pixels(view, static_cast<std::uint32_t>(pixels.size() / line_size));
    if (task::checkpoint_asked()) task::write_checkpoint(pixels);
  }
  TileHead head;
  head.picture_width = view.columns * view.tile;
  head.picture_height = view.rows * view.tile;
  head.left = view.column * view.tile;
  head.top = view.row * view.tile;
  head.width = head.height = view.tile;
  task::write_result(std::string(reinterpret_cast<const char*>(&head), sizeof head) + pixels);
  return 0;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "mandelbrot_tile: %s\n", failure.what());
    return 1;
  }
}
