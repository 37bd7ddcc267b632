#include "provision/disk/mbr_table.h"

#include <fmt/core.h>

#include <set>

namespace provision::disk {
namespace {

constexpr std::size_t entries_at = 446;
constexpr std::size_t entry_size = 16;
constexpr std::size_t boot_code_size = 440;
constexpr unsigned protective_type = 0xEE;

struct Entry {
  unsigned status = 0;
  unsigned type = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

Entry entry_of(std::string_view sector, std::size_t index) {
  const std::string_view bytes = sector.substr(entries_at + index * entry_size, entry_size);
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const auto little32 = [&](std::size_t at) {
    return std::uint64_t{byte(at)} | std::uint64_t{byte(at + 1)} << 8 | std::uint64_t{byte(at + 2)} << 16 | std::uint64_t{byte(at + 3)} << 24;
  };
  return {byte(0), byte(4), little32(8), little32(12)};
}

bool is_extended(unsigned type) { return type == 0x05 || type == 0x0F || type == 0x85; }

bool has_signature(std::string_view sector) {
  return static_cast<unsigned char>(sector[510]) == 0x55 && static_cast<unsigned char>(sector[511]) == 0xAA;
}

PartitionFacts partition_of(const Entry& entry, std::uint64_t base, std::uint32_t number, std::uint32_t sector_size) {
  PartitionFacts partition;
  partition.number = number;
  partition.type = fmt::format("{:02X}", entry.type);
  partition.extent = {{(base + entry.first) * sector_size}, {entry.count * sector_size}};
  return partition;
}

class Reading {
 public:
  Reading(std::uint64_t sectors, std::uint32_t sector_size, const ReadAt& read, PartitionTable& table)
      : sectors_(sectors), sector_size_(sector_size), read_(read), table_(table) {}

  Done take(std::string_view sector) {
    for (std::size_t i = 0; i < 4; ++i) {
      const Entry entry = entry_of(sector, i);
      if (entry.type == 0) continue;
      const auto number = static_cast<std::uint32_t>(i + 1);
      if (!within(entry, 0, fmt::format("entry {} of the MBR", number), 1, sectors_)) return {};
      if (entry.status == 0x80) table_.mbr->active_partition = number;
      if (!is_extended(entry.type)) {
        table_.partitions.push_back(partition_of(entry, 0, number, sector_size_));
        continue;
      }
      if (extended_.count > 0) {
        damaged("the MBR lists two extended partitions");
        return {};
      }
      extended_ = entry;
    }
    if (extended_.count > 0)
      if (Done followed = follow(); !followed) return followed;
    if (table_.kind == TableKind::Mbr) check_overlaps();
    return {};
  }

 private:
  void damaged(std::string why) {
    table_.kind = TableKind::Damaged;
    table_.damage = std::move(why);
    table_.partitions.clear();
  }

  bool within(const Entry& entry, std::uint64_t base, const std::string& place, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t first = base + entry.first;
    if (entry.count > 0 && first >= from && first + entry.count <= to) return true;
    damaged(fmt::format("{} claims {} sectors from sector {}, but there are sectors {} to {}", place, entry.count, first, from, to - 1));
    return false;
  }

  // The chain of extended partitions, which a disk may lead in a circle or out of itself.
  Done follow() {
    const std::uint64_t end = extended_.first + extended_.count;
    std::set<std::uint64_t> seen;
    std::uint32_t number = 5;
    for (std::uint64_t at = extended_.first;;) {
      if (!seen.insert(at).second) {
        damaged(fmt::format("the chain of extended partitions leads back to sector {}", at));
        return {};
      }
      if (seen.size() > logical_partitions_max) {
        damaged(fmt::format("the chain of extended partitions is longer than {} at sector {}", logical_partitions_max, at));
        return {};
      }
      Result<std::string> sector = read_(at * sector_size_, sector_size_);
      if (!sector) return sector.error().within(fmt::format("reading the extended partition at sector {}", at));
      if (!has_signature(*sector)) {
        damaged(fmt::format("the extended partition at sector {} lacks its mark 55 AA", at));
        return {};
      }
      const Entry logical = entry_of(*sector, 0);
      const std::string place = fmt::format("logical partition {} at sector {}", number, at);
      if (logical.type != 0) {
        if (!within(logical, at, place, at + 1, end)) return {};
        if (logical.status == 0x80) table_.mbr->active_partition = number;
        table_.partitions.push_back(partition_of(logical, at, number++, sector_size_));
      }
      const Entry next = entry_of(*sector, 1);
      if (next.type == 0) return {};
      if (!is_extended(next.type) || extended_.first + next.first >= end) {
        damaged(fmt::format("the chain of extended partitions leads from sector {} to sector {}, but it lies in sectors {} to {}", at,
                            extended_.first + next.first, extended_.first, end - 1));
        return {};
      }
      at = extended_.first + next.first;
    }
  }

  void check_overlaps() {
    std::sort(table_.partitions.begin(), table_.partitions.end(),
              [](const PartitionFacts& a, const PartitionFacts& b) { return a.extent.start < b.extent.start; });
    const Bytes from = {extended_.first * sector_size_};
    const Bytes to = {(extended_.first + extended_.count) * sector_size_};
    for (std::size_t i = 0; i < table_.partitions.size(); ++i) {
      const PartitionFacts& here = table_.partitions[i];
      const bool reaches_in = here.number <= 4 && here.extent.start < to && from < here.extent.end();
      if (reaches_in) return damaged(fmt::format("partition {} overlaps the extended partition", here.number));
      if (i > 0 && table_.partitions[i - 1].extent.end() > here.extent.start)
        return damaged(fmt::format("partitions {} and {} overlap", table_.partitions[i - 1].number, here.number));
    }
  }

  std::uint64_t sectors_;
  std::uint32_t sector_size_;
  const ReadAt& read_;
  PartitionTable& table_;
  Entry extended_;
};

// Whether anything is written between the first sector and the first partition, as GRUB does.
Result<bool> gap_is_written(std::uint64_t first_partition, std::uint64_t disk_size, std::uint32_t sector_size, const ReadAt& read) {
  const std::uint64_t end = std::min({first_partition, disk_size, mebibytes(1).count});
  if (end <= sector_size) return false;
  Result<std::string> gap = read(sector_size, static_cast<std::size_t>(end - sector_size));
  if (!gap) return gap.error();
  return gap->find_first_not_of('\0') != std::string::npos;
}

}  // namespace

FirstSector first_sector_kind(std::string_view sector) {
  if (sector.find_first_not_of('\0') == std::string_view::npos) return FirstSector::Empty;
  if (!has_signature(sector)) return FirstSector::Foreign;
  bool any = false;
  for (std::size_t i = 0; i < 4; ++i) {
    const Entry entry = entry_of(sector, i);
    if (entry.status != 0x00 && entry.status != 0x80) return FirstSector::Foreign;
    if (entry.type == protective_type) return FirstSector::Protective;
    any = any || entry.type != 0;
  }
  return any ? FirstSector::Mbr : FirstSector::Foreign;
}

std::string protective_fault(std::string_view sector) {
  for (std::size_t i = 0; i < 4; ++i) {
    const Entry entry = entry_of(sector, i);
    if (entry.type == 0 || entry.type == protective_type) continue;
    return fmt::format("beside the one that protects the GPT, the first sector lists partition {} of type {:02X} (sectors {} to {}): a hybrid, which "
                       "programs read differently", i + 1, entry.type, entry.first, entry.first + std::max<std::uint64_t>(entry.count, 1) - 1);
  }
  return {};
}

bool protective_entry_fits(std::string_view sector, std::uint64_t sectors) {
  for (std::size_t i = 0; i < 4; ++i) {
    const Entry entry = entry_of(sector, i);
    if (entry.type != protective_type) continue;
    return entry.first == 1 && (entry.count == UINT32_MAX || entry.count == std::min<std::uint64_t>(sectors - 1, UINT32_MAX));
  }
  return false;
}

Done take_mbr(std::string_view sector, std::uint64_t sectors, std::uint32_t sector_size, const ReadAt& read, PartitionTable& table) {
  table.kind = TableKind::Mbr;
  table.mbr = MbrFacts{};
  table.mbr->boot_code = sector.substr(0, boot_code_size).find_first_not_of('\0') != std::string_view::npos;
  for (std::size_t i = 0; i < 4; ++i) table.mbr->signature |= std::uint32_t{static_cast<unsigned char>(sector[boot_code_size + i])} << 8 * i;
  if (Done taken = Reading(sectors, sector_size, read, table).take(sector); !taken) return taken;
  const std::uint64_t first = table.partitions.empty() ? mebibytes(1).count : table.partitions.front().extent.start.count;
  Result<bool> written = gap_is_written(first, sectors * sector_size, sector_size, read);
  if (!written) return written.error();
  table.mbr->gap_written = *written;
  return {};
}

}  // namespace provision::disk
