// An amount of bytes. Contents of files and messages are std::string; this is only how many.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace policies::vocabulary {

struct Bytes {
  std::uint64_t count = 0;
  auto operator<=>(const Bytes&) const = default;
  // Sums beyond 64 bits and differences below zero are broken invariants.
  Bytes operator+(Bytes other) const;
  Bytes operator-(Bytes other) const;
  Bytes& operator+=(Bytes other) { return *this = *this + other; }
  // "512 B", "40 GB", "6 GB", "1.5 MiB": decimal units when exact, else the largest binary unit with one decimal.
  [[nodiscard]] std::string text() const;
};

constexpr Bytes kibibytes(std::uint64_t n) { return {n << 10}; }
constexpr Bytes mebibytes(std::uint64_t n) { return {n << 20}; }
constexpr Bytes gibibytes(std::uint64_t n) { return {n << 30}; }

// "512", "4 KiB", "20 GB", "1 TB": whole numbers; B, kB/MB/GB/TB (powers of 1000), KiB/MiB/GiB/TiB (powers of 1024).
Result<Bytes> bytes_from(std::string_view text);

}  // namespace policies::vocabulary
