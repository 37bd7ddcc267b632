// What a bundle says it contains. FORMAT.md has the words and their limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace images::bundle {
using namespace policies::vocabulary;

inline constexpr std::string_view bundle_format = "leaseback-bundle-1";
inline constexpr Bytes manifest_size_max = mebibytes(4);
inline constexpr Bytes file_size_max = {(8ULL << 30) - 1};
inline constexpr Bytes contents_size_max = gibibytes(16);
inline constexpr std::size_t entries_max = 10'000;
inline constexpr std::size_t path_size_max = 240;
inline constexpr std::size_t path_part_size_max = 100;

enum class EntryKind { File, Directory, Link };

struct Entry {
  EntryKind kind = EntryKind::File;
  std::string path;        // where on the machine: absolute
  std::uint32_t mode = 0;  // permission bits; 0 for links
  Bytes size;              // files only
  Digest sha256;           // files only
  std::string target;      // links only
  bool operator==(const Entry&) const = default;
};

enum class SystemKind {
  Archive,  // "os-archive": the payload is a tar archive in one zstd frame
  Image,    // "os-image": the payload is the chunks of a raw ext4 image, each a zstd frame; the entry /image.map tells them
};
std::string_view name_of(SystemKind kind);

// What a bundle says of the operating system that follows its files (FORMAT.md, "An operating system").
struct SystemContents {
  SystemKind kind = SystemKind::Archive;
  Bytes payload_size;          // as it lies in the bundle
  Bytes unpacked_size;         // of the tar archive or the raw image
  std::uint64_t nodes = 0;     // Archive: how many files, folders, links and devices; 0 for an image
  std::string network;         // "systemd-networkd", "NetworkManager"; empty: whichever is found
  std::string kernel;          // paths of entries below /boot/efi; empty: the bundle brings its own loader entries
  std::string initrd;          // empty: none
  std::string kernel_options;  // beside root=; printable ASCII without '"', at most 1 KiB
  bool operator==(const SystemContents&) const = default;
};

inline constexpr std::string_view boot_folder = "/boot/efi";      // entries below it go onto the boot partition
inline constexpr std::string_view image_map_path = "/image.map";  // image_map.h
inline constexpr Bytes payload_size_max = gibibytes(64);
inline constexpr Bytes system_size_max = {std::uint64_t{1} << 40};
inline constexpr std::uint64_t system_nodes_max = 2'000'000;

struct Manifest {
  std::string name;
  std::string version;
  std::string architecture;
  std::vector<Entry> entries;  // by path
  std::optional<SystemContents> system{};  // of a bundle that carries an operating system
  bool operator==(const Manifest&) const = default;

  [[nodiscard]] Bytes contents_size() const;
};

// Every rule of FORMAT.md. InvalidInput or LimitExceeded, naming the path and the value.
Done check_manifest(const Manifest& manifest);
// Parsed and checked.
Result<Manifest> manifest_from(std::string_view json);
// The one JSON form that pack() writes. Precondition: check_manifest() is content.
std::string text_of(const Manifest& manifest);

std::string_view name_of(EntryKind kind);
// "0755". And back: four octal digits up to 0777.
std::string mode_text(std::uint32_t mode);
Result<std::uint32_t> mode_from(std::string_view text);

}  // namespace images::bundle
