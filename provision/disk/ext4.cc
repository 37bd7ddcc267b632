#include "provision/disk/ext4.h"

#include <ext2fs/ext2fs.h>
#include <fmt/core.h>

#include <memory>
#include <optional>

#include "policies/vocabulary/hex.h"
#include "provision/disk/device_file.h"
#include "provision/disk/ext4_inodes.h"

namespace provision::disk {
namespace {

constexpr int e2fsck_mended = 1;
constexpr int e2fsck_mended_reboot = 2;
constexpr int e2fsck_errors_left = 4;
constexpr int e2fsck_gave_up = 8;
constexpr std::uint64_t block_size = 4096;
constexpr std::uint64_t superblock_at = 1024;
constexpr std::size_t superblock_size = 1024;

using Filesystem = std::unique_ptr<struct_ext2_filsys, decltype([](ext2_filsys opened) { ext2fs_close_free(&opened); })>;

Result<Filesystem> superblock_of(const std::string& path, const Extent& partition, int flags) {
  ext2_filsys opened = nullptr;
  const std::string offset = fmt::format("offset={}", partition.start.count);
  const errcode_t code = ext2fs_open2(path.c_str(), offset.c_str(), flags | EXT2_FLAG_64BITS | EXT2_FLAG_SUPER_ONLY, 0, 0,
                                      unix_io_manager, &opened);
  if (code != 0) {
    if (opened != nullptr) ext2fs_free(opened);
    return ext4_error("opening the ext4 superblock", code);
  }
  return Filesystem(opened);
}

// e2fsprogs take what follows a '?' for options.
Result<std::string> with_offset(const std::string& path, const Extent& partition) {
  if (path.find('?') != std::string::npos)
    return Error{ErrorCode::InvalidInput, path + " contains a '?', which e2fsprogs cannot take; rename it", {}};
  return fmt::format("{}?offset={}", path, partition.start.count);
}

std::string last_line(const std::string& text) {
  std::size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return {};
  const std::size_t start = text.find_last_of('\n', end);
  return text.substr(start == std::string::npos ? 0 : start + 1, end - (start == std::string::npos ? 0 : start + 1) + 1);
}

Error program_failure(std::string_view program, const Outcome& outcome, ErrorCode code) {
  const std::string& said = outcome.errors.empty() ? outcome.output : outcome.errors;
  return {code, fmt::format("{} ended with {}: {}", program, outcome.exit_status, said.substr(0, 1024)), {}};
}

// The fields of a superblock that no run changes, read without libext2fs: that refuses one torn between its sizes.
struct FixedFields {
  std::uint64_t block_size = 0;
  std::uint64_t first_block = 0;
  std::uint64_t blocks_per_group = 0;
  std::string uuid;
  std::string label;
};

std::uint64_t little32(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// Offsets: struct ext2_super_block. nullopt when there is no ext4 magic, or nonsense behind it.
std::optional<FixedFields> fixed_fields_of(const std::string& path, const Extent& partition) {
  if (partition.size.count < superblock_at + superblock_size) return std::nullopt;
  Result<DeviceFile> disk = DeviceFile::open(path, OpenFor::Reading);
  if (!disk) return std::nullopt;
  Result<std::string> read = disk->read(partition.start.count + superblock_at, superblock_size);
  if (!read) return std::nullopt;
  const std::string& bytes = *read;
  if ((little32(bytes, 56) & 0xFFFF) != EXT2_SUPER_MAGIC || little32(bytes, 24) > 6) return std::nullopt;
  FixedFields fields;
  fields.block_size = std::uint64_t{1024} << little32(bytes, 24);
  fields.first_block = little32(bytes, 20);
  fields.blocks_per_group = little32(bytes, 32);
  const std::string hex = hex_of(std::string_view(bytes).substr(104, 16));
  fields.uuid = fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                            hex.substr(20));
  fields.label = bytes.substr(120, 16);
  fields.label.resize(std::min(fields.label.find('\0'), fields.label.size()));
  return fields;
}

// Where backups of the superblock are (sparse_super: groups 1 and powers of 3, 5 and 7), as options of e2fsck. It looks for
// them by itself, but not behind an offset.
std::vector<std::vector<std::string>> backups_of(const std::string& path, const Extent& partition) {
  std::vector<std::vector<std::string>> backups;
  const std::optional<FixedFields> fields = fixed_fields_of(path, partition);
  if (!fields) return backups;
  for (const std::uint64_t group : {1U, 3U, 5U, 7U, 9U, 25U, 27U, 49U}) {
    const std::uint64_t block = group * fields->blocks_per_group + fields->first_block;
    if (block < partition.size.count / fields->block_size)
      backups.push_back({"-b", std::to_string(block), "-B", std::to_string(fields->block_size)});
  }
  return backups;
}

// All that says how large a filesystem is lies in the first 512 bytes of its superblock, the checksum in the second: one that
// a power cut has torn between two sectors is the old one or the new one, and only its checksum is wrong.
Done reseal_superblock(const std::string& path, const Extent& partition) {
  Result<Filesystem> filesystem = superblock_of(path, partition, EXT2_FLAG_RW | EXT2_FLAG_IGNORE_CSUM_ERRORS);
  if (!filesystem) return filesystem.error();
  ext2fs_mark_super_dirty(filesystem->get());
  if (const errcode_t code = ext2fs_flush(filesystem->get()); code != 0) return ext4_error("mending the superblock", code);
  return {};
}

// e2fsck -y, by the superblock, else by a backup of it, else by the superblock as it is.
Result<Outcome> mended(const std::string& path, const Extent& partition, const std::string& device, Processes& processes) {
  Result<Outcome> checked = processes.run({"e2fsck", "-f", "-y", device});
  if (!checked || checked->exit_status < e2fsck_gave_up) return checked;
  for (const std::vector<std::string>& backup : backups_of(path, partition)) {
    std::vector<std::string> arguments = {"e2fsck", "-f", "-y"};
    arguments.insert(arguments.end(), backup.begin(), backup.end());
    arguments.push_back(device);
    checked = processes.run(arguments);
    if (!checked || checked->exit_status < e2fsck_gave_up) return checked;
  }
  if (Done resealed = reseal_superblock(path, partition); !resealed) return checked;
  return processes.run({"e2fsck", "-f", "-y", device});
}

void take_torn(const std::string& path, const Extent& partition, FilesystemFacts& facts) {
  const std::optional<FixedFields> fields = fixed_fields_of(path, partition);
  if (!fields) return;
  facts.kind = FilesystemKind::Ext4;
  facts.name = "ext4";
  facts.uuid = fields->uuid;
  facts.label = fields->label;
  facts.torn = true;
}

}  // namespace

Result<Contents> ext4_contents(const PlannedPartition& partition, Processes& processes) {
  Result<DeviceFile> copy = DeviceFile::in_memory(partition.extent.size);
  if (!copy) return copy.error();
  // The customer's partition keeps nothing back for root; the system's keeps the usual 5 %.
  Result<Outcome> made = processes.run(
      {"mke2fs", "-q", "-F", "-t", "ext4", "-b", std::to_string(block_size), "-U", partition.filesystem_uuid, "-L",
       partition.filesystem_label, "-m", partition.role == Role::Customer ? "0" : "5", "-E",
       fmt::format("lazy_itable_init=1,lazy_journal_init=1,nodiscard,hash_seed={}", partition.filesystem_uuid),
       copy->path_for_children(), std::to_string(partition.extent.size.count / block_size)});
  if (!made) return made.error();
  if (made->exit_status != 0) return program_failure("mke2fs", *made, ErrorCode::IoFailure);
  const Bytes start = partition.extent.start;
  Result<std::vector<Piece>> head = pieces_of(*copy, 0, block_size, start, WrittenZeros::Kept);
  if (!head) return head.error();
  Result<std::vector<Piece>> body = pieces_of(*copy, block_size, partition.extent.size.count, start, WrittenZeros::Kept);
  if (!body) return body.error();
  return Contents{partition.extent, {}, *std::move(body), *std::move(head)};
}

Done check_ext4(const std::string& path, const Extent& partition, Repair repair, Processes& processes) {
  Result<std::string> device = with_offset(path, partition);
  if (!device) return device.error();
  Result<Outcome> checked = repair == Repair::Mend ? mended(path, partition, *device, processes)
                                                   : processes.run({"e2fsck", "-f", "-n", *device});
  if (!checked) return checked.error();
  if (checked->exit_status == 0) return {};
  if (repair == Repair::Mend && checked->exit_status <= (e2fsck_mended | e2fsck_mended_reboot)) return {};
  // With "errors left" e2fsck may also say that it gave up: the filesystem is in too bad a state to be read at all.
  const bool errors = checked->exit_status < 128 && (checked->exit_status & (e2fsck_errors_left | e2fsck_mended)) != 0;
  return program_failure("e2fsck", *checked, errors ? ErrorCode::Corrupt : ErrorCode::IoFailure);
}

Done resize_ext4(const std::string& path, const Extent& partition, Bytes size, Processes& processes) {
  Result<std::string> device = with_offset(path, partition);
  if (!device) return device.error();
  if (size > partition.size)
    return Error{ErrorCode::InvalidInput,
                 fmt::format("a filesystem of {} does not fit into its partition of {}", size.text(), partition.size.text()), {}};
  Result<Outcome> resized = processes.run({"resize2fs", *device, fmt::format("{}K", size.count / 1024)}, FileSizes::Stay);
  if (!resized) return resized.error();
  if (resized->exit_status == 0) return {};
  const std::string said = resized->errors;
  if (said.find("smaller than minimum") != std::string::npos || said.find("No space") != std::string::npos ||
      said.find("Not enough space") != std::string::npos)
    return Error{ErrorCode::OutOfSpace,
                 fmt::format("the files do not fit into {} ({}); lease less, or free space", size.text(), last_line(said)), {}};
  return program_failure("resize2fs", *resized, ErrorCode::IoFailure);
}

void read_ext4(const std::string& path, const Extent& partition, FilesystemFacts& facts) {
  Result<Filesystem> filesystem = superblock_of(path, partition, EXT2_FLAG_SOFTSUPP_FEATURES);
  if (!filesystem) {
    take_torn(path, partition, facts);
    facts.clean = facts.kind != FilesystemKind::Ext4;
    return;
  }
  ext2_super_block* super = (*filesystem)->super;
  const std::uint64_t block = (*filesystem)->blocksize;
  facts.size = {ext2fs_blocks_count(super) * block};
  facts.used = {facts.size.count - std::min<std::uint64_t>(facts.size.count, ext2fs_free_blocks_count(super) * block)};
  facts.clean = (super->s_state & EXT2_VALID_FS) != 0 && (super->s_state & EXT2_ERROR_FS) == 0 &&
                !ext2fs_has_feature_journal_needs_recovery(super) && super->s_last_orphan == 0;
}

}  // namespace provision::disk
