// The acts of writing an image, by several threads at once; image_source.h has their order and their meaning.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "images/bundle/image_map.h"
#include "provision/disk/device_file.h"
#include "provision/image/image_source.h"

namespace provision::image {

class ChunkWriter {
 public:
  // All must outlive it.
  ChunkWriter(images::files::Files& files, const VerifiedSystem& system, const images::bundle::ImageMap& map, disk::DeviceFile& disk,
              const disk::Extent& extent, const ImageOptions& options);

  // Nothing is left at the head and the tail of the partition that could be taken for a filesystem. Durable.
  Done clear();
  // All chunks but the first, zeros too. Durable.
  Done write_body();
  // Reads them from the medium, as far as the kernel allows, and holds them against the map.
  Done read_back_body();
  // The first chunk, read back. Durable.
  Done write_head();

 private:
  // A chunk that holds something, or a run of chunks of zeros.
  struct Piece {
    std::uint64_t at = 0;  // within the image
    std::uint64_t length = 0;
    const images::bundle::ImageChunk* chunk = nullptr;  // nullptr: zeros
  };
  [[nodiscard]] std::vector<Piece> pieces_of_map() const;
  // Each by one of the threads; the first error ends all.
  Done each(const std::vector<Piece>& pieces, const std::function<Done(const Piece&)>& act);
  Done write(const Piece& piece);
  Done write_chunk(const Piece& piece);
  Result<bool> is_there(const Piece& piece) const;
  Result<bool> zeros_there(const Piece& piece) const;
  Done read_back(const Piece& piece) const;
  void forget_cached() const;
  void moved(std::uint64_t length);

  images::files::Files& files_;
  const VerifiedSystem& system_;
  const images::bundle::ImageMap& map_;
  disk::DeviceFile& disk_;
  disk::Extent extent_;
  const ImageOptions& options_;
  std::vector<Piece> pieces_;  // the first is chunk 0
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  WriteFigures figures_;
};

}  // namespace provision::image
