#include "provision/image/chunk_writer.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "images/keys/keys.h"

namespace provision::image {
namespace {

using images::bundle::ImageChunk;

// Of zeros: large enough that a run costs few calls, small enough that several threads share a long one.
constexpr std::uint64_t zeros_piece_max = std::uint64_t{64} << 20;
constexpr std::uint64_t read_piece = std::uint64_t{1} << 20;
constexpr std::uint64_t signature_tail = std::uint64_t{1} << 20;  // where RAID members and backup tables have their words
constexpr unsigned threads_max = 16;

}  // namespace

ChunkWriter::ChunkWriter(images::files::Files& files, const VerifiedSystem& system, const images::bundle::ImageMap& map, disk::DeviceFile& disk,
                         const disk::Extent& extent, const ImageOptions& options)
    : files_(files), system_(system), map_(map), disk_(disk), extent_(extent), options_(options), pieces_(pieces_of_map()) {}

std::vector<ChunkWriter::Piece> ChunkWriter::pieces_of_map() const {
  std::vector<Piece> pieces;
  const std::uint64_t size = map_.chunk_size.count;
  auto chunk = map_.chunks.begin();
  for (std::uint64_t index = 0; index < map_.count(); ++index) {
    const Piece piece{index * size, map_.length_of(index), chunk != map_.chunks.end() && chunk->index == index ? &*chunk++ : nullptr};
    const bool joins = piece.chunk == nullptr && pieces.size() > 1 && pieces.back().chunk == nullptr && pieces.back().length < zeros_piece_max;
    if (joins) {
      pieces.back().length += piece.length;
    } else {
      pieces.push_back(piece);
    }
  }
  return pieces;
}

Done ChunkWriter::each(const std::vector<Piece>& pieces, const std::function<Done(const Piece&)>& act) {
  std::atomic<std::size_t> next = 0;
  std::optional<Error> failure;
  const auto work = [&] {
    for (std::size_t at = next++; at < pieces.size(); at = next++) {
      Done done = act(pieces[at]);
      if (done) continue;
      next = pieces.size();
      const std::lock_guard lock(mutex_);
      if (!failure) failure = done.error();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < std::clamp(options_.threads, 1U, threads_max); ++i) threads.emplace_back(work);
    work();
  }
  return failure ? Done(*failure) : Done();
}

Done ChunkWriter::clear() {
  if (Done erased = disk_.write_zeros(extent_.end().count - signature_tail, signature_tail); !erased) return erased;
  if (Done erased = disk_.write_zeros(extent_.start.count, pieces_.front().length); !erased) return erased;
  return disk_.sync();
}

void ChunkWriter::moved(std::uint64_t length) {
  const std::lock_guard lock(mutex_);
  done_ += length;
  if (options_.progress) options_.progress({done_}, map_.image_size);
}

Result<bool> ChunkWriter::zeros_there(const Piece& piece) const {
  const std::uint64_t end = extent_.start.count + piece.at + piece.length;
  for (std::uint64_t at = disk_.next_written(extent_.start.count + piece.at); at < end;) {
    const auto bytes = disk_.read(at, static_cast<std::size_t>(std::min(read_piece, end - at)));
    if (!bytes) return bytes.error();
    if (!disk::all_zeros(*bytes)) return false;
    at = disk_.next_written(at + bytes->size());
  }
  return true;
}

Result<bool> ChunkWriter::is_there(const Piece& piece) const {
  if (piece.chunk == nullptr) return zeros_there(piece);
  const auto bytes = disk_.read(extent_.start.count + piece.at, static_cast<std::size_t>(piece.length));
  if (!bytes) return bytes.error();
  return images::keys::sha256(*bytes) == piece.chunk->sha256;
}

Done ChunkWriter::write_chunk(const Piece& piece) {
  const ImageChunk& chunk = *piece.chunk;
  const auto frame = files_.read_range(system_.path, system_.bundle.payload_offset + chunk.stored_at, static_cast<std::size_t>(chunk.stored_size));
  if (!frame) return frame.error();
  const auto bytes = images::bundle::unpacked_chunk(*frame, static_cast<std::size_t>(piece.length));
  const bool right = bytes && images::keys::sha256(*bytes) == chunk.sha256;
  if (!right)
    return Error{ErrorCode::Corrupt,
                 fmt::format("chunk {} of {} is not the one that was signed: the bundle changed after it was verified", chunk.index, system_.path), {}};
  const std::uint64_t at = extent_.start.count + piece.at;
  Done written = disk_.block_device() ? disk_.write(at, *bytes) : disk_.write_sparse(at, *bytes);
  // The medium shall be busy while the next chunk is unpacked; that it is durable is asked for at the end.
  if (written) ::sync_file_range(disk_.descriptor(), static_cast<off_t>(at), static_cast<off_t>(bytes->size()), SYNC_FILE_RANGE_WRITE);
  return written;
}

Done ChunkWriter::write(const Piece& piece) {
  bool there = false;
  if (options_.approach == Approach::CompareFirst) {
    const auto found = is_there(piece);
    if (!found) return found.error();
    there = *found;
  }
  if (!there) {
    Done written = piece.chunk == nullptr ? disk_.write_zeros(extent_.start.count + piece.at, piece.length) : write_chunk(piece);
    if (!written) return written;
  }
  moved(piece.length);
  const std::lock_guard lock(mutex_);
  if (piece.chunk != nullptr) ++(there ? figures_.chunks_there : figures_.chunks_written);
  return {};
}

Done ChunkWriter::write_body() {
  const std::vector<Piece> body(pieces_.begin() + 1, pieces_.end());
  if (Done written = each(body, [this](const Piece& piece) { return write(piece); }); !written) return written;
  return disk_.sync();
}

Done ChunkWriter::read_back(const Piece& piece) const {
  const auto there = is_there(piece);
  if (!there) return there.error();
  if (*there) return {};
  return Error{ErrorCode::Corrupt,
               fmt::format("the disk gave back other bytes than it took, at {} of the image ({} of them). Do not ship this disk", piece.at, piece.length), {}};
}

void ChunkWriter::forget_cached() const {
  ::posix_fadvise(disk_.descriptor(), static_cast<off_t>(extent_.start.count), static_cast<off_t>(map_.image_size.count), POSIX_FADV_DONTNEED);
}

Done ChunkWriter::read_back_body() {
  forget_cached();
  const std::vector<Piece> body(pieces_.begin() + 1, pieces_.end());
  return each(body, [this](const Piece& piece) { return read_back(piece); });
}

Done ChunkWriter::write_head() {
  const Piece& head = pieces_.front();
  if (head.chunk != nullptr)
    if (Done written = write_chunk(head); !written) return written;
  moved(head.length);
  ++figures_.chunks_written;
  if (Done durable = disk_.sync(); !durable) return durable;
  forget_cached();
  if (options_.figures != nullptr) *options_.figures = figures_;
  return read_back(head);
}

}  // namespace provision::image
