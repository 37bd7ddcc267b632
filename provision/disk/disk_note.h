// A few lines that travel with a disk, outside of all partitions: "do not ship this one". In the last 4 KiB before the first MiB,
// which no table of ours and no boot loader uses; a disk on which a partition begins before is left alone.
//
// Format: "LEASEBACK-NOTE-1 " length " " SHA-256 (hex) of the text "\n" text, then zeros up to 4 KiB. Zeros alone: no note.
#pragma once

#include <string>

#include "provision/disk/device_file.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

inline constexpr std::uint64_t note_at = mebibytes(1).count - 4096;
inline constexpr std::size_t note_size = 4096;
inline constexpr std::size_t note_text_max = 3072;

// The text in these note_size bytes; empty when there is none. Corrupt when there is one that does not hold what it says; bytes of
// somebody else's are no note.
Result<std::string> note_from(std::string_view bytes);
// note_size bytes. Precondition: at most note_text_max bytes of text. An empty text is zeros.
std::string bytes_of_note(std::string_view text);

Result<std::string> read_note(const DeviceFile& disk);
// Durable. Conflict when a partition lies there, or bytes that are not ours.
Done write_note(DeviceFile& disk, const DiskFacts& facts, std::string_view text);

}  // namespace provision::disk
