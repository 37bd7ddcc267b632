#include "provision/disk/contents.h"

#include <fmt/core.h>

#include <future>

#include "provision/disk/ext4.h"
#include "provision/disk/fat.h"
#include "provision/disk/luks.h"

namespace provision::disk {
namespace {

constexpr std::uint64_t piece_max = std::uint64_t{1} << 20;
constexpr std::uint64_t zeros_block = std::uint64_t{64} << 10;

Result<Contents> contents_of(const PlannedPartition& partition, const LeaseKeys* keys, std::uint32_t sector_size, Processes& processes) {
  switch (partition.content) {
    case Content::FatEsp: return fat32_contents(partition, sector_size);
    case Content::Ext4: return ext4_contents(partition, processes);
    case Content::SealedLease:
      if (keys == nullptr) return Error{ErrorCode::InvalidInput, "the lease partition must be sealed, but no keys were given", {}};
      return luks_contents(partition, *keys);
    case Content::Image:
    case Content::Kept: break;
  }
  return Error{ErrorCode::InvalidInput, fmt::format("partition {} is to be kept, not to be formatted", partition.number), {}};
}

// Where libblkid looks: the first 5 MiB (LUKS2 keeps second headers up to 4 MiB) and the last MiB.
std::vector<Extent> signature_places(const Contents& contents) {
  const Bytes head = std::min(contents.extent.size, std::max(contents.cleared, mebibytes(5)));
  const Bytes tail = std::min(contents.extent.size, mebibytes(1));
  return {{contents.extent.start, head}, {contents.extent.end() - tail, tail}};
}

// Nothing is flushed where nothing was: a new image is a hole all through.
Done erase_signatures(DeviceFile& disk, const std::vector<Contents>& contents) {
  bool erased = false;
  for (const Contents& each : contents)
    for (const Extent& place : signature_places(each)) {
      if (disk.next_written(place.start.count) >= place.end().count) continue;
      if (Done zeroed = disk.write_zeros(place.start.count, place.size.count); !zeroed) return zeroed;
      erased = true;
    }
  return erased ? disk.sync() : Done();
}

}  // namespace

Result<std::vector<Contents>> make_contents(const std::vector<PlannedPartition>& partitions, const LeaseKeys* keys,
                                            std::uint32_t sector_size, Processes& processes) {
  std::vector<std::future<Result<Contents>>> making;
  for (const PlannedPartition& partition : partitions)
    making.push_back(std::async(std::launch::async, [&] { return contents_of(partition, keys, sector_size, processes); }));
  std::vector<Contents> made;
  std::optional<Error> failed;
  for (std::size_t i = 0; i < making.size(); ++i) {
    Result<Contents> contents = making[i].get();
    if (contents) made.push_back(*std::move(contents));
    if (!contents && !failed)
      failed = contents.error().within(fmt::format("making what partition {} ({}) shall hold", partitions[i].number, partitions[i].name));
  }
  if (failed) return *failed;
  return made;
}

Done put_contents(DeviceFile& disk, const std::vector<Contents>& contents) {
  if (Done erased = erase_signatures(disk, contents); !erased) return erased;
  for (const auto part : {&Contents::body, &Contents::head}) {
    for (const Contents& each : contents)
      for (const Piece& piece : each.*part)
        if (Done written = disk.write(piece.offset, piece.bytes); !written) return written;
    if (Done durable = disk.sync(); !durable) return durable;
  }
  return {};
}

Result<std::vector<Piece>> pieces_of(const DeviceFile& copy, std::uint64_t from, std::uint64_t to, Bytes start, WrittenZeros zeros) {
  const std::uint64_t most = zeros == WrittenZeros::Kept ? piece_max : zeros_block;
  std::vector<Piece> pieces;
  for (std::uint64_t at = std::max(from, copy.next_written(from)); at < to; at = copy.next_written(at)) {
    const std::uint64_t end = std::min({copy.next_hole(at), to, at + most});
    Result<std::string> bytes = copy.read(at, static_cast<std::size_t>(end - at));
    if (!bytes) return bytes.error();
    if (zeros == WrittenZeros::Kept || !all_zeros(*bytes)) pieces.push_back({start.count + at, *std::move(bytes)});
    at = end;
  }
  return pieces;
}

}  // namespace provision::disk
