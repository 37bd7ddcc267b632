// links: provision_disk
#include <cstdint>
#include <string>

#include "policies/vocabulary/error.h"
#include "provision/disk/partition_table.h"

namespace {

using namespace provision::disk;
constexpr std::size_t sector = 512;
constexpr std::size_t disk_size = 1 << 20;
constexpr std::size_t header_size = 92;
constexpr std::size_t entries_at = 2 * sector;

void put32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> 8 * i & 0xFF);
}

// Checksums are made right, so that what follows them is reached.
void seal(std::string& disk) {
  const auto field = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(disk[sector + at + i]);
    return value;
  };
  const std::uint64_t length = std::uint64_t{field(80)} * field(84);
  if (length <= disk_size - entries_at) put32(disk, sector + 88, crc32(std::string_view(disk).substr(entries_at, length)));
  put32(disk, sector + 16, 0);
  put32(disk, sector + 16, crc32(std::string_view(disk).substr(sector, header_size)));
}

}  // namespace

// The bytes are the beginning of a disk; the last 512 of them, when there are so many, are its end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size > disk_size) return 0;
  std::string disk(disk_size, '\0');
  disk.replace(0, size, reinterpret_cast<const char*>(bytes), size);
  if (size >= sector) disk.replace(disk_size - sector, sector, reinterpret_cast<const char*>(bytes) + size - sector, sector);
  for (const bool sealed : {false, true}) {
    if (sealed) seal(disk);
    const Result<PartitionTable> table = read_partition_table(
        {disk_size}, sector, [&](std::uint64_t at, std::size_t length) -> Result<std::string> {
          policies::vocabulary::invariant(at <= disk_size && length <= disk_size - at, "a read outside of the disk");
          return disk.substr(at, length);
        });
    if (!table) continue;
    policies::vocabulary::invariant(table->kind != TableKind::Damaged || !table->damage.empty(), "a damaged table that does not say why");
    if (table->kind != TableKind::Gpt && table->kind != TableKind::Mbr) continue;
    Bytes end;
    for (const PartitionFacts& partition : table->partitions) {
      policies::vocabulary::invariant(partition.extent.start >= end, "partitions that overlap, or are out of order");
      end = partition.extent.end();
      policies::vocabulary::invariant(end.count <= disk_size, "a partition outside of the disk");
    }
  }
  return 0;
}
