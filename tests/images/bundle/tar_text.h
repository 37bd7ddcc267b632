// Tar archives written by hand, so that a test can write what no honest program would.
#pragma once

#include <cstdio>
#include <string>

namespace images::bundle {

struct TarNode {
  std::string name;
  char type = '0';  // '0' file, '1' hard link, '2' symlink, '3' character, '4' block, '5' folder, '6' fifo
  std::string content{};
  std::string target{};
  unsigned mode = 0644;
  unsigned long uid = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::string pax{};  // records of an extended header, such as "30 SCHILY.xattr.user.a=b\n"
};

inline void put_octal(std::string& header, std::size_t at, std::size_t width, unsigned long value) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%0*lo", static_cast<int>(width - 1), value);
  header.replace(at, width - 1, digits);
}

// POSIX ustar: name 100, mode 8, uid 8, gid 8, size 12, mtime 12, checksum 8, type 1, target 100, magic 8, ..., major, minor.
inline std::string tar_header(const TarNode& node, std::size_t size) {
  std::string header(512, '\0');
  header.replace(0, node.name.size(), node.name);
  put_octal(header, 100, 8, node.mode);
  put_octal(header, 108, 8, node.uid);
  put_octal(header, 116, 8, 0);
  put_octal(header, 124, 12, size);
  put_octal(header, 136, 12, 1'700'000'000);
  header.replace(148, 8, "        ");
  header[156] = node.type;
  header.replace(157, node.target.size(), node.target);
  header.replace(257, 8, std::string("ustar\00000", 8));
  put_octal(header, 329, 8, node.major);
  put_octal(header, 337, 8, node.minor);
  unsigned long sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 7, sum);
  return header;
}

inline std::string padded(std::string content) {
  content.resize((content.size() + 511) / 512 * 512);
  return content;
}

inline std::string tar_of(const std::vector<TarNode>& nodes) {
  std::string tar;
  for (const TarNode& node : nodes) {
    if (!node.pax.empty()) tar += tar_header({.name = "pax", .type = 'x'}, node.pax.size()) + padded(node.pax);
    tar += tar_header(node, node.content.size()) + padded(node.content);
  }
  return tar + std::string(1024, '\0');
}

// One record of an extended header: its length, counted with itself, then "key=value\n".
inline std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

}  // namespace images::bundle
