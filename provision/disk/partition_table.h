// Reads a partition table from the bytes of a disk: GPT (UEFI 2.10, 5.3) with both its copies, or MBR. Takes hostile bytes.
#pragma once

#include <functional>
#include <string>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

// `length` bytes from `offset`, or an error; never fewer.
using ReadAt = std::function<Result<std::string>(std::uint64_t offset, std::size_t length)>;

// Limits on what a header may claim; beyond them the copy counts as broken.
inline constexpr std::uint32_t gpt_entries_max = 1024;
inline constexpr std::uint32_t gpt_entry_size_max = 512;

enum class TrustedCopy { Neither, Primary, Backup };

struct PartitionTable {
  TableKind kind = TableKind::None;
  std::string damage;
  std::string disk_uuid;
  std::optional<MbrFacts> mbr;  // for Mbr
  bool copies_agree = true;
  TrustedCopy trusted = TrustedCopy::Neither;  // for Gpt: the copy that was read
  std::vector<PartitionFacts> partitions;      // without filesystems; ascending by start
};

// The primary copy is preferred when both are whole. A backup copy without a primary one counts only behind a protective
// MBR or an empty first sector: else it is left from an older use of the disk. Overlapping partitions, partitions outside of what
// is usable, a chain of extended partitions that leads astray, partitions listed beside the entry that protects a GPT, and a GPT
// without a whole copy make the table Damaged; `damage` names place and value. Errors are those of `read`, and InvalidInput for an
// impossible geometry.
Result<PartitionTable> read_partition_table(Bytes disk_size, std::uint32_t sector_size, const ReadAt& read);

// CRC-32 of UEFI (polynomial 04C11DB7, reflected).
std::uint32_t crc32(std::string_view bytes);

}  // namespace provision::disk
