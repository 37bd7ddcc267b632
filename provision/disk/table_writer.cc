#include "provision/disk/table_writer.h"

#include <fmt/core.h>
#include <libfdisk/libfdisk.h>
#include <parted/parted.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>

#include "provision/disk/identifiers.h"
#include "provision/disk/partition_table.h"

namespace provision::disk {
namespace {

// What the libraries read and write lies in the first and last MiB.
constexpr Bytes table_region = mebibytes(1);
constexpr std::size_t boot_code_size = 440;

// libparted keeps its devices and its exception handler per process.
std::mutex parted_turn;
thread_local std::string parted_complaint;

PedExceptionOption keep_complaint(PedException* exception) {
  parted_complaint = exception->message;
  return PED_EXCEPTION_UNHANDLED;
}

Error parted_failure(std::string_view act) {
  return {ErrorCode::IoFailure, fmt::format("{}: libparted says: {}", act, parted_complaint), {}};
}

template <auto release>
struct Releases {
  template <typename T>
  void operator()(T* held) const {
    release(held);
  }
};
using Device = std::unique_ptr<PedDevice, Releases<ped_device_destroy>>;
using Label = std::unique_ptr<PedDisk, Releases<ped_disk_destroy>>;
using Constraint = std::unique_ptr<PedConstraint, Releases<ped_constraint_destroy>>;

struct OpenDevice {
  explicit OpenDevice(PedDevice* device) : device_(device), open_(ped_device_open(device) != 0) {}
  ~OpenDevice() {
    if (open_) ped_device_close(device_);
  }
  OpenDevice(const OpenDevice&) = delete;
  OpenDevice& operator=(const OpenDevice&) = delete;
  PedDevice* device_;
  bool open_;
};

Constraint exactly(PedDevice* device, PedGeometry& geometry, const Extent& extent) {
  const auto sector = static_cast<std::uint64_t>(device->sector_size);
  if (ped_geometry_init(&geometry, device, static_cast<PedSector>(extent.start.count / sector),
                        static_cast<PedSector>(extent.size.count / sector)) == 0)
    return nullptr;
  return Constraint(ped_constraint_exact(&geometry));
}

Done create(PedDisk* label, const PlannedPartition& planned) {
  PedGeometry geometry;
  const Constraint constraint = exactly(label->dev, geometry, planned.extent);
  PedPartition* partition =
      constraint ? ped_partition_new(label, PED_PARTITION_NORMAL, nullptr, geometry.start, geometry.end) : nullptr;
  if (partition == nullptr) return parted_failure(fmt::format("making partition {}", planned.number));
  // libparted takes the lowest free number unless one is set.
  partition->num = static_cast<int>(planned.number);
  if (ped_disk_add_partition(label, partition, constraint.get()) == 0) {
    ped_partition_destroy(partition);
    return parted_failure(fmt::format("adding partition {} of {}", planned.number, planned.extent.size.text()));
  }
  return {};
}

// Always from an empty label: the plan says all there is to say about each partition, and the copy on the disk stays whole
// meanwhile. An edited label would need whatever libparted makes of a torn one.
Done lay_out_by_parted(const DeviceFile& copy, const DiskPlan& plan) {
  const std::lock_guard turn(parted_turn);
  ped_exception_set_handler(keep_complaint);
  parted_complaint = "nothing more";
  const Device device(ped_device_get(copy.own_path().c_str()));
  if (!device) return parted_failure("opening the disk");
  if (plan.sector_size != 512) {
    // libparted takes every file for one with 512-byte sectors.
    device->length = device->length * 512 / plan.sector_size;
    device->sector_size = plan.sector_size;
    device->phys_sector_size = plan.sector_size;
  }
  const OpenDevice open(device.get());
  if (!open.open_) return parted_failure("opening the disk");
  const Label label(ped_disk_new_fresh(device.get(), ped_disk_type_get("gpt")));
  if (!label) return parted_failure("making a partition table");
  for (const PlannedPartition& planned : plan.partitions)
    if (Done created = create(label.get(), planned); !created) return created;
  if (ped_disk_commit_to_dev(label.get()) == 0) return parted_failure("writing the partition table");
  return {};
}

Error fdisk_failure(std::string_view act, int code) {
  return {ErrorCode::IoFailure, fmt::format("{}: libfdisk says: {}", act, std::strerror(-code)), {}};
}

using Context = std::unique_ptr<fdisk_context, Releases<fdisk_unref_context>>;
using Entry = std::unique_ptr<fdisk_partition, Releases<fdisk_unref_partition>>;
using EntryType = std::unique_ptr<fdisk_parttype, Releases<fdisk_unref_parttype>>;

Done mark(fdisk_context* context, const PlannedPartition& planned) {
  const std::size_t index = planned.number - 1;
  const std::string act = fmt::format("marking partition {}", planned.number);
  fdisk_partition* read = nullptr;
  if (int code = fdisk_get_partition(context, index, &read); code != 0) return fdisk_failure(act, code);
  fdisk_unref_partition(read);
  const EntryType type(fdisk_label_parse_parttype(fdisk_get_label(context, nullptr), planned.type.c_str()));
  const Entry entry(fdisk_new_partition());
  if (!type || !entry) return fdisk_failure(act, -ENOMEM);
  if (int code = fdisk_partition_set_uuid(entry.get(), planned.uuid.c_str()); code != 0) return fdisk_failure(act, code);
  if (int code = fdisk_partition_set_name(entry.get(), planned.name.c_str()); code != 0) return fdisk_failure(act, code);
  if (int code = fdisk_partition_set_type(entry.get(), type.get()); code != 0) return fdisk_failure(act, code);
  if (int code = fdisk_set_partition(context, index, entry.get()); code != 0) return fdisk_failure(act, code);
  if (int code = fdisk_gpt_set_partition_attrs(context, index, planned.attributes); code != 0) return fdisk_failure(act, code);
  return {};
}

Done mark_by_fdisk(const DeviceFile& copy, const DiskPlan& plan) {
  const Context context(fdisk_new_context());
  if (!context) return fdisk_failure("marking partitions", -ENOMEM);
  fdisk_save_user_sector_size(context.get(), plan.sector_size, plan.sector_size);
  if (int code = fdisk_assign_device_by_fd(context.get(), copy.descriptor(), "disk", 0); code != 0)
    return fdisk_failure("opening the disk", code);
  if (fdisk_is_labeltype(context.get(), FDISK_DISKLABEL_GPT) == 0)
    return Error{ErrorCode::Corrupt, "libfdisk finds no GPT where libparted has written one", {}};
  if (int code = fdisk_set_disklabel_id_from_string(context.get(), plan.disk_uuid.c_str()); code != 0) return fdisk_failure("setting the disk's UUID", code);
  for (const PlannedPartition& planned : plan.partitions)
    if (Done marked = mark(context.get(), planned); !marked) return marked;
  if (int code = fdisk_write_disklabel(context.get()); code != 0) return fdisk_failure("writing the marks", code);
  fdisk_deassign_device(context.get(), 1);
  return {};
}

Done copy_region(const DeviceFile& from, DeviceFile& to, std::uint64_t offset) {
  Result<std::string> bytes = from.read(offset, table_region.count);
  if (!bytes) return bytes.error();
  return to.write_sparse(offset, *bytes);
}

// Only sectors that differ: a partition may begin or end within the region, and its bytes are its owner's.
Done write_changed(DeviceFile& disk, const DeviceFile& copy, std::uint64_t region) {
  Result<std::string> wanted = copy.read(region, table_region.count);
  if (!wanted) return wanted.error();
  Result<std::string> there = disk.read(region, table_region.count);
  if (!there) return there.error();
  const std::size_t sector = disk.sector_size();
  for (std::size_t at = 0; at < wanted->size(); at += sector) {
    const std::string_view bytes = std::string_view(*wanted).substr(at, sector);
    if (bytes == std::string_view(*there).substr(at, sector)) continue;
    if (Done written = disk.write(region + at, bytes); !written) return written;
  }
  return disk.sync();
}

}  // namespace

Done write_planned_table(DeviceFile& disk, const DiskPlan& plan) {
  const std::uint64_t last_region = disk.size().count - table_region.count;
  if (!disk.sector_size_known()) disk.take_sector_size(plan.sector_size);
  Result<PartitionTable> there = read_partition_table(
      disk.size(), disk.sector_size(), [&](std::uint64_t at, std::size_t length) { return disk.read(at, length); });
  if (!there) return there.error();
  Result<DeviceFile> copy = DeviceFile::in_memory(disk.size());
  if (!copy) return copy.error();
  for (const std::uint64_t region : {std::uint64_t{0}, last_region})
    if (Done copied = copy_region(disk, *copy, region); !copied) return copied;
  if (Done laid_out = lay_out_by_parted(*copy, plan); !laid_out) return laid_out;
  if (Done marked = mark_by_fdisk(*copy, plan); !marked) return marked;
  // The code of a boot loader in the first sector is not ours to replace.
  Result<std::string> boot_code = disk.read(0, boot_code_size);
  if (!boot_code) return boot_code.error();
  if (Done kept = copy->write(0, *boot_code); !kept) return kept;

  const std::uint64_t first = there->trusted == TrustedCopy::Backup ? 0 : last_region;
  for (const std::uint64_t region : {first, last_region - first}) {
    if (Done written = write_changed(disk, *copy, region); !written) return written;
  }
  disk.announce_partitions();
  return {};
}

namespace {

// Which of the saved sectors are put back: headers and entries of a GPT, or what stood in their place.
struct SavedSectors {
  std::uint64_t offset = 0;  // on the disk
  std::string_view bytes;
};

Done put_back(DeviceFile& disk, const std::vector<SavedSectors>& strokes) {
  for (const SavedSectors& stroke : strokes) {
    if (Done written = disk.write(stroke.offset, stroke.bytes); !written) return written;
    if (Done durable = disk.sync(); !durable) return durable;
  }
  return {};
}

}  // namespace

Done restore_saved_table(DeviceFile& disk, const std::string& saved) {
  const std::size_t region = table_region.count;
  if (saved.size() != 2 * region)
    return Error{ErrorCode::Conflict, fmt::format("a saved table of {} bytes; it has {}", saved.size(), 2 * region), {}};
  const std::uint64_t last = disk.size().count - region;
  // Read the saved bytes as if they were the disk's: what does not hold a whole table of this disk's size is refused. The chain of
  // an MBR's extended partitions lies between, and was never touched.
  Result<PartitionTable> table =
      read_partition_table(disk.size(), disk.sector_size(), [&](std::uint64_t at, std::size_t length) -> Result<std::string> {
        if (at + length <= region) return saved.substr(at, length);
        if (at >= last) return saved.substr(region + (at - last), length);
        return disk.read(at, length);
      });
  if (!table) return table.error();
  const bool whole_gpt = table->kind == TableKind::Gpt && table->copies_agree;
  if (!whole_gpt && table->kind != TableKind::Mbr)
    return Error{ErrorCode::Conflict, "the saved table is not that of this disk, or was damaged when it was saved", {}};
  const std::size_t sector = disk.sector_size();
  const std::size_t entries = 16384;
  const SavedSectors end = {disk.size().count - entries - sector, std::string_view(saved).substr(2 * region - entries - sector)};
  const SavedSectors first = {0, std::string_view(saved).substr(0, sector)};
  const SavedSectors primary = {sector, std::string_view(saved).substr(sector, sector + entries)};
  // An MBR counts as soon as its sector is there; of a GPT, the copy at the end first.
  if (Done restored = whole_gpt ? put_back(disk, {end, {0, std::string_view(saved).substr(0, 2 * sector + entries)}}) : put_back(disk, {first, primary, end});
      !restored)
    return restored;
  disk.announce_partitions();
  return {};
}

}  // namespace provision::disk
