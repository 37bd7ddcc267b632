#include "provision/disk/ext4_identity.h"

#include <ext2fs/ext2fs.h>
#include <fmt/core.h>

#include <memory>

#include "policies/vocabulary/hex.h"
#include "provision/disk/device_file.h"
#include "provision/disk/ext4_inodes.h"

namespace provision::disk {
namespace {

using Filesystem = std::unique_ptr<struct_ext2_filsys, decltype([](ext2_filsys opened) { ext2fs_free(opened); })>;

Result<Filesystem> opened(const std::string& path, const Extent& partition) {
  ext2_filsys filesystem = nullptr;
  const std::string offset = fmt::format("offset={}", partition.start.count);
  const errcode_t code = ext2fs_open2(path.c_str(), offset.c_str(), EXT2_FLAG_64BITS | EXT2_FLAG_RW, 0, 0, unix_io_manager, &filesystem);
  if (code == 0) return Filesystem(filesystem);
  if (filesystem != nullptr) ext2fs_free(filesystem);
  Error error = ext4_error("opening the filesystem of the image", code);
  error.code = ErrorCode::Corrupt;
  return error;
}

}  // namespace

Done name_ext4(const std::string& path, const Extent& partition, const std::string& uuid, const std::string& label) {
  std::string digits = uuid;
  std::erase(digits, '-');
  const Result<std::string> bytes = bytes_of_hex(digits);
  if (!bytes || bytes->size() != 16) return Error{ErrorCode::InvalidInput, "'" + uuid + "' is no UUID", {}};
  Result<Filesystem> filesystem = opened(path, partition);
  if (!filesystem) return filesystem.error();
  ext2_filsys fs = filesystem->get();
  ext2_super_block* super = fs->super;
  if ((super->s_state & EXT2_ERROR_FS) != 0 || ext2fs_has_feature_journal_needs_recovery(super))
    return Error{ErrorCode::Unsupported, "the image's filesystem was not left in order: unmount it, or e2fsck it, before packing", {}};
  // Before metadata_csum, group descriptors were summed with the UUID itself; their sums count on the bitmaps.
  const bool sums_groups = ext2fs_has_feature_gdt_csum(super) != 0;
  if (sums_groups)
    if (const errcode_t code = ext2fs_read_bitmaps(fs); code != 0) return ext4_error("reading the bitmaps", code);
  if (ext2fs_has_feature_metadata_csum(super) && !ext2fs_has_feature_csum_seed(super)) {
    super->s_checksum_seed = fs->csum_seed;
    ext2fs_set_feature_csum_seed(super);
  }
  std::copy(bytes->begin(), bytes->end(), std::begin(super->s_uuid));
  std::fill(std::begin(super->s_volume_name), std::end(super->s_volume_name), std::uint8_t{0});
  std::copy_n(label.begin(), std::min<std::size_t>(label.size(), sizeof super->s_volume_name), super->s_volume_name);
  if (sums_groups)
    if (const errcode_t code = ext2fs_set_gdt_csum(fs); code != 0) return ext4_error("summing the group descriptors", code);
  ext2fs_mark_super_dirty(fs);
  if (const errcode_t code = ext2fs_flush(fs); code != 0) return ext4_error("naming the filesystem", code);
  Result<DeviceFile> disk = DeviceFile::open(path, OpenFor::Writing);
  if (!disk) return disk.error();
  return disk->sync();
}

}  // namespace provision::disk
