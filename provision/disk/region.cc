#include "provision/disk/region.h"

#include <fmt/core.h>

#include <functional>

#include "images/keys/keys.h"

namespace provision::disk {
namespace {

constexpr std::uint64_t chunk = mebibytes(1).count;

// Hands each MiB of the region that is not all zeros to `take`, with its offset on the disk, in order; says where zeros were skipped.
Done each_chunk(const DeviceFile& disk, const Extent& region, const std::function<Done(std::uint64_t at, const std::string& bytes)>& take) {
  const std::uint64_t end = region.end().count;
  for (std::uint64_t at = region.start.count; at < end;) {
    const std::uint64_t written = disk.next_written(at);
    if (written >= end) break;
    at += (std::max(written, at) - at) / chunk * chunk;
    const std::size_t length = static_cast<std::size_t>(std::min(chunk, end - at));
    Result<std::string> bytes = disk.read(at, length);
    if (!bytes) return bytes.error();
    if (!all_zeros(*bytes))
      if (Done taken = take(at, *bytes); !taken) return taken;
    at += length;
  }
  return {};
}

class RegionDigest {
 public:
  explicit RegionDigest(Bytes start) : start_(start) {}
  void add(std::uint64_t at, const std::string& bytes) {
    all_.add(fmt::format("{} {}\n", at - start_.count, images::keys::sha256(bytes).text));
  }
  Digest finish() { return all_.finish(); }

 private:
  Bytes start_;
  images::keys::Sha256 all_;
};

// What is there already and shall be zeros; where nothing was written, nothing is to do.
Done clear(DeviceFile& disk, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t at = std::max(from, disk.next_written(from)); at < to; at = disk.next_written(at)) {
    const std::uint64_t end = std::min(disk.next_hole(at), to);
    if (Done zeroed = disk.write_zeros(at, end - at); !zeroed) return zeroed;
    at = end;
  }
  return {};
}

}  // namespace

Result<Digest> digest_of_region(const DeviceFile& disk, const Extent& region) {
  RegionDigest digest(region.start);
  Done read = each_chunk(disk, region, [&](std::uint64_t at, const std::string& bytes) -> Done {
    digest.add(at, bytes);
    return {};
  });
  if (!read) return read.error();
  return digest.finish();
}

Result<Digest> copied_region(const DeviceFile& from, DeviceFile& to, const Extent& region) {
  if (region.end() > from.size() || region.end() > to.size())
    return Error{ErrorCode::InvalidInput, "a region that reaches beyond the end of a disk cannot be copied", {}};
  RegionDigest digest(region.start);
  std::uint64_t done = region.start.count;
  Done copied = each_chunk(from, region, [&](std::uint64_t at, const std::string& bytes) -> Done {
    digest.add(at, bytes);
    if (Done cleared = clear(to, done, at); !cleared) return cleared;
    done = at + bytes.size();
    return to.write(at, bytes);
  });
  if (!copied) return copied.error();
  if (Done cleared = clear(to, done, region.end().count); !cleared) return cleared.error();
  if (Done durable = to.sync(); !durable) return durable.error();
  to.forget_cached(region);
  Digest source = digest.finish();
  Result<Digest> there = digest_of_region(to, region);
  if (!there) return there.error().within("reading back what was copied");
  if (*there != source) return Error{ErrorCode::Corrupt, "what was copied reads back otherwise; do not use the new disk", {}};
  return source;
}

}  // namespace provision::disk
