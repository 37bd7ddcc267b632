#include "provision/disk/partition_table.h"

#include <fmt/core.h>

#include <optional>

#include "provision/disk/identifiers.h"
#include "provision/disk/mbr_table.h"

namespace provision::disk {
namespace {

constexpr std::uint32_t gpt_header_size_min = 92;
constexpr std::uint32_t gpt_entry_size_min = 128;

std::uint64_t little(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// A GUID's first three fields are little-endian on disk.
std::string guid_at(std::string_view bytes, std::size_t at) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:02x}{:02x}-{:04x}{:08x}", little(bytes, at, 4), little(bytes, at + 4, 2),
                     little(bytes, at + 6, 2), static_cast<unsigned char>(bytes[at + 8]),
                     static_cast<unsigned char>(bytes[at + 9]),
                     static_cast<unsigned>(static_cast<unsigned char>(bytes[at + 10]) << 8 |
                                           static_cast<unsigned char>(bytes[at + 11])),
                     static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + 12])) << 24 |
                         static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + 13])) << 16 |
                         static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + 14])) << 8 |
                         static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + 15])));
}

void append_utf8(std::string& text, std::uint32_t point) {
  if (point < 0x80) {
    text.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    text.push_back(static_cast<char>(0xC0 | point >> 6));
    text.push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else if (point < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | point >> 12));
    text.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else {
    text.push_back(static_cast<char>(0xF0 | point >> 18));
    text.push_back(static_cast<char>(0x80 | (point >> 12 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (point & 0x3F)));
  }
}

// 36 UTF-16 units, ended by a zero; control characters and lone surrogates become U+FFFD, so that a name can be printed.
std::string name_at(std::string_view bytes, std::size_t at) {
  std::string name;
  for (std::size_t i = 0; i < 36; ++i) {
    std::uint32_t unit = static_cast<std::uint32_t>(little(bytes, at + 2 * i, 2));
    if (unit == 0) break;
    if (unit >= 0xD800 && unit < 0xDC00 && i + 1 < 36) {
      const std::uint32_t low = static_cast<std::uint32_t>(little(bytes, at + 2 * (i + 1), 2));
      if (low >= 0xDC00 && low < 0xE000) {
        append_utf8(name, 0x10000 + ((unit - 0xD800) << 10 | (low - 0xDC00)));
        ++i;
        continue;
      }
    }
    if (unit < 0x20 || unit == 0x7F || (unit >= 0xD800 && unit < 0xE000)) unit = 0xFFFD;
    append_utf8(name, unit);
  }
  return name;
}

struct Copy {
  std::string disk_uuid;
  std::uint64_t alternate = 0;
  std::uint64_t first_usable = 0;
  std::uint64_t last_usable = 0;
  std::uint32_t entry_size = 0;
  std::string entries;
};

struct CopyOrFault {
  std::optional<Copy> copy;
  std::string fault;  // why there is none
};

std::string checksum_fault(std::string_view what, std::uint64_t lba, std::uint32_t there, std::uint32_t stated) {
  return fmt::format("{} in sector {} has the checksum {:08X}, but {:08X} is stated", what, lba, there, stated);
}

// What a header claims, held against the disk; empty when it may be believed.
std::string claim_fault(const std::string& header, std::uint64_t lba, std::uint64_t sectors, std::uint32_t sector_size, const Copy& copy) {
  const std::uint64_t entries_lba = little(header, 72, 8);
  const std::uint64_t count = little(header, 80, 4);
  const std::string place = fmt::format("the GPT header in sector {}", lba);
  if (little(header, 24, 8) != lba) return fmt::format("{} says that it lies in sector {}", place, little(header, 24, 8));
  if (copy.first_usable > copy.last_usable || copy.last_usable >= sectors)
    return fmt::format("{} calls sectors {} to {} usable on a disk of {}", place, copy.first_usable, copy.last_usable, sectors);
  if (count > gpt_entries_max || copy.entry_size < gpt_entry_size_min || copy.entry_size > gpt_entry_size_max ||
      (copy.entry_size & (copy.entry_size - 1)) != 0)
    return fmt::format("{} claims {} entries of {} bytes; at most {} of {} to {} are taken", place, count, copy.entry_size, gpt_entries_max,
                       gpt_entry_size_min, gpt_entry_size_max);
  const std::uint64_t taken = (count * copy.entry_size + sector_size - 1) / sector_size;
  if (entries_lba < 2 || entries_lba >= sectors || taken > sectors - entries_lba)
    return fmt::format("{} puts its {} entries into sector {} of a disk of {}", place, count, entries_lba, sectors);
  if (entries_lba <= copy.last_usable && entries_lba + taken > copy.first_usable)
    return fmt::format("{} puts its entries into sectors {} to {}, among those that partitions may use", place, entries_lba, entries_lba + taken - 1);
  return {};
}

// One copy of the GPT whose header is at `lba`.
Result<CopyOrFault> copy_at(std::uint64_t lba, std::uint64_t sectors, std::uint32_t sector_size, const ReadAt& read) {
  Result<std::string> sector = read(lba * sector_size, sector_size);
  if (!sector) return sector.error();
  const std::string& header = *sector;
  if (header.substr(0, 8) != "EFI PART") return CopyOrFault{{}, fmt::format("sector {} holds no GPT header", lba)};
  const std::uint64_t header_size = little(header, 12, 4);
  if (header_size < gpt_header_size_min || header_size > sector_size)
    return CopyOrFault{{}, fmt::format("the GPT header in sector {} claims a size of {} bytes", lba, header_size)};
  std::string zeroed = header.substr(0, header_size);
  zeroed.replace(16, 4, 4, '\0');
  const auto stated = static_cast<std::uint32_t>(little(header, 16, 4));
  if (crc32(zeroed) != stated) return CopyOrFault{{}, checksum_fault("the GPT header", lba, crc32(zeroed), stated)};

  Copy copy;
  copy.alternate = little(header, 32, 8);
  copy.first_usable = little(header, 40, 8);
  copy.last_usable = little(header, 48, 8);
  copy.disk_uuid = guid_at(header, 56);
  copy.entry_size = static_cast<std::uint32_t>(little(header, 84, 4));
  if (std::string fault = claim_fault(header, lba, sectors, sector_size, copy); !fault.empty()) return CopyOrFault{{}, std::move(fault)};
  const std::uint64_t entries_lba = little(header, 72, 8);
  Result<std::string> entries = read(entries_lba * sector_size, little(header, 80, 4) * copy.entry_size);
  if (!entries) return entries.error();
  const auto stated_entries = static_cast<std::uint32_t>(little(header, 88, 4));
  if (crc32(*entries) != stated_entries)
    return CopyOrFault{{}, checksum_fault("the array of GPT entries", entries_lba, crc32(*entries), stated_entries)};
  copy.entries = *std::move(entries);
  return CopyOrFault{std::move(copy), {}};
}

constexpr std::string_view unused_type = "00000000-0000-0000-0000-000000000000";

// Fills table.partitions, or says in table.damage why it cannot be trusted.
void take_entries(const Copy& copy, std::uint32_t sector_size, PartitionTable& table) {
  table.kind = TableKind::Gpt;
  table.disk_uuid = copy.disk_uuid;
  for (std::size_t at = 0, number = 1; at < copy.entries.size(); at += copy.entry_size, ++number) {
    const std::string_view entry = std::string_view(copy.entries).substr(at, copy.entry_size);
    const std::string type = guid_at(entry, 0);
    if (type == unused_type) continue;
    const std::uint64_t first = little(entry, 32, 8);
    const std::uint64_t last = little(entry, 40, 8);
    if (first > last || first < copy.first_usable || last > copy.last_usable) {
      table.kind = TableKind::Damaged;
      table.damage = fmt::format("partition {} claims sectors {} to {}, but sectors {} to {} are usable", number, first, last,
                                 copy.first_usable, copy.last_usable);
      return;
    }
    PartitionFacts partition;
    partition.number = static_cast<std::uint32_t>(number);
    partition.type = upper_case(type);
    partition.uuid = guid_at(entry, 16);
    partition.attributes = little(entry, 48, 8);
    partition.name = name_at(entry, 56);
    partition.extent = {{first * sector_size}, {(last - first + 1) * sector_size}};
    table.partitions.push_back(std::move(partition));
  }
  std::sort(table.partitions.begin(), table.partitions.end(),
            [](const PartitionFacts& a, const PartitionFacts& b) { return a.extent.start < b.extent.start; });
  for (std::size_t i = 1; i < table.partitions.size(); ++i) {
    if (table.partitions[i - 1].extent.end() <= table.partitions[i].extent.start) continue;
    table.kind = TableKind::Damaged;
    table.damage = fmt::format("partitions {} and {} overlap", table.partitions[i - 1].number, table.partitions[i].number);
    return;
  }
}

bool same(const Copy& a, const Copy& b) {
  return a.disk_uuid == b.disk_uuid && a.entries == b.entries && a.first_usable == b.first_usable &&
         a.last_usable == b.last_usable;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  static const auto remainders = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? value >> 1 ^ 0xEDB88320U : value >> 1;
      made[i] = value;
    }
    return made;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = remainders[(crc ^ static_cast<unsigned char>(c)) & 0xFFU] ^ crc >> 8;
  return ~crc;
}

Result<PartitionTable> read_partition_table(Bytes disk_size, std::uint32_t sector_size, const ReadAt& read) {
  if (sector_size < 512 || sector_size > 4096 || (sector_size & (sector_size - 1)) != 0)
    return Error{ErrorCode::InvalidInput, fmt::format("sectors of {} bytes; 512 to 4096 are known", sector_size), {}};
  PartitionTable table;
  const std::uint64_t sectors = disk_size.count / sector_size;
  if (sectors < 4) return table;

  Result<std::string> first = read(0, sector_size);
  if (!first) return first.error().within("reading the first sector");
  const FirstSector kind = first_sector_kind(*first);
  if (kind == FirstSector::Mbr) {
    if (Done taken = take_mbr(*first, sectors, sector_size, read, table); !taken) return taken.error();
    return table;
  }
  if (kind == FirstSector::Foreign) return table;
  Result<CopyOrFault> primary = copy_at(1, sectors, sector_size, read);
  if (!primary) return primary.error().within("reading the partition table");
  Result<CopyOrFault> backup = copy_at(sectors - 1, sectors, sector_size, read);
  if (!backup) return backup.error().within("reading the backup partition table");

  const std::string fault = kind == FirstSector::Protective ? protective_fault(*first) : "";
  if (!fault.empty()) {
    table.kind = TableKind::Damaged;
    table.damage = fault;
  } else if (primary->copy) {
    table.trusted = TrustedCopy::Primary;
    take_entries(*primary->copy, sector_size, table);
    table.copies_agree = kind == FirstSector::Protective && protective_entry_fits(*first, sectors) && backup->copy &&
                         same(*primary->copy, *backup->copy) && primary->copy->alternate == sectors - 1;
  } else if (backup->copy) {
    table.trusted = TrustedCopy::Backup;
    take_entries(*backup->copy, sector_size, table);
    table.copies_agree = false;
  } else if (kind == FirstSector::Protective) {
    table.kind = TableKind::Damaged;
    table.damage = fmt::format("the first sector announces a GPT, but {}, and {}", primary->fault, backup->fault);
  }
  return table;
}

}  // namespace provision::disk
