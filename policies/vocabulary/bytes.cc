#include "policies/vocabulary/bytes.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace policies::vocabulary {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::array<Unit, 9> units = {{{"TB", 1'000'000'000'000},
                                        {"GB", 1'000'000'000},
                                        {"MB", 1'000'000},
                                        {"kB", 1'000},
                                        {"TiB", 1ULL << 40},
                                        {"GiB", 1ULL << 30},
                                        {"MiB", 1ULL << 20},
                                        {"KiB", 1ULL << 10},
                                        {"B", 1}}};

}  // namespace

Bytes Bytes::operator+(Bytes other) const {
  std::uint64_t sum = 0;
  invariant(!__builtin_add_overflow(count, other.count, &sum), "an amount of bytes exceeds 64 bits");
  return {sum};
}

Bytes Bytes::operator-(Bytes other) const {
  invariant(other.count <= count, "an amount of bytes fell below zero");
  return {count - other.count};
}

std::string Bytes::text() const {
  for (const Unit& unit : units)
    if (count >= unit.bytes && unit.bytes != 1 && count % unit.bytes == 0)
      return std::to_string(count / unit.bytes) + " " + std::string(unit.name);
  for (const Unit& unit : units) {
    if (!unit.name.ends_with("iB") || count < unit.bytes) continue;
    std::array<char, 32> number{};
    std::snprintf(number.data(), number.size(), "%.1f ", static_cast<double>(count) / static_cast<double>(unit.bytes));
    return number.data() + std::string(unit.name);
  }
  return std::to_string(count) + " B";
}

Result<Bytes> bytes_from(std::string_view text) {
  const Error bad{ErrorCode::InvalidInput,
                  "'" + std::string(text) + "' is not a size such as '20 GB' or '512 MiB' (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)",
                  {}};
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return bad;
  std::string_view unit_name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit_name.empty()) return Bytes{number};
  if (unit_name.starts_with(' ')) unit_name.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name != unit_name) continue;
    std::uint64_t total = 0;
    if (__builtin_mul_overflow(number, unit.bytes, &total)) return bad;
    return Bytes{total};
  }
  return bad;
}

}  // namespace policies::vocabulary
