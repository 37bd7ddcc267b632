#include "fleet/store/folder_elements.h"

#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"

namespace fleet::store {
namespace {

Done lawful(const Digest& digest) {
  if (is_sha256_hex(digest.text)) return {};
  return Error{ErrorCode::InvalidInput, "'" + digest.text.substr(0, 80) + "' is no SHA-256 digest (64 lower-case hex digits)", {}};
}

}  // namespace

Result<std::unique_ptr<FolderElements>> FolderElements::open(images::files::Files& files, std::string folder) {
  if (Done made = files.make_directory(folder, images::files::Access::OwnerOnly); !made)
    return made.error().within("making the folder of elements " + folder);
  return std::unique_ptr<FolderElements>(new FolderElements(files, std::move(folder)));
}

std::string FolderElements::folder_of(const Digest& digest) const { return folder_ + "/" + digest.text.substr(0, 2); }
std::string FolderElements::path_of(const Digest& digest) const { return folder_of(digest) + "/" + digest.text; }

Done FolderElements::put(const Digest& digest, std::string_view bytes) {
  if (Done done = lawful(digest); !done) return done;
  const std::string doing = "putting element " + digest.text;
  if (bytes.size() > element_max.count)
    return Error{ErrorCode::LimitExceeded, "an element of " + Bytes{bytes.size()}.text() + "; at most " + element_max.text(), {doing}};
  if (images::keys::sha256(bytes) != digest)
    return Error{ErrorCode::InvalidInput, "the bytes are not those of the digest", {doing}};
  // An element that is there is verified, not trusted: a damaged one is healed by being put again.
  if (Result<std::string> present = get(digest); present.has_value()) return {};
  if (!folders_made_.contains(folder_of(digest))) {
    if (Done made = files_.make_directory(folder_of(digest), images::files::Access::OwnerOnly); !made)
      return made.error().within(doing);
    folders_made_.insert(folder_of(digest));
  }
  if (Done done = files_.replace(path_of(digest), bytes, images::files::Access::OwnerOnly); !done)
    return done.error().within(doing);
  return {};
}

Result<std::string> FolderElements::get(const Digest& digest) {
  if (Done done = lawful(digest); !done) return done.error();
  Result<std::string> bytes = files_.read(path_of(digest), element_max);
  if (!bytes) return bytes.error().within("getting element " + digest.text);
  if (images::keys::sha256(*bytes) != digest)
    return Error{ErrorCode::Corrupt, "element " + digest.text + " has other bytes than it had when it was put", {}};
  return bytes;
}

Result<std::string> FolderElements::get_range(const Digest& digest, std::uint64_t offset, std::size_t length) {
  if (Done done = lawful(digest); !done) return done.error();
  Result<std::string> bytes = files_.read_range(path_of(digest), offset, length);
  if (!bytes) return bytes.error().within("getting a range of element " + digest.text);
  return bytes;
}

Result<Bytes> FolderElements::size(const Digest& digest) {
  if (Done done = lawful(digest); !done) return done.error();
  const Result<std::uint64_t> size = files_.size(path_of(digest));
  if (!size) return size.error().within("measuring element " + digest.text);
  return Bytes{*size};
}

Done FolderElements::erase(const Digest& digest) {
  if (Done done = lawful(digest); !done) return done;
  if (Done done = files_.remove(path_of(digest)); !done) return done.error().within("erasing element " + digest.text);
  return {};
}

Result<std::vector<Digest>> FolderElements::list() {
  std::vector<Digest> all;
  const Result<std::vector<std::string>> folders = files_.list(folder_);
  if (!folders) return folders.error().within("listing elements in " + folder_);
  for (const std::string& name : *folders) {
    const Result<std::vector<std::string>> names = files_.list(folder_ + "/" + name);
    if (!names) return names.error().within("listing elements in " + folder_ + "/" + name);
    // A cut replacement may leave a file of another name beside the elements.
    for (const std::string& file : *names)
      if (is_sha256_hex(file)) all.emplace_back(file);
  }
  return all;
}

}  // namespace fleet::store
