// What is on a disk now, as read; the input of every plan. Values only. All offsets and sizes are bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"

namespace provision::disk {
using namespace policies::vocabulary;

struct Extent {
  Bytes start;
  Bytes size;
  [[nodiscard]] Bytes end() const { return start + size; }
  bool operator==(const Extent&) const = default;
};

enum class FilesystemKind {
  None,   // no signature that we or libblkid know
  Fat,
  Ext4,   // and ext2, ext3: what e2fsck checks
  Ntfs,
  Luks2,
  Other,  // see FilesystemFacts::name
};

struct FilesystemFacts {
  FilesystemKind kind = FilesystemKind::None;
  std::string name;   // libblkid's word for it: "vfat", "ext4", "crypto_LUKS", "ntfs"; empty for None
  std::string label;
  std::string uuid;   // lower case; "ABCD-1234" for FAT; empty when it has none
  Bytes size;         // Ext4 and Ntfs: what the superblock, or the boot sector, says
  Bytes used;         // Ext4 only
  bool clean = true;  // Ext4 only: false when a check is due (a cut write, a journal to replay, errors)
  // Ext4 only: a cut write left a superblock that fails its checksum. Its sizes are unknown (0); a check must come first.
  bool torn = false;
  bool operator==(const FilesystemFacts&) const = default;
};

// One LUKS key slot of ours, as its token describes it.
struct TokenSlot {
  std::uint32_t slot = 0;
  std::string purpose;  // "controller", "recovery", "tpm"
  Digest key_digest;    // key_digest_of(the slot's key): tells keys apart, opens nothing
  bool operator==(const TokenSlot&) const = default;
};

// What the LUKS2 token of type agent::contract::lease_token_type says.
struct LeaseToken {
  std::map<std::string, std::string> facts;  // e.g. order, terms; at most 32 entries, texts of at most 1 KiB, no secrets
  std::vector<TokenSlot> slots;              // ascending by slot
  bool operator==(const LeaseToken&) const = default;
};

struct LuksFacts {
  std::string uuid;
  std::string label;
  std::string cipher;                     // "aes-xts-plain64"
  std::uint32_t volume_key_bits = 0;
  std::uint32_t sector_size = 0;
  Bytes header_size;                      // where the sealed bytes begin within the partition
  std::vector<std::uint32_t> slots;       // those in use, ascending
  std::optional<LeaseToken> token;        // nullopt: none of ours, or one that cannot be read
  bool operator==(const LuksFacts&) const = default;
};

struct PartitionFacts {
  std::uint32_t number = 0;   // 1-based, as in sda1
  std::string type;           // GUID in upper case; for MBR two hex digits
  std::string uuid;           // lower case; empty for MBR
  std::string name;           // GPT name, UTF-8
  std::uint64_t attributes = 0;
  Extent extent;
  FilesystemFacts filesystem;
  std::optional<LuksFacts> luks;  // when filesystem.kind is Luks2 and its header is whole
  bool operator==(const PartitionFacts&) const = default;
};

// What an MBR says beside its partitions: whether a machine starts from it.
struct MbrFacts {
  std::uint32_t signature = 0;         // of the disk, by which Linux and Windows know its partitions
  std::uint32_t active_partition = 0;  // its number; 0: none
  bool boot_code = false;              // in the first sector
  bool gap_written = false;            // between the first sector and the first partition (of the first MiB), as GRUB does
  bool operator==(const MbrFacts&) const = default;
};

enum class TableKind { None, Gpt, Mbr, Damaged };  // Damaged: one that cannot be trusted

struct DiskFacts {
  std::string path;
  Bytes size;
  std::uint32_t sector_size = 512;
  bool sector_size_known = true;            // false: an image file without a GPT, which may become one of either kind
  std::string serial;                       // empty for image files
  TableKind table = TableKind::None;
  std::string damage;                       // for Damaged: what is wrong, for people
  std::string disk_uuid;                    // lower case; empty without a GPT
  std::optional<MbrFacts> mbr;              // for Mbr
  bool copies_agree = true;                 // false: one GPT copy is stale or broken; writing the table mends it
  std::vector<PartitionFacts> partitions;   // ascending by start
  FilesystemFacts whole_disk;               // a filesystem or RAID member straight on the disk, without a table
  // Nothing is lost by writing here: no partitions, no signature, and only zeros in the first and last MiB beside what an
  // empty or cut partition table leaves there.
  bool blank = false;

  [[nodiscard]] const PartitionFacts* partition(std::uint32_t number) const;
  // The partition that carries agent::contract::lease_partition_type; nullptr when there is none.
  [[nodiscard]] const PartitionFacts* lease() const;
};

// The table as text, one line per partition (number, type, uuid, name, attributes, start, size), for receipts: its SHA-256
// is Receipt::table_before and table_after. Empty when there is no table.
std::string canonical_text(const DiskFacts& facts);

}  // namespace provision::disk
