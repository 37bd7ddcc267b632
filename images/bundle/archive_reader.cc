#include "images/bundle/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

#include "images/bundle/archive_names.h"
#include "images/bundle/payload.h"
#include "images/bundle/zstd_stream.h"

namespace images::bundle {
namespace {

constexpr std::size_t piece_size = 256 << 10;
// Headers, padding and what is read ahead around one entry. Whatever an archive claims, no more than this and the sizes
// that its manifest names is ever unpacked.
constexpr std::uint64_t overhead_max = 1 << 20;

struct Release {
  void operator()(archive* object) const { archive_read_free(object); }
};

Error malformed(std::string what) { return Error{ErrorCode::InvalidInput, "the archive " + std::move(what), {}}; }

class Reader {
 public:
  Reader(files::Files& files, const std::string& path, Sink& sink, const PayloadPlace& payload)
      : files_(files), path_(path), sink_(sink), payload_(payload), decompressor_([this] { return next_piece(); }) {}

  Result<ArchiveFacts> read(PayloadDigest payload);

 private:
  Result<std::string> next_piece();
  static la_ssize_t give(archive*, void* client, const void** bytes);
  // The next entry's header; null after the last one.
  Result<archive_entry*> next_header(Bytes content_expected);
  Done check_header(archive_entry* header, const std::string& name, Bytes size) const;
  Done read_content(Bytes size, const std::function<Done(std::string_view)>& take);
  Done read_manifest(ArchiveFacts& facts);
  Done read_file(const Entry& entry);
  Done read_to_the_end();
  Done check_payload(const Manifest& manifest) const;
  Done digest_payload();
  [[nodiscard]] Error complaint() const;

  files::Files& files_;
  const std::string& path_;
  Sink& sink_;
  PayloadPlace payload_;
  std::uint64_t offset_ = 0;
  keys::Sha256 archive_digest_;
  Decompressor decompressor_;
  std::uint64_t unpacked_ = 0;
  std::uint64_t unpacked_max_ = 0;
  std::optional<Error> failure_;  // of what stands behind libarchive
  std::string buffer_ = std::string(piece_size, '\0');
  std::unique_ptr<archive, Release> tar_{archive_read_new()};
};

Result<std::string> Reader::next_piece() {
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, payload_.offset - offset_));
  if (length == 0) return std::string();
  Result<std::string> piece = files_.read_range(path_, offset_, length);
  if (!piece) return piece;
  offset_ += piece->size();
  if (offset_ > archive_size_max.count) return Error{ErrorCode::LimitExceeded, "the archive is larger than 8 GiB", {}};
  archive_digest_.add(*piece);
  return piece;
}

la_ssize_t Reader::give(archive* tar, void* client, const void** bytes) {
  Reader& reader = *static_cast<Reader*>(client);
  Result<std::string_view> piece = reader.decompressor_.next();
  if (piece && (reader.unpacked_ += piece->size()) > reader.unpacked_max_)
    piece = Error{ErrorCode::LimitExceeded, "the archive unpacks to more than its manifest names", {}};
  if (!piece) {
    reader.failure_ = piece.error();
    archive_set_error(tar, EIO, "see failure_");
    return -1;
  }
  *bytes = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

Error Reader::complaint() const {
  if (failure_) return *failure_;
  const char* said = archive_error_string(tar_.get());
  return malformed(std::string("is no whole tar archive: ") + (said == nullptr ? "no reason given" : said));
}

Result<archive_entry*> Reader::next_header(Bytes content_expected) {
  unpacked_max_ = unpacked_ + content_expected.count + overhead_max;
  archive_entry* header = nullptr;
  const int code = archive_read_next_header(tar_.get(), &header);
  if (code == ARCHIVE_EOF && !failure_) return static_cast<archive_entry*>(nullptr);
  // A warning is already more than an archive of ours gives cause for.
  if (code != ARCHIVE_OK) return complaint();
  return header;
}

Done Reader::check_header(archive_entry* header, const std::string& name, Bytes size) const {
  if (header == nullptr) return malformed("ends where '" + name + "' belongs");
  const char* const found = archive_entry_pathname(header);
  if (found == nullptr || name != found) return malformed("holds another entry where '" + name + "' belongs");
  const bool plain = archive_entry_filetype(header) == AE_IFREG && archive_entry_hardlink(header) == nullptr &&
                     archive_entry_symlink(header) == nullptr && archive_entry_sparse_count(header) == 0;
  if (!plain) return malformed("holds '" + name + "' as something else than a plain file");
  if (archive_entry_size_is_set(header) == 0 || static_cast<std::uint64_t>(archive_entry_size(header)) != size.count)
    return malformed("holds '" + name + "' with " + std::to_string(archive_entry_size(header)) + " bytes, not " +
                     std::to_string(size.count));
  return {};
}

Done Reader::read_content(Bytes size, const std::function<Done(std::string_view)>& take) {
  std::uint64_t left = size.count;
  while (true) {
    const la_ssize_t count = archive_read_data(tar_.get(), buffer_.data(), buffer_.size());
    if (count < 0 || failure_) return complaint();
    if (count == 0) return left == 0 ? Done{} : Done(malformed("ends within a file"));
    if (static_cast<std::uint64_t>(count) > left) return malformed("holds more of a file than it says");
    left -= static_cast<std::uint64_t>(count);
    if (Done taken = take({buffer_.data(), static_cast<std::size_t>(count)}); !taken) return taken;
  }
}

Done Reader::read_manifest(ArchiveFacts& facts) {
  const Result<archive_entry*> header = next_header(manifest_size_max);
  if (!header) return header.error();
  const la_int64_t size = *header == nullptr ? 0 : archive_entry_size(*header);
  if (size < 0 || static_cast<std::uint64_t>(size) > manifest_size_max.count)
    return Error{ErrorCode::LimitExceeded, "the archive's manifest is larger than 4 MiB", {}};
  const Bytes claimed{static_cast<std::uint64_t>(size)};
  if (Done right = check_header(*header, std::string(manifest_entry_name), claimed); !right) return right;
  std::string text;
  const Done content = read_content(claimed, [&text](std::string_view piece) {
    text += piece;
    return Done{};
  });
  if (!content) return content;
  Result<Manifest> manifest = manifest_from(text);
  if (!manifest) return manifest.error().within("reading the manifest");
  facts.manifest = std::move(*manifest);
  facts.manifest_sha256 = keys::sha256(text);
  return {};
}

Done Reader::read_file(const Entry& entry) {
  const Result<archive_entry*> header = next_header(entry.size);
  if (!header) return header.error();
  if (Done right = check_header(*header, content_entry_name(entry), entry.size); !right) return right;
  keys::Sha256 digest;
  const Done content = read_content(entry.size, [&](std::string_view piece) {
    digest.add(piece);
    return sink_.write(piece);
  });
  if (!content) return content;
  if (digest.finish() != entry.sha256)
    return Error{ErrorCode::Corrupt, "the content of '" + entry.path + "' is not the one that the manifest names", {}};
  return {};
}

Done Reader::read_to_the_end() {
  const Result<archive_entry*> header = next_header(Bytes{});
  if (!header) return header.error();
  if (*header != nullptr) return malformed("holds an entry that its manifest does not name");
  while (true) {
    const Result<std::string_view> piece = decompressor_.next();
    if (!piece) return piece.error();
    if (piece->empty()) return {};
    if ((unpacked_ += piece->size()) > unpacked_max_) return malformed("goes on after its end");
  }
}

Done Reader::check_payload(const Manifest& manifest) const {
  if (payload_.size.count == 0 && !manifest.system) return {};
  if (!manifest.system) return malformed("is followed by something that its manifest does not name");
  if (manifest.system->payload_size != payload_.size)
    return malformed("is followed by " + payload_.size.text() + ", and its manifest names " + manifest.system->payload_size.text());
  return {};
}

Done Reader::digest_payload() {
  while (true) {
    const Result<std::string> piece = files_.read_range(path_, offset_, piece_size);
    if (!piece) return piece.error();
    if (piece->empty()) return {};
    offset_ += piece->size();
    archive_digest_.add(*piece);
  }
}

Result<ArchiveFacts> Reader::read(PayloadDigest payload) {
  const bool ready = tar_ && archive_read_support_filter_none(tar_.get()) == ARCHIVE_OK &&
                     archive_read_support_format_tar(tar_.get()) == ARCHIVE_OK;
  invariant(ready, "libarchive reads tar");
  unpacked_max_ = overhead_max;
  if (archive_read_open(tar_.get(), this, nullptr, give, nullptr) != ARCHIVE_OK) return complaint();
  ArchiveFacts facts;
  if (Done manifest = read_manifest(facts); !manifest) return manifest.error();
  if (Done agreed = check_payload(facts.manifest); !agreed) return agreed.error();
  for (const Entry& entry : facts.manifest.entries) {
    if (Done begun = sink_.begin(entry); !begun) return begun.error();
    if (entry.kind == EntryKind::File) {
      if (Done content = read_file(entry); !content) return content.error();
    }
    if (Done ended = sink_.end(entry); !ended) return ended.error();
  }
  if (Done ended = read_to_the_end(); !ended) return ended.error();
  facts.payload_offset = payload_.offset;
  facts.archive_size = Bytes{payload_.offset + (facts.manifest.system ? payload_.size.count + trailer_size : 0)};
  if (facts.manifest.system && payload == PayloadDigest::LeftOut) return facts;
  if (facts.manifest.system)
    if (Done digested = digest_payload(); !digested) return digested.error();
  facts.archive_sha256 = archive_digest_.finish();
  return facts;
}

}  // namespace

Result<ArchiveFacts> read_archive(files::Files& files, const std::string& path, Sink& sink, PayloadDigest payload) {
  const Result<PayloadPlace> place = payload_place(files, path);
  if (!place) return place.error();
  return Reader(files, path, sink, *place).read(payload);
}

}  // namespace images::bundle
