#include "provision/disk/parted_disks.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "provision/disk/contents.h"
#include "provision/disk/device_file.h"
#include "provision/disk/device_use.h"
#include "provision/disk/disk_note.h"
#include "provision/disk/disk_reader.h"
#include "provision/disk/ext4.h"
#include "provision/disk/ext4_tree.h"
#include "provision/disk/ntfs.h"
#include "provision/disk/region.h"
#include "provision/disk/luks.h"
#include "provision/disk/table_writer.h"

namespace provision::disk {
namespace {

constexpr std::uint64_t chunk = mebibytes(1).count;

// Runs `act` on the disk at `path`, opened, and says in an error what was being done.
template <typename Act>
auto with_disk(const std::string& path, OpenFor purpose, std::string_view what, Act act)
    -> decltype(act(std::declval<DeviceFile&>())) {
  Result<DeviceFile> disk = DeviceFile::open(path, purpose);
  if (!disk) return disk.error().within(fmt::format("{} on {}", what, path));
  auto outcome = act(*disk);
  if (!outcome) return outcome.error().within(fmt::format("{} on {}", what, path));
  return outcome;
}

Done within(Done outcome, std::string_view what, const std::string& path) {
  if (!outcome) return outcome.error().within(fmt::format("{} on {}", what, path));
  return outcome;
}

}  // namespace

Result<DiskFacts> PartedDisks::read(const std::string& path) { return read_disk(path); }

Result<DiskUse> PartedDisks::use_of(const std::string& path) { return read_use("", path); }

Result<std::vector<AttachedDisk>> PartedDisks::attached() { return read_attached(""); }

Result<bool> PartedDisks::slot_opens(const std::string& path, const Extent& partition, std::uint32_t slot,
                                     const std::string& slot_key) {
  return with_disk(path, OpenFor::Reading, "trying a key slot",
                   [&](DeviceFile& disk) { return luks_slot_opens(disk, partition, slot, slot_key); });
}

Result<Digest> PartedDisks::hash_region(const std::string& path, const Extent& region) {
  return with_disk(path, OpenFor::Reading, "hashing a region", [&](DeviceFile& disk) { return digest_of_region(disk, region); });
}

Result<Bytes> PartedDisks::least_ntfs(const std::string& path, const Extent& partition) {
  Result<Bytes> least = disk::least_ntfs(path, partition, processes_);
  if (!least) return least.error().within("examining the NTFS on " + path);
  return least;
}

Result<std::string> PartedDisks::save_table(const std::string& path) {
  return with_disk(path, OpenFor::Reading, "saving the partition table", [](DeviceFile& disk) -> Result<std::string> {
    if (disk.size().count < 2 * chunk)
      return Error{ErrorCode::Unsupported, "a disk of less than 2 MiB holds no table that is worth saving", {}};
    Result<std::string> first = disk.read(0, chunk);
    if (!first) return first.error();
    Result<std::string> last = disk.read(disk.size().count - chunk, chunk);
    if (!last) return last.error();
    return *first + *last;
  });
}

Result<std::string> PartedDisks::read_note(const std::string& path) {
  return with_disk(path, OpenFor::Reading, "reading the note", [](DeviceFile& disk) { return disk::read_note(disk); });
}

Done PartedDisks::write_note(const std::string& path, const std::string& text) {
  const Result<DiskFacts> facts = read_disk(path);
  if (!facts) return facts.error();
  return with_disk(path, OpenFor::Writing, "writing a note", [&](DeviceFile& disk) { return disk::write_note(disk, *facts, text); });
}

Done PartedDisks::make_image(const std::string& path, Bytes size) {
  const auto failed = [&](std::string_view act) -> Done {
    return Error{errno == ENOSPC ? ErrorCode::OutOfSpace : ErrorCode::IoFailure,
                 fmt::format("{} the image {}: {}", act, path, std::strerror(errno)), {}};
  };
  const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno != EEXIST) return failed("making");
  if (descriptor >= 0) {
    const bool sized = ::ftruncate(descriptor, static_cast<off_t>(size.count)) == 0 && ::fsync(descriptor) == 0;
    Done outcome = sized ? Done() : failed("sizing");
    ::close(descriptor);
    if (!sized) ::unlink(path.c_str());
    return outcome;
  }
  Result<DeviceFile> there = DeviceFile::open(path, OpenFor::Reading);
  if (!there) return there.error();
  if (there->size() == size) return {};
  if (there->size().count == 0 && !there->block_device() && ::truncate(path.c_str(), static_cast<off_t>(size.count)) == 0) return {};
  return Error{ErrorCode::Conflict,
               fmt::format("{} is there already and has {} instead of {}; remove it or name another", path,
                           there->size().text(), size.text()), {}};
}

Done PartedDisks::write_table(const DiskPlan& plan) {
  return with_disk(plan.path, OpenFor::Writing, "writing the partition table",
                   [&](DeviceFile& disk) { return write_planned_table(disk, plan); });
}

Done PartedDisks::restore_table(const std::string& path, const std::string& saved) {
  return with_disk(path, OpenFor::Writing, "restoring the partition table",
                   [&](DeviceFile& disk) { return restore_saved_table(disk, saved); });
}

Done PartedDisks::format(const std::string& path, const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys) {
  return with_disk(path, OpenFor::Writing, "formatting", [&](DeviceFile& disk) -> Done {
    Result<std::vector<Contents>> contents = make_contents(partitions, keys, disk.sector_size(), processes_);
    if (!contents) return contents.error();
    return put_contents(disk, *contents);
  });
}

Done PartedDisks::destroy_key_slots(const std::string& path, const Extent& partition) {
  return with_disk(path, OpenFor::Writing, "destroying key slots",
                   [&](DeviceFile& disk) { return destroy_luks(disk, partition); });
}

Done PartedDisks::check_ext4(const std::string& path, const Extent& partition, Repair repair) {
  return within(disk::check_ext4(path, partition, repair, processes_), "checking ext4", path);
}

Done PartedDisks::resize_ext4(const std::string& path, const Extent& partition, Bytes size) {
  return within(disk::resize_ext4(path, partition, size, processes_), "resizing ext4", path);
}

Done PartedDisks::shrink_ntfs(const std::string& path, const Extent& partition, Bytes size) {
  return within(disk::shrink_ntfs(path, partition, size, processes_), "shrinking NTFS", path);
}

Result<Digest> PartedDisks::copy_region(const std::string& from, const std::string& to, const Extent& region) {
  return with_disk(to, OpenFor::Writing, "copying from " + from, [&](DeviceFile& target) -> Result<Digest> {
    Result<DeviceFile> source = DeviceFile::open(from, OpenFor::Reading);
    if (!source) return source.error();
    return copied_region(*source, target, region);
  });
}

Result<std::unique_ptr<FileTree>> PartedDisks::open_tree(const std::string& path, const Extent& partition, TreeAccess access) {
  Result<std::unique_ptr<FileTree>> tree = Ext4Tree::open(path, partition, access);
  if (!tree) return tree.error().within("opening the files of " + path);
  return tree;
}

}  // namespace provision::disk
