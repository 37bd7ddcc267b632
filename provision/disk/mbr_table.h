// Reads the first sector of a disk, and the MBR in it with its chain of extended partitions. Takes hostile bytes.
//
// Format: four entries of 16 bytes from byte 446 on (status, type, first sector, sectors; little-endian), 55 AA at 510. A type of
// 05, 0F or 85 begins a chain of such sectors: the first entry is a logical partition, counted from that sector; the second is
// the next of the chain, counted from the first sector of the chain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"
#include "provision/disk/partition_table.h"

namespace provision::disk {

inline constexpr std::size_t logical_partitions_max = 124;  // with four others, as many as a GPT has by default

enum class FirstSector {
  Empty,       // zeros
  Protective,  // announces a GPT
  Mbr,         // entries that may be partitions
  Foreign,     // anything else: a boot sector, data
};
FirstSector first_sector_kind(std::string_view sector);

// What is wrong with a first sector that announces a GPT; empty when nothing is. Partitions listed beside the announcement are an
// error: some programs would believe them, some the GPT.
std::string protective_fault(std::string_view sector);
// Whether the protective entry covers the disk as it should; one that does not is mended with the table.
bool protective_entry_fits(std::string_view sector, std::uint64_t sectors);

// Fills `table` with an MBR's partitions (ascending by start; logical ones are numbered from 5) and table.mbr, or makes it
// Damaged and says why. Errors are those of `read`.
Done take_mbr(std::string_view sector, std::uint64_t sectors, std::uint32_t sector_size, const ReadAt& read, PartitionTable& table);

}  // namespace provision::disk
