#include "provision/hardware/readings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace provision::hardware {
namespace {

constexpr std::size_t plain_size_max = 128;
constexpr std::uint32_t processors_max = 65536;
constexpr std::int64_t megahertz_max = 100'000;
constexpr std::string_view blanks = " \t\r\n\v\f";

// What makers of boards leave in place of a value.
constexpr std::array<std::string_view, 14> unfilled = {
    "to be filled by o.e.m.", "default string", "system serial number", "system product name", "system manufacturer", "not specified", "not applicable",
    "none", "n/a", "0", "0123456789", "123456789", "unknown", "invalid"};

std::string_view trimmed(std::string_view text) {
  const std::size_t nul = text.find('\0');
  text = text.substr(0, nul);
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t length) {
  std::uint32_t value = 0;
  for (std::size_t i = length; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// The value of the first line "key\t: value".
std::string_view field_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == key) return trimmed(line.substr(colon + 1));
  }
  return {};
}

std::optional<double> decimal(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (failure != std::errc() || end != text.data() + text.size() || !(value >= 0) || value > 1e9) return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole_megahertz(double megahertz) {
  if (!(megahertz >= 1) || megahertz > static_cast<double>(megahertz_max)) return std::nullopt;
  return std::llround(megahertz);
}

}  // namespace

std::string plain(std::string_view reading) {
  std::string text(trimmed(reading).substr(0, plain_size_max));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string filled_in(std::string_view reading) {
  std::string text = plain(reading);
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool is_unfilled = std::find(unfilled.begin(), unfilled.end(), lower) != unfilled.end();
  return is_unfilled ? std::string() : text;
}

std::optional<std::uint64_t> count_from(std::string_view reading) {
  const std::string_view text = trimmed(reading);
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint32_t count_of_list(std::string_view reading) {
  std::string_view text = trimmed(reading);
  std::uint64_t total = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view range = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t dash = range.find('-');
    const auto first = count_from(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : count_from(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last >= processors_max) return 0;
    total += *last - *first + 1;
    if (total > processors_max) return 0;
  }
  return static_cast<std::uint32_t>(total);
}

std::optional<Bytes> module_size(std::string_view structure) {
  constexpr std::size_t size_at = 0x0c;
  constexpr std::size_t extended_at = 0x1c;
  if (structure.size() < size_at + 2 || structure[0] != 17) return std::nullopt;
  const std::size_t length = static_cast<unsigned char>(structure[1]);
  if (length < size_at + 2 || length > structure.size()) return std::nullopt;
  const std::uint32_t size = little_endian(structure, size_at, 2);
  if (size == 0xffff) return std::nullopt;
  if (size == 0x7fff) {
    if (length < extended_at + 4) return std::nullopt;
    return mebibytes(little_endian(structure, extended_at, 4) & 0x7fffffff);
  }
  return (size & 0x8000) != 0 ? kibibytes(size & 0x7fff) : mebibytes(size);
}

std::optional<Bytes> memory_total(std::string_view meminfo) {
  std::string_view value = field_of(meminfo, "MemTotal");
  if (!value.ends_with(" kB")) return std::nullopt;
  value.remove_suffix(3);
  const auto count = count_from(value);
  if (!count || *count > (std::uint64_t{1} << 43)) return std::nullopt;
  return kibibytes(*count);
}

std::string processor_name(std::string_view cpuinfo) { return plain(field_of(cpuinfo, "model name")); }

std::optional<std::int64_t> megahertz_now(std::string_view cpuinfo) {
  const auto value = decimal(field_of(cpuinfo, "cpu MHz"));
  return value ? whole_megahertz(*value) : std::nullopt;
}

std::optional<std::int64_t> megahertz_in_name(std::string_view name) {
  const std::size_t at = name.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view speed = trimmed(name.substr(at + 1));
  const bool giga = speed.ends_with("GHz");
  if (!giga && !speed.ends_with("MHz")) return std::nullopt;
  speed.remove_suffix(3);
  const auto value = decimal(trimmed(speed));
  return value ? whole_megahertz(giga ? *value * 1000 : *value) : std::nullopt;
}

std::string serial_of_page_80(std::string_view page) {
  if (page.size() < 4 || static_cast<unsigned char>(page[1]) != 0x80) return {};
  const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(page[2])) << 8 | static_cast<unsigned char>(page[3]);
  return plain(page.substr(4, length));
}

bool is_ups(std::string_view report_descriptor) {
  constexpr std::uint32_t power_device_page = 0x84;
  constexpr std::uint32_t ups_usage = 0x04;
  std::uint32_t page = 0;
  std::uint32_t usage = 0;
  for (std::size_t at = 0; at < report_descriptor.size();) {
    const auto prefix = static_cast<unsigned char>(report_descriptor[at]);
    if (prefix == 0xfe) {  // a long item: its length is the next byte
      if (at + 1 >= report_descriptor.size()) return false;
      at += 3 + static_cast<unsigned char>(report_descriptor[at + 1]);
      continue;
    }
    const std::size_t length = (prefix & 3) == 3 ? 4 : prefix & 3;
    if (at + 1 + length > report_descriptor.size()) return false;
    const std::uint32_t value = little_endian(report_descriptor, at + 1, length);
    const unsigned kind = prefix & 0xfc;
    if (kind == 0x04) page = value;                                          // usage page, global
    if (kind == 0x08) usage = length == 4 ? value : (page << 16 | value);    // usage, local
    if (kind == 0xa0 && usage == (power_device_page << 16 | ups_usage)) return true;  // a collection begins
    at += 1 + length;
  }
  return false;
}

}  // namespace provision::hardware
