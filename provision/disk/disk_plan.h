// What a disk shall become: decided here, purely, from what is asked and what is there. Applied by apply.h.
//
// Layout of a new disk, on 1 MiB boundaries: ESP, system, customer, lease. The lease partition is last, so that giving it
// back is "delete it and grow its neighbour" (decisions/0001-lease-last.md). All UUIDs come from a seed, so that running the
// same order again on the same disk asks for the same disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

inline constexpr Bytes alignment = mebibytes(1);
inline constexpr Bytes esp_size_min = mebibytes(64);        // FAT32 needs 65,525 clusters; see esp_size_min_for
inline constexpr Bytes filesystem_size_min = mebibytes(256);  // two block groups, so that the superblock has a backup
inline constexpr Bytes luks_header_size = mebibytes(16);
inline constexpr Bytes lease_size_min = mebibytes(64);
inline constexpr std::size_t slot_key_size = 32;            // a slot's key: 256 random bits
inline constexpr std::size_t volume_key_size = 64;          // aes-xts with 512 bits

enum class Role { Esp, System, Customer, Lease, Other };
std::string_view name_of(Role role);

enum class Content {
  Kept,      // whatever is there stays
  FatEsp,
  Ext4,
  SealedLease,  // a LUKS2 header; what lies behind it is made on the machine, at first activation
  Image,        // an operating system's ext4, written as it comes, then grown; made by an ImageSource (apply.h)
};

struct LuksPlan {
  std::string uuid;
  LeaseToken token;  // names the slots and the digests of their keys; slots are numbered 0, 1, ...
  bool operator==(const LuksPlan&) const = default;
};

struct PlannedPartition {
  std::uint32_t number = 0;
  Role role = Role::Other;
  std::string type;   // GUID in upper case
  std::string uuid;   // lower case
  std::string name;   // GPT name, at most 36 characters
  std::uint64_t attributes = 0;
  Extent extent;
  Content content = Content::Kept;
  std::string filesystem_label;  // FatEsp: at most 11 characters, upper case; Ext4: at most 16
  std::string filesystem_uuid;   // Ext4: lower case; FatEsp: "ABCD-1234"
  std::optional<LuksPlan> luks;  // for SealedLease
  // Kept ext4 only: its filesystem is grown to the end of the partition.
  bool filesystem_fills = false;
  bool operator==(const PlannedPartition&) const = default;
};

enum class ExistingContent { Refuse, Erase };

struct DiskPlan {
  std::string path;
  Bytes disk_size;
  std::uint32_t sector_size = 512;
  std::string serial;      // empty for image files
  std::string disk_uuid;
  std::vector<PlannedPartition> partitions;  // ascending by start
  ExistingContent existing = ExistingContent::Refuse;
  bool converts_mbr = false;                 // the disk has an MBR, and its partitions become these, in place
  std::vector<std::string> notes;            // for people: what was rounded, what is left free and why

  [[nodiscard]] const PlannedPartition* partition(Role role) const;  // the first with that role; nullptr when there is none
};

// Which keys shall open the lease partition, and what its token says. Digests only: keys never enter a plan.
struct LeaseSeal {
  std::map<std::string, std::string> token_facts;
  std::vector<TokenSlot> slots;  // at least one; numbers 0, 1, ... in order
  bool operator==(const LeaseSeal&) const = default;
};

// SHA-256 of a slot key with a prefix of ours: a key of 256 random bits cannot be found from it.
Digest key_digest_of(std::string_view slot_key);

// The operating system that comes onto the system partition. Its digest decides the filesystem's UUID: so a disk shows which
// one is on it.
struct SystemSource {
  Digest digest;     // of its bundle
  Bytes image_size;  // of a raw image; 0: an archive, which fills a filesystem made here
  bool operator==(const SystemSource&) const = default;
};

struct DiskRequest {
  std::string seed;                        // e.g. order id and disk serial; decides all UUIDs; never empty
  Bytes esp = mebibytes(512);
  Bytes system;
  Bytes lease;                             // 0: no lease partition; the customer has it all
  std::string system_label = "system";     // ext4 labels, at most 16 characters
  std::string customer_label = "home";
  LeaseSeal seal;                          // read only when lease > 0
  std::optional<SystemSource> system_source{};  // none: the system partition holds settings alone
  // Refuse: anything but a blank disk, or what an earlier run of the same plan left, is an error. A run that goes on after
  // a cut passes Erase when its journal says that the disk was blank, or erasing was agreed, at its start.
  ExistingContent existing = ExistingContent::Refuse;
};

// The least that FAT32 can be with sectors of this size: a cluster has at least one.
constexpr Bytes esp_size_min_for(std::uint32_t sector_size) { return std::max(esp_size_min, mebibytes(65 * sector_size / 1024)); }

// Sizes are rounded up to whole MiB, the ESP also to what FAT32 needs; the customer's partition is the rest. The notes say so.
// OutOfSpace (with size, need and way out) when they do not fit, InvalidInput for labels, slots or sizes out of range.
Result<DiskPlan> plan_new_disk(const DiskRequest& request, const DiskFacts& facts);

// Gives the lease partition back: it goes, the partition before it grows over its place, and so does that one's ext4. A
// neighbour with another filesystem keeps its size and the space stays free (notes say so). A disk that has no lease
// partition is planned as it is, except that the ext4 of its last partition fills it: what a cut release left to do.
// Unsupported without a GPT.
Result<DiskPlan> plan_release(const DiskFacts& facts);

struct RetrofitRequest {
  std::string seed;
  Bytes lease;
  LeaseSeal seal;
  Bytes free_min = gibibytes(1);  // left free in the customer's filesystem after shrinking
  // For a last partition with NTFS, what Disks::least_ntfs said: the least size it can have, or why it cannot be shrunk.
  std::optional<Bytes> ntfs_least{};
  std::string ntfs_refusal{};
};

// Makes room for a lease partition at the end of a used disk: from free space behind the last partition, and what is missing by
// shrinking that partition's filesystem. No other partition is touched. An MBR becomes a GPT (mbr_conversion.h; its refusals).
// Unsupported, with the reason, for a last partition whose filesystem cannot be shrunk; OutOfSpace (with use, need and way out);
// Conflict when another lease partition is there.
Result<DiskPlan> plan_retrofit(const RetrofitRequest& request, const DiskFacts& facts);

struct MoveRequest {
  std::string seed;  // decides UUIDs where an MBR has none
  Bytes lease;       // to be left free at the end, rounded up; 0: nothing
  ExistingContent existing = ExistingContent::Refuse;
};

// The partitions of one disk on another: at the same places, with the same numbers, names and UUIDs; the last one, when it is
// ext4, grown up to the lease. Their bytes are brought there by Disks::copy_region. OutOfSpace, Conflict (a lease partition is
// there), Unsupported (other sectors; as of plan_retrofit for an MBR).
Result<DiskPlan> plan_move(const MoveRequest& request, const DiskFacts& from, const DiskFacts& to);

// The plan as text, the same for the same plan; its SHA-256 is Voucher::plan_digest. Does not depend on path.
std::string canonical_text(const DiskPlan& plan);

// One line per partition, and the notes, for people.
std::string describe(const DiskPlan& plan);

// In the order in which they are done. Each is one call of the Disks port.
enum class StepKind {
  DestroyKeySlots,   // of a lease partition that goes: first, so that nothing sealed can be read again
  CheckFilesystem,   // e2fsck -f -y
  ShrinkFilesystem,
  ShrinkNtfs,
  WriteTable,        // everything about the table at once
  FormatEsp,
  FormatExt4,
  FormatLuks,
  WriteImage,
  GrowFilesystem,
};
std::string_view name_of(StepKind kind);

struct Step {
  StepKind kind = StepKind::WriteTable;
  std::uint32_t partition = 0;  // number; 0 for WriteTable
  Extent extent;                // where; for a filesystem that shrinks, its partition before the table is written
  Bytes filesystem_size;        // ShrinkFilesystem, ShrinkNtfs, GrowFilesystem: the size it shall have
  std::string text;             // for people: "format partition 2 (system, 8 GiB) as ext4"; WriteTable lists each deletion
  bool operator==(const Step&) const = default;
};

// What is left to do so that the disk is as planned; empty: "No changes." A filesystem that has the planned UUID counts as
// planned, whatever its owner has put into it or called it since. Refused when a step would destroy what is not ours and
// plan.existing is Refuse. A torn filesystem is asked to be checked and nothing else: what then is left shows afterwards.
// Conflict when disk size, sector size or serial are not the plan's.
Result<std::vector<Step>> difference(const DiskPlan& plan, const DiskFacts& facts);

// What is on the disk and will be gone when it is as planned, one line each, for people: partitions that are deleted, contents
// that are made anew, what lies on a disk without a table. Empty when nothing is lost.
std::vector<std::string> deletions(const DiskPlan& plan, const DiskFacts& facts);

}  // namespace provision::disk
