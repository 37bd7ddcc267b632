#include <cstring>

#include "images/bundle/archive_writer.h"
#include "images/bundle/bundle.h"
#include "images/bundle/image_map.h"
#include "images/bundle/payload.h"
#include "images/bundle/system_archive.h"
#include "images/bundle/zstd_stream.h"

namespace images::bundle {
namespace {

constexpr std::size_t piece_size = 256 << 10;
constexpr std::size_t system_piece_size = 1 << 20;

// All bytes at `path` in pieces; says how many there were.
Result<Bytes> read_through(files::Files& files, const std::string& path,
                           const std::function<Done(std::string_view)>& take) {
  Bytes size;
  while (true) {
    const Result<std::string> piece = files.read_range(path, size.count, piece_size);
    if (!piece) return piece.error();
    if (piece->empty()) return size;
    if (Done taken = take(*piece); !taken) return taken.error();
    size += Bytes{piece->size()};
  }
}

Result<Entry> entry_of(files::Files& files, const Source& source) {
  Entry entry{source.kind, source.path, source.mode, {}, {}, source.target};
  if (source.kind != EntryKind::File) return entry;
  keys::Sha256 digest;
  const Result<Bytes> size = read_through(files, source.content, [&digest](std::string_view piece) {
    digest.add(piece);
    return Done{};
  });
  if (!size) return size.error().within("reading what becomes " + source.path);
  entry.size = *size;
  entry.sha256 = digest.finish();
  return entry;
}

Done add_file(files::Files& files, ArchiveWriter& writer, const Entry& entry, const std::string& content) {
  const Error changed{
      ErrorCode::Conflict, "'" + content + "' changed while it was packed; pack again when nobody writes it", {}};
  if (Done begun = writer.begin(entry); !begun) return begun;
  keys::Sha256 digest;
  std::uint64_t left = entry.size.count;
  const Result<Bytes> size = read_through(files, content, [&](std::string_view piece) -> Done {
    if (piece.size() > left) return changed;
    left -= piece.size();
    digest.add(piece);
    return writer.add(piece);
  });
  if (!size) return size.error().within("packing " + entry.path);
  return *size == entry.size && digest.finish() == entry.sha256 ? Done{} : Done(changed);
}

Done write_archive(files::Files& files, const Manifest& manifest, const std::vector<Source>& sources,
                   const std::string& path) {
  if (Done removed = files.remove(path); !removed) return removed;
  ArchiveWriter writer([&](std::string_view piece) { return files.append(path, piece, files::Access::Everyone); });
  if (Done added = writer.add_manifest(text_of(manifest)); !added) return added;
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
    if (manifest.entries[i].kind != EntryKind::File) continue;
    if (Done added = add_file(files, writer, manifest.entries[i], sources[i].content); !added) return added;
  }
  if (Done finished = writer.finish(); !finished) return finished;
  return files.sync(path);
}

// The archive of the order's files at `path`, durable.
Result<Manifest> packed_files(files::Files& files, const PackOrder& order, std::optional<SystemContents> system, const std::string& path) {
  std::vector<Source> sources = order.sources;
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  Manifest manifest{order.name, order.version, order.architecture, {}, std::move(system)};
  for (const Source& source : sources) {
    Result<Entry> entry = entry_of(files, source);
    if (!entry) return entry.error();
    manifest.entries.push_back(std::move(*entry));
  }
  if (Done lawful = check_manifest(manifest); !lawful) return lawful.error().within("packing " + path);
  if (text_of(manifest).size() > manifest_size_max.count)
    return Error{ErrorCode::LimitExceeded, "the manifest of " + path + " would be larger than 4 MiB; pack fewer files", {}};
  if (Done written = write_archive(files, manifest, sources, path); !written) return written.error();
  return manifest;
}

// The first of `left` becomes `out` when all went well; the others, and it too when it did not, are removed.
Result<Manifest> put_in_place(files::Files& files, Result<Manifest> manifest, const std::vector<std::string>& left, const std::string& out) {
  if (manifest)
    if (Done renamed = files.rename(left.front(), out); !renamed) manifest = renamed.error();
  for (std::size_t i = manifest ? 1 : 0; i < left.size(); ++i)
    if (Done removed = files.remove(left[i]); !removed && manifest) manifest = removed.error();  // the first error is the one to tell
  return manifest;
}

bool is_zstd(std::string_view bytes) { return bytes.starts_with("\x28\xB5\x2F\xFD"); }

// The bytes of a tar archive that may be compressed with zstd, in pieces.
class PlainBytes {
 public:
  static Result<std::unique_ptr<PlainBytes>> open(files::Files& files, const std::string& path) {
    const Result<std::string> head = files.read_range(path, 0, 4);
    if (!head) return head.error();
    return std::unique_ptr<PlainBytes>(new PlainBytes(files, path, is_zstd(*head)));
  }
  Result<std::string> next() {
    if (!decompressor_) return stored();
    const Result<std::string_view> piece = decompressor_->next();
    return piece ? Result<std::string>(std::string(*piece)) : Result<std::string>(piece.error());
  }

 private:
  PlainBytes(files::Files& files, std::string path, bool compressed) : files_(files), path_(std::move(path)) {
    if (compressed) decompressor_.emplace([this] { return stored(); });
  }
  Result<std::string> stored() {
    Result<std::string> piece = files_.read_range(path_, at_, system_piece_size);
    if (piece) at_ += piece->size();
    return piece;
  }
  files::Files& files_;
  std::string path_;
  std::uint64_t at_ = 0;
  std::optional<Decompressor> decompressor_;
};

class NowhereSink final : public SystemSink {
 public:
  Done begin(const SystemNode&) override { return {}; }
  Done write(std::string_view) override { return {}; }
  Done end(const SystemNode&) override { return {}; }
};

Result<SystemContents> packed_archive(files::Files& files, const std::string& content, const std::string& payload) {
  if (Done removed = files.remove(payload); !removed) return removed.error();
  Result<std::unique_ptr<PlainBytes>> plain = PlainBytes::open(files, content);
  if (!plain) return plain.error();
  SystemContents contents;
  Compressor compressor([&](std::string_view piece) {
    contents.payload_size += Bytes{piece.size()};
    return files.append(payload, piece, files::Access::Everyone);
  });
  NowhereSink nowhere;
  // What is read to be checked is what is packed.
  const Result<SystemFacts> facts = read_system_archive(
      [&]() -> Result<std::string> {
        Result<std::string> piece = (*plain)->next();
        if (!piece) return piece;
        if (Done added = compressor.add(*piece); !added) return added.error();
        return piece;
      },
      {}, nowhere);
  if (!facts) return facts.error();
  if (Done finished = compressor.finish(); !finished) return finished.error();
  contents.kind = SystemKind::Archive;
  contents.unpacked_size = facts->unpacked_size;
  contents.nodes = facts->nodes;
  return contents;
}

// A zero, and each byte like the one before it: memcmp is many times faster than a search.
bool all_zeros(std::string_view bytes) {
  return bytes.empty() || (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// ext4's superblock begins at byte 1024, its magic (little-endian 0xEF53) 56 bytes into it.
Done check_is_ext4(files::Files& files, const std::string& image) {
  const Result<std::string> magic = files.read_range(image, 1024 + 56, 2);
  if (!magic) return magic.error();
  if (*magic == "\x53\xEF") return {};
  return Error{ErrorCode::Unsupported, "'" + image + "' is no raw ext4 filesystem; pack the filesystem of its system partition alone", {}};
}

Result<SystemContents> packed_image(files::Files& files, const std::string& image, const std::string& payload, const std::string& map_path) {
  if (Done removed = files.remove(payload); !removed) return removed.error();
  if (Done ext4 = check_is_ext4(files, image); !ext4) return ext4.error();
  const Result<std::uint64_t> size = files.size(image);
  if (!size) return size.error();
  ImageMap map{image_chunk_size, {*size}, {}};
  if (*size % 1024 != 0 || Bytes{*size} > system_size_max)
    return Error{ErrorCode::Unsupported, "an image has whole KiB and at most 1 TiB, and this one has " + std::to_string(*size) + " B", {}};
  std::uint64_t stored = 0;
  for (std::uint64_t index = 0; index < map.count(); ++index) {
    const auto length = static_cast<std::size_t>(map.length_of(index));
    const Result<std::string> bytes = files.read_range(image, index * map.chunk_size.count, length);
    if (!bytes) return bytes.error();
    if (bytes->size() != length) return Error{ErrorCode::Conflict, "'" + image + "' became shorter while it was packed", {}};
    if (all_zeros(*bytes)) continue;
    const std::string frame = packed_chunk(*bytes);
    if (Done added = files.append(payload, frame, files::Access::Everyone); !added) return added.error();
    map.chunks.push_back({index, stored, frame.size(), keys::sha256(*bytes)});
    stored += frame.size();
  }
  if (Done written = files.replace(map_path, text_of(map), files::Access::Everyone); !written) return written.error();
  SystemContents contents;
  contents.kind = SystemKind::Image;
  contents.payload_size = {stored};
  contents.unpacked_size = {*size};
  return contents;
}

Done append_payload(files::Files& files, const std::string& payload, const std::string& path) {
  const Result<Bytes> size = read_through(files, payload, [&](std::string_view piece) { return files.append(path, piece, files::Access::Everyone); });
  if (!size) return size.error();
  if (Done added = files.append(path, trailer_of(*size), files::Access::Everyone); !added) return added;
  return files.sync(path);
}

}  // namespace

Result<Manifest> pack(files::Files& files, const PackOrder& order, const std::string& out) {
  const std::string unfinished = out + ".unfinished";
  Result<Manifest> manifest = packed_files(files, order, {}, unfinished);
  return put_in_place(files, std::move(manifest), {unfinished}, out);
}

Result<Manifest> pack_system(files::Files& files, const PackOrder& order, const SystemOrder& system, const std::string& out) {
  const std::string unfinished = out + ".unfinished";
  const std::string payload = out + ".payload";
  const std::string map = out + ".map";
  const auto packed = [&]() -> Result<Manifest> {
    PackOrder all = order;
    Result<SystemContents> contents = system.kind == SystemKind::Archive ? packed_archive(files, system.content, payload)
                                                                         : packed_image(files, system.content, payload, map);
    if (!contents) return contents.error().within("packing " + system.content);
    if (system.kind == SystemKind::Image) all.sources.push_back({EntryKind::File, std::string(image_map_path), 0644, map, {}});
    contents->network = system.network;
    contents->kernel = system.kernel;
    contents->initrd = system.initrd;
    contents->kernel_options = system.kernel_options;
    Result<Manifest> manifest = packed_files(files, all, std::move(*contents), unfinished);
    if (!manifest) return manifest;
    if (Done added = append_payload(files, payload, unfinished); !added) return added.error();
    return manifest;
  };
  return put_in_place(files, packed(), {unfinished, payload, map}, out);
}

}  // namespace images::bundle
