// The port to disks: image files and block devices alike.
//
// Durability and cuts: every call that changes something is durable when it returns, and when it is cut at any point the
// facts read afterwards show the step as not done, so that `difference` asks for it again. Every such call may be repeated
// (idempotent) with the same arguments. Calls on one disk are made by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"
#include "provision/disk/disk_plan.h"
#include "provision/disk/disk_safety.h"
#include "provision/disk/file_tree.h"

namespace provision::disk {

// Secrets: never in a plan, a log, an error or a journal in clear. Zeroed when destroyed.
struct LeaseKeys {
  std::string volume_key;              // volume_key_size bytes, from images::keys::random_bytes
  std::vector<std::string> slot_keys;  // slot_key_size bytes each, by slot number
  LeaseKeys() = default;
  LeaseKeys(const LeaseKeys&) = default;
  LeaseKeys(LeaseKeys&&) noexcept = default;
  LeaseKeys& operator=(const LeaseKeys&) = default;
  LeaseKeys& operator=(LeaseKeys&&) noexcept = default;
  ~LeaseKeys();
};

enum class Repair { ReportOnly, Mend };
enum class TreeAccess { ReadOnly, ReadWrite };

class Disks {
 public:
  virtual ~Disks() = default;

  // --- Reading. Changes nothing.

  // NotFound, PermissionDenied, Unsupported (neither file nor block device).
  virtual Result<DiskFacts> read(const std::string& path) = 0;
  // Who uses it now: input of `may_write`.
  virtual Result<DiskUse> use_of(const std::string& path) = 0;
  // Block devices of this machine that could be provisioned (no loop, ram, optical or zero-sized ones).
  virtual Result<std::vector<AttachedDisk>> attached() = 0;
  // Whether this key opens that slot. false for a wrong key or an empty slot; an error when there is no LUKS2 header.
  virtual Result<bool> slot_opens(const std::string& path, const Extent& partition, std::uint32_t slot,
                                  const std::string& slot_key) = 0;
  // Digest of the bytes of a region in whole-MiB chunks; chunks of zeros are skipped, so holes cost nothing and a hole
  // equals written zeros.
  virtual Result<Digest> hash_region(const std::string& path, const Extent& region) = 0;
  // The least size that an NTFS can be shrunk to; Unsupported with the reason when it cannot be: no ntfsresize on this machine, no
  // loop device, or its check did not pass.
  virtual Result<Bytes> least_ntfs(const std::string& path, const Extent& partition) = 0;
  // Everything outside partitions that describes them (first and last MiB), for a backup. At most 2 MiB.
  virtual Result<std::string> save_table(const std::string& path) = 0;
  // The note that travels with the disk (disk_note.h); empty when there is none. Corrupt when it was changed.
  virtual Result<std::string> read_note(const std::string& path) = 0;

  // --- Changing. Each is durable, and idempotent.

  // A sparse file of that size. An existing file of that size is left alone; another size is Conflict.
  virtual Done make_image(const std::string& path, Bytes size) = 0;
  // Makes the GPT the plan's: partitions that are not planned go, others keep their bytes and get the planned place, type,
  // UUID, name and attributes. Contents are not touched.
  virtual Done write_table(const DiskPlan& plan) = 0;
  // Puts back what save_table returned. Conflict when the disk's size is not the saved one's.
  virtual Done restore_table(const std::string& path, const std::string& saved) = 0;
  // Replaces the note, at most note_text_max bytes; an empty text takes it off. Conflict when the disk has no place for one.
  virtual Done write_note(const std::string& path, const std::string& text) = 0;
  // Makes what these partitions shall hold, all of them at once: cut, each of them is done or not done. `keys` is read for a
  // lease partition only; InvalidInput without them, or when they are not those whose digests the plan's token names.
  virtual Done format(const std::string& path, const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys) = 0;
  // Overwrites the whole LUKS header, keys first, and reads back that it is gone. Cannot be undone.
  virtual Done destroy_key_slots(const std::string& path, const Extent& partition) = 0;
  // e2fsck -f. Corrupt when errors are left (ReportOnly: when there are any).
  virtual Done check_ext4(const std::string& path, const Extent& partition, Repair repair) = 0;
  // Shrinks or grows the ext4 to `size` (rounded down to its blocks); call check_ext4(Mend) first. OutOfSpace when its files
  // do not fit. A cut one is mended by check_ext4 and finished by calling this again.
  virtual Done resize_ext4(const std::string& path, const Extent& partition, Bytes size) = 0;

  // By ntfsresize, after its check and a rehearsal passed; else nothing is changed. Its authors promise nothing for a power cut
  // in the middle: the volume is marked for a check by Windows before.
  virtual Done shrink_ntfs(const std::string& path, const Extent& partition, Bytes size) = 0;
  // The bytes of a region of one disk at the same place of another, holes and zeros as holes, read back from the medium; returns
  // the digest that hash_region gives for both. Corrupt when what was read back differs. `from` is only read.
  virtual Result<Digest> copy_region(const std::string& from, const std::string& to, const Extent& region) = 0;

  // The files of an ext4. ReadWrite is refused (Conflict) while a check is due.
  virtual Result<std::unique_ptr<FileTree>> open_tree(const std::string& path, const Extent& partition, TreeAccess access) = 0;
};

}  // namespace provision::disk
