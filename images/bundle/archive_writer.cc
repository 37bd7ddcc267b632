#include "images/bundle/archive_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include "images/bundle/archive_names.h"
#include "images/bundle/zstd_stream.h"

namespace images::bundle {
namespace {

struct Release {
  void operator()(archive* object) const { archive_write_free(object); }
  void operator()(archive_entry* object) const { archive_entry_free(object); }
};

}  // namespace

struct ArchiveWriter::State {
  explicit State(std::function<Done(std::string_view)> take) : compressor(std::move(take)) {}

  Compressor compressor;
  std::optional<Error> failure;  // of what stands behind libarchive; libarchive itself only knows "-1"
  bool ending = false;           // freeing an unfinished archive closes it: what it still writes then goes nowhere
  ~State() { ending = true; }
  std::unique_ptr<archive, Release> tar{archive_write_new()};

  Done outcome(int code) const {
    if (failure) return *failure;
    if (code == ARCHIVE_OK) return {};
    const char* said = archive_error_string(tar.get());
    return Error{ErrorCode::IoFailure, std::string("libarchive: ") + (said == nullptr ? "no reason given" : said), {}};
  }

  Done header(const std::string& name, std::uint64_t size) const {
    const std::unique_ptr<archive_entry, Release> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    return outcome(archive_write_header(tar.get(), entry.get()));
  }

  static la_ssize_t write(archive*, void* client, const void* bytes, std::size_t size) {
    State& state = *static_cast<State*>(client);
    if (state.ending) return static_cast<la_ssize_t>(size);
    if (Done added = state.compressor.add({static_cast<const char*>(bytes), size}); !added) {
      state.failure = added.error();
      return -1;
    }
    return static_cast<la_ssize_t>(size);
  }
};

ArchiveWriter::ArchiveWriter(std::function<Done(std::string_view)> take) : state_(new State(std::move(take))) {
  archive* const tar = state_->tar.get();
  const bool opened = tar != nullptr && archive_write_set_format_pax_restricted(tar) == ARCHIVE_OK &&
                      archive_write_add_filter_none(tar) == ARCHIVE_OK &&
                      archive_write_open(tar, state_.get(), nullptr, State::write, nullptr) == ARCHIVE_OK;
  invariant(opened, "libarchive opens a tar archive");
}
ArchiveWriter::~ArchiveWriter() = default;

Done ArchiveWriter::add_manifest(std::string_view text) {
  if (Done begun = state_->header(std::string(manifest_entry_name), text.size()); !begun) return begun;
  return add(text);
}

Done ArchiveWriter::begin(const Entry& entry) { return state_->header(content_entry_name(entry), entry.size.count); }

Done ArchiveWriter::add(std::string_view piece) {
  const la_ssize_t written = archive_write_data(state_->tar.get(), piece.data(), piece.size());
  if (written == static_cast<la_ssize_t>(piece.size())) return {};
  if (written < 0) return state_->outcome(static_cast<int>(written));
  return Error{ErrorCode::Conflict, "a file grew while it was packed", {}};
}

Done ArchiveWriter::finish() {
  if (Done closed = state_->outcome(archive_write_close(state_->tar.get())); !closed) return closed;
  return state_->compressor.finish();
}

}  // namespace images::bundle
