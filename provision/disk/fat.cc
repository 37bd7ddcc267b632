#include "provision/disk/fat.h"

#include <fmt/core.h>

#include <cstdlib>

namespace provision::disk {
namespace {

constexpr std::uint32_t reserved_sectors = 32;
constexpr std::uint32_t fat_copies = 2;
constexpr std::uint32_t root_cluster = 2;
constexpr std::uint64_t clusters_min = 65525;       // fewer make it FAT16 to every reader
constexpr std::uint64_t clusters_max = 0x0FFFFFF5;

void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> 8 * i & 0xFF);
}

struct Geometry {
  std::uint32_t sector_size = 512;
  std::uint64_t sectors = 0;
  std::uint32_t sectors_per_cluster = 1;
  std::uint64_t fat_sectors = 0;
  std::uint64_t clusters = 0;
};

// The largest clusters up to 4 KiB that leave enough of them, then larger ones as the size demands.
Result<Geometry> geometry_for(const Extent& extent, std::uint32_t sector_size) {
  for (std::uint32_t cluster : {4096U, 2048U, 1024U, 512U, 8192U, 16384U, 32768U}) {
    if (cluster < sector_size) continue;
    Geometry geometry;
    geometry.sector_size = sector_size;
    geometry.sectors = extent.size.count / sector_size;
    geometry.sectors_per_cluster = cluster / sector_size;
    if (geometry.sectors > UINT32_MAX || geometry.sectors <= reserved_sectors) break;
    const std::uint64_t rest = geometry.sectors - reserved_sectors;
    // Each cluster needs its own sectors and four bytes in each FAT.
    const std::uint64_t clusters_at_most = rest / geometry.sectors_per_cluster;
    geometry.fat_sectors = ((clusters_at_most + 2) * 4 + sector_size - 1) / sector_size;
    if (rest <= fat_copies * geometry.fat_sectors) continue;
    geometry.clusters = (rest - fat_copies * geometry.fat_sectors) / geometry.sectors_per_cluster;
    if (geometry.clusters >= clusters_min && geometry.clusters <= clusters_max) return geometry;
  }
  return Error{ErrorCode::Unsupported,
               fmt::format("{} with sectors of {} bytes cannot be FAT32; order an ESP of 64 MiB to 1 TiB (260 MiB at least "
                           "with 4096-byte sectors)", extent.size.text(), sector_size), {}};
}

std::string padded_label(const std::string& label) {
  std::string padded = label.substr(0, 11);
  padded.resize(11, ' ');
  return padded;
}

std::string boot_sector(const Geometry& geometry, std::uint64_t first_sector, const std::string& label, std::uint32_t id) {
  std::string bytes(geometry.sector_size, '\0');
  bytes.replace(0, 11, "\xEB\x58\x90" "LEASEBAK", 11);
  put(bytes, 11, geometry.sector_size, 2);
  put(bytes, 13, geometry.sectors_per_cluster, 1);
  put(bytes, 14, reserved_sectors, 2);
  put(bytes, 16, fat_copies, 1);
  put(bytes, 21, 0xF8, 1);
  put(bytes, 24, 63, 2);
  put(bytes, 26, 255, 2);
  put(bytes, 28, first_sector <= UINT32_MAX ? first_sector : 0, 4);
  put(bytes, 32, geometry.sectors, 4);
  put(bytes, 36, geometry.fat_sectors, 4);
  put(bytes, 44, root_cluster, 4);
  put(bytes, 48, 1, 2);  // FSInfo
  put(bytes, 50, 6, 2);  // backup boot sector
  put(bytes, 64, 0x80, 1);
  put(bytes, 66, 0x29, 1);
  put(bytes, 67, id, 4);
  bytes.replace(71, 11, padded_label(label));
  bytes.replace(82, 8, "FAT32   ");
  // Not bootable by itself: halt, should a firmware jump here.
  bytes.replace(90, 2, "\xF4\xEB");
  put(bytes, 92, 0xFD, 1);
  put(bytes, 510, 0xAA55, 2);
  return bytes;
}

std::string space_sector(const Geometry& geometry) {
  std::string bytes(geometry.sector_size, '\0');
  put(bytes, 0, 0x41615252, 4);
  put(bytes, 484, 0x61417272, 4);
  put(bytes, 488, geometry.clusters - 1, 4);
  put(bytes, 492, root_cluster + 1, 4);
  put(bytes, 508, 0xAA550000, 4);
  return bytes;
}

}  // namespace

Result<Contents> fat32_contents(const PlannedPartition& partition, std::uint32_t sector_size) {
  const Extent& extent = partition.extent;
  Result<Geometry> planned = geometry_for(extent, sector_size);
  if (!planned) return planned.error();
  const Geometry& geometry = *planned;
  const std::uint64_t sector = geometry.sector_size;
  const std::string& id = partition.filesystem_uuid;
  const auto volume = static_cast<std::uint32_t>(std::strtoul((id.substr(0, 4) + id.substr(5)).c_str(), nullptr, 16));
  const std::string boot = boot_sector(geometry, extent.start.count / sector, partition.filesystem_label, volume);
  const std::uint64_t start = extent.start.count;
  const std::uint64_t tables = start + reserved_sectors * sector;
  const std::uint64_t root = tables + fat_copies * geometry.fat_sectors * sector;

  Contents contents;
  contents.extent = extent;
  contents.cleared = {root + std::uint64_t{geometry.sectors_per_cluster} * sector - start};
  std::string first_entries(12, '\0');
  put(first_entries, 0, 0x0FFFFFF8, 4);
  put(first_entries, 4, 0x0FFFFFFF, 4);
  put(first_entries, 8, 0x0FFFFFFF, 4);  // the root directory is one cluster
  for (std::uint64_t copy = 0; copy < fat_copies; ++copy)
    contents.body.push_back({tables + copy * geometry.fat_sectors * sector, first_entries});
  std::string root_entry = padded_label(partition.filesystem_label) + '\x08';
  root_entry.resize(32, '\0');
  put(root_entry, 24, 0x5821, 2);  // 2024-01-01: any lawful date; a fixed one keeps images alike
  contents.body.push_back({root, root_entry});
  for (const std::uint64_t at : {std::uint64_t{1}, std::uint64_t{7}}) contents.body.push_back({start + at * sector, space_sector(geometry)});
  contents.body.push_back({start + 6 * sector, boot});
  contents.head.push_back({start, boot});
  return contents;
}

}  // namespace provision::disk
