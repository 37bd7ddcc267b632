#include "images/bundle/archive_writer.h"
#include "images/bundle/bundle.h"

namespace images::bundle {
namespace {

constexpr std::size_t piece_size = 256 << 10;

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

}  // namespace

Result<Manifest> pack(files::Files& files, const PackOrder& order, const std::string& out) {
  std::vector<Source> sources = order.sources;
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  Manifest manifest{order.name, order.version, order.architecture, {}};
  for (const Source& source : sources) {
    Result<Entry> entry = entry_of(files, source);
    if (!entry) return entry.error();
    manifest.entries.push_back(std::move(*entry));
  }
  if (Done lawful = check_manifest(manifest); !lawful) return lawful.error().within("packing " + out);
  if (text_of(manifest).size() > manifest_size_max.count)
    return Error{
        ErrorCode::LimitExceeded, "the manifest of " + out + " would be larger than 4 MiB; pack fewer files", {}};
  const std::string unfinished = out + ".unfinished";
  Done written = write_archive(files, manifest, sources, unfinished);
  if (written) written = files.rename(unfinished, out);
  if (!written) {
    static_cast<void>(files.remove(unfinished));  // the first error is the one to tell
    return written.error();
  }
  return manifest;
}

}  // namespace images::bundle
