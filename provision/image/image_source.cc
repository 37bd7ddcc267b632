#include "provision/image/image_source.h"

#include <fmt/format.h>

#include "images/bundle/image_map.h"
#include "provision/disk/ext4_identity.h"
#include "provision/image/chunk_writer.h"

namespace provision::image {
namespace {

using images::bundle::Entry;
using images::bundle::ImageMap;

class MapSink final : public images::bundle::Sink {
 public:
  Done begin(const Entry& entry) override {
    wanted_ = entry.path == images::bundle::image_map_path;
    return {};
  }
  Done write(std::string_view piece) override {
    if (wanted_) text.append(piece);
    return Bytes{text.size()} > images::bundle::image_map_size_max ? Done(Error{ErrorCode::LimitExceeded, "the image's map is too large", {}}) : Done();
  }
  Done end(const Entry&) override { return {}; }
  std::string text;

 private:
  bool wanted_ = false;
};

Result<ImageMap> map_of(images::files::Files& files, const VerifiedSystem& system) {
  MapSink sink;
  if (Done given = images::bundle::give_again(files, system.path, system.bundle, sink); !given) return given.error();
  auto map = images::bundle::image_map_from(sink.text);
  if (!map) return map;
  if (map->image_size != system.contents().unpacked_size || map->stored() != system.contents().payload_size)
    return Error{ErrorCode::InvalidInput,
                 fmt::format("the map in {} speaks of an image of {} in {}, its manifest of {} in {}", system.path, map->image_size.text(),
                             map->stored().text(), system.contents().unpacked_size.text(), system.contents().payload_size.text()),
                 {}};
  return map;
}

class BundledImage final : public disk::ImageSource {
 public:
  BundledImage(images::files::Files& files, const VerifiedSystem& system, ImageMap map, ImageOptions options)
      : files_(files), system_(system), map_(std::move(map)), options_(std::move(options)) {}

  Done write(const std::string& disk_path, const disk::PlannedPartition& partition) override {
    if (map_.image_size > partition.extent.size)
      return Error{ErrorCode::OutOfSpace,
                   fmt::format("{} has {}, its partition {}", system_.title(), map_.image_size.text(), partition.extent.size.text()), {}};
    if (Done written = write_chunks(disk_path, partition.extent); !written) return written.error().within("writing " + system_.title());
    return disk::name_ext4(disk_path, partition.extent, partition.filesystem_uuid, partition.filesystem_label);
  }

 private:
  // Closes the disk again: libext2fs wants to be the only one on it.
  Done write_chunks(const std::string& disk_path, const disk::Extent& extent) {
    auto disk = disk::DeviceFile::open(disk_path, disk::OpenFor::Writing);
    if (!disk) return disk.error();
    ChunkWriter writer(files_, system_, map_, *disk, extent, options_);
    for (const auto act : {&ChunkWriter::clear, &ChunkWriter::write_body, &ChunkWriter::read_back_body, &ChunkWriter::write_head})
      if (Done done = (writer.*act)(); !done) return done;
    return {};
  }

  images::files::Files& files_;
  const VerifiedSystem& system_;
  ImageMap map_;
  ImageOptions options_;
};

}  // namespace

Result<std::unique_ptr<disk::ImageSource>> image_source(images::files::Files& files, const VerifiedSystem& system, ImageOptions options) {
  auto map = map_of(files, system);
  if (!map) return map.error().within("reading the image's map");
  return std::unique_ptr<disk::ImageSource>(new BundledImage(files, system, std::move(*map), std::move(options)));
}

}  // namespace provision::image
