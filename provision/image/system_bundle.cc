#include "provision/image/system_bundle.h"

#include <fmt/format.h>

namespace provision::image {
namespace {

// Of ext4's own tables: 256 bytes of inode for each 16 KiB. The journal comes on top; what does not fit beside it is found
// while it is written.
constexpr std::uint64_t ext4_share = 64;
constexpr Bytes esp_reserve = mebibytes(4);

Error too_large(std::string_view what, Bytes need, std::string_view where, Bytes room) {
  return Error{ErrorCode::OutOfSpace,
               fmt::format("{} needs {}, and {} has {}; order a larger disk or a smaller system. Nothing was written", what, need.text(),
                           where, room.text()),
               {}};
}

}  // namespace

Result<VerifiedSystem> verified_system(images::files::Files& files, const SystemBundle& bundle) {
  auto verified = images::bundle::verify(files, bundle.path, bundle.trusted);
  if (!verified) return verified.error().within("verifying the operating system " + bundle.path);
  if (!verified->manifest.system)
    return Error{ErrorCode::Unsupported,
                 fmt::format("{} carries no operating system but {} {}; pack one with a list of kind os-archive or os-image", bundle.path,
                             verified->manifest.name, verified->manifest.version),
                 {}};
  return VerifiedSystem{bundle.path, std::move(*verified)};
}

Done check_fits(const VerifiedSystem& system, Bytes files_size, const disk::Extent& esp, const disk::Extent& partition) {
  Bytes boot;
  for (const images::bundle::Entry& entry : system.bundle.manifest.entries)
    if (entry.path != images::bundle::image_map_path) boot += entry.size;
  if (boot + esp_reserve > esp.size) return too_large("what " + system.title() + " puts onto the boot partition", boot, "it", esp.size);
  const Bytes room{partition.size.count - (system.is_image() ? 0 : partition.size.count / ext4_share)};
  const Bytes need = system.is_image() ? system.contents().unpacked_size : files_size;
  if (need > room) return too_large(system.title(), need, "the system partition", room);
  return {};
}

}  // namespace provision::image
