#include "provision/disk/disk_reader.h"

#include <blkid/blkid.h>
#include <fmt/core.h>

#include <memory>

#include "provision/disk/device_file.h"
#include "provision/disk/device_use.h"
#include "provision/disk/ext4.h"
#include "provision/disk/luks.h"
#include "provision/disk/ntfs.h"
#include "provision/disk/partition_table.h"

namespace provision::disk {
namespace {

using Probe = std::unique_ptr<blkid_struct_probe, decltype([](blkid_probe probe) { blkid_free_probe(probe); })>;
constexpr int probe_ambivalent = -2;

std::string value_of(blkid_probe probe, const char* name) {
  const char* text = nullptr;
  if (blkid_probe_lookup_value(probe, name, &text, nullptr) != 0 || text == nullptr) return {};
  return text;
}

Result<FilesystemFacts> probed(const DeviceFile& disk, const Extent& extent) {
  FilesystemFacts facts;
  const Probe probe(blkid_new_probe());
  if (!probe || blkid_probe_set_device(probe.get(), disk.descriptor(), static_cast<blkid_loff_t>(extent.start.count),
                                       static_cast<blkid_loff_t>(extent.size.count)) != 0)
    return Error{ErrorCode::IoFailure, "libblkid cannot look into the disk", {}};
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE |
                                                     BLKID_SUBLKS_VERSION | BLKID_SUBLKS_USAGE);
  const int found = blkid_do_safeprobe(probe.get());
  if (found == 1) return facts;
  facts.kind = FilesystemKind::Other;
  if (found == probe_ambivalent) {
    facts.name = "several signatures at once";
    return facts;
  }
  if (found != 0) return Error{ErrorCode::IoFailure, "libblkid cannot read the disk", {}};
  facts.name = value_of(probe.get(), "TYPE");
  facts.label = value_of(probe.get(), "LABEL");
  facts.uuid = value_of(probe.get(), "UUID");
  if (facts.name == "vfat") facts.kind = FilesystemKind::Fat;
  if (facts.name == "ext4" || facts.name == "ext3" || facts.name == "ext2") facts.kind = FilesystemKind::Ext4;
  if (facts.name == "ntfs") facts.kind = FilesystemKind::Ntfs;
  if (facts.name == "crypto_LUKS" && value_of(probe.get(), "VERSION") == "2") facts.kind = FilesystemKind::Luks2;
  return facts;
}

Done probe_partition(const std::string& path, const DeviceFile& disk, PartitionFacts& partition) {
  if (partition.extent.end() > disk.size() || partition.extent.size.count == 0) return {};
  Result<FilesystemFacts> filesystem = probed(disk, partition.extent);
  if (!filesystem) return filesystem.error();
  partition.filesystem = *std::move(filesystem);
  if (partition.filesystem.kind == FilesystemKind::Ext4 || partition.filesystem.kind == FilesystemKind::None)
    read_ext4(path, partition.extent, partition.filesystem);
  if (partition.filesystem.kind == FilesystemKind::Ntfs) partition.filesystem.size = ntfs_size(disk, partition.extent);
  if (partition.filesystem.kind != FilesystemKind::Luks2) return {};
  Result<std::optional<LuksFacts>> luks = read_luks(disk, partition.extent);
  if (!luks) return luks.error();
  partition.luks = *std::move(luks);
  return {};
}

// Only zeros, apart from the protective MBR and what a GPT or a torn one puts into its own sectors.
Result<bool> has_only_zeros(const DeviceFile& disk, const PartitionTable& table) {
  constexpr std::uint64_t region = mebibytes(1).count;
  const std::uint64_t size = disk.size().count;
  const std::uint64_t entries = 16384 + disk.sector_size();
  const std::uint64_t head = table.kind == TableKind::None ? disk.sector_size() : disk.sector_size() + entries;
  const std::uint64_t first = std::min(size, region);
  const std::uint64_t last = std::max(first, size - std::min(size, region));
  Result<std::string> begin = disk.read(0, first);
  if (!begin) return begin.error();
  Result<std::string> end = disk.read(last, size - last);
  if (!end) return end.error();
  if (table.kind == TableKind::None && !all_zeros(std::string_view(*begin).substr(0, disk.sector_size()))) return false;
  return all_zeros(std::string_view(*begin).substr(std::min<std::size_t>(head, begin->size()))) &&
         all_zeros(std::string_view(*end).substr(0, end->size() - std::min<std::size_t>(end->size(), entries)));
}

}  // namespace

Result<DiskFacts> read_disk(const std::string& path) {
  const auto failed = [&](const Error& error) { return error.within("reading disk " + path); };
  Result<DeviceFile> disk = DeviceFile::open(path, OpenFor::Reading);
  if (!disk) return failed(disk.error());
  DiskFacts facts;
  facts.path = path;
  facts.size = disk->size();
  facts.sector_size = disk->sector_size();
  facts.sector_size_known = disk->sector_size_known();
  if (disk->block_device()) facts.serial = names_of_device("", path).serial;
  Result<PartitionTable> table = read_partition_table(
      facts.size, facts.sector_size, [&](std::uint64_t at, std::size_t length) { return disk->read(at, length); });
  if (!table) return failed(table.error());
  facts.table = table->kind;
  facts.damage = table->damage;
  facts.disk_uuid = table->disk_uuid;
  facts.copies_agree = table->copies_agree;
  facts.mbr = table->mbr;
  facts.partitions = table->partitions;
  for (PartitionFacts& partition : facts.partitions)
    if (Done read = probe_partition(path, *disk, partition); !read)
      return failed(read.error().within(fmt::format("looking into partition {}", partition.number)));
  if (facts.partitions.empty() && facts.size.count > 0) {
    Result<FilesystemFacts> whole = probed(*disk, {{}, facts.size});
    if (!whole) return failed(whole.error());
    facts.whole_disk = *std::move(whole);
    // The boot sector of a filesystem on the whole disk has the mark of an MBR, and anything where its entries would be.
    if (facts.table == TableKind::Damaged && table->mbr && facts.whole_disk.kind != FilesystemKind::None) {
      facts.table = TableKind::None;
      facts.damage.clear();
    }
    Result<bool> zeros = has_only_zeros(*disk, *table);
    if (!zeros) return failed(zeros.error());
    // A damaged table is never blank: our own cut writes leave one whole copy before the first sector announces a GPT.
    facts.blank = *zeros && facts.table != TableKind::Damaged && facts.whole_disk.kind == FilesystemKind::None;
  }
  return facts;
}

}  // namespace provision::disk
