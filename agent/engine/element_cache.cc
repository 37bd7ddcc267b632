#include "agent/engine/element_cache.h"

#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"

namespace agent::engine {

using images::files::Access;

Result<ElementCache> ElementCache::open(images::files::Files& files, std::string folder, Bytes budget) {
  ElementCache cache(files, std::move(folder), budget);
  const std::string doing = "opening the element cache " + cache.folder_;
  Done made = files.make_directory(cache.folder_, Access::OwnerOnly);
  if (!made) return made.error().within(doing);
  Result<std::vector<std::string>> names = files.list(cache.folder_);
  if (!names) return std::move(names).error().within(doing);
  for (const std::string& name : *names) {
    const std::string path = cache.folder_ + "/" + name;
    if (!is_sha256_hex(name)) {
      Done removed = files.remove(path);
      if (!removed) return removed.error().within(doing);
      continue;
    }
    Result<std::uint64_t> size = files.size(path);
    if (!size) return std::move(size).error().within(doing);
    cache.sizes_[Digest{name}] = *size;
    cache.used_ += Bytes{*size};
    cache.oldest_first_.emplace_back(name);
  }
  return cache;
}

std::vector<Digest> ElementCache::held() const {
  std::vector<Digest> digests;
  for (const auto& [digest, size] : sizes_) digests.push_back(digest);
  return digests;
}

std::string ElementCache::path_of(const Digest& digest) const { return folder_ + "/" + digest.text; }

Done ElementCache::keep(const Digest& digest, std::string_view bytes, const std::set<Digest>& in_use) {
  const std::string doing = "keeping element " + digest.text;
  if (images::keys::sha256(bytes) != digest)
    return Error{ErrorCode::InvalidInput, "the bytes have another digest", {doing}};
  if (holds(digest)) return {};
  std::uint64_t freeable = budget_.count > used_.count ? budget_.count - used_.count : 0;
  std::vector<Digest> leaving;
  for (const Digest& oldest : oldest_first_) {
    if (freeable >= bytes.size()) break;
    if (in_use.contains(oldest)) continue;
    freeable += sizes_.at(oldest);
    leaving.push_back(oldest);
  }
  if (freeable < bytes.size()) {
    return Error{
        ErrorCode::OutOfSpace,
        Bytes{bytes.size()}.text() + " do not fit in the budget of " + budget_.text() + " beside what is in use",
        {doing}};
  }
  for (const Digest& digest_leaving : leaving) {
    Done removed = forget(digest_leaving);
    if (!removed) return removed.error().within(doing);
  }
  Done written = files_->replace(path_of(digest), bytes, Access::OwnerOnly);
  if (!written) return written.error().within(doing);
  sizes_[digest] = bytes.size();
  used_ += Bytes{bytes.size()};
  oldest_first_.push_back(digest);
  return {};
}

Done ElementCache::forget(const Digest& digest) {
  const auto held = sizes_.find(digest);
  if (held == sizes_.end()) return {};
  Done removed = files_->remove(path_of(digest));
  if (!removed) return removed;
  used_ = used_ - Bytes{held->second};
  sizes_.erase(held);
  std::erase(oldest_first_, digest);
  return {};
}

Done ElementCache::check(const Digest& digest) {
  const std::string doing = "checking element " + digest.text;
  const auto held = sizes_.find(digest);
  if (held == sizes_.end()) return Error{ErrorCode::NotFound, "it is not in the cache", {doing}};
  Result<std::string> bytes = files_->read(path_of(digest), Bytes{held->second});
  if (!bytes || images::keys::sha256(*bytes) != digest) {
    Done forgotten = forget(digest);
    if (!forgotten) return forgotten.error().within(doing);
    return Error{ErrorCode::Corrupt, "it no longer has its digest", {doing}};
  }
  std::erase(oldest_first_, digest);
  oldest_first_.push_back(digest);
  return {};
}

Done ElementCache::erase_all() {
  const std::vector<Digest> all = held();
  for (const Digest& digest : all) {
    Done removed = forget(digest);
    if (!removed) return removed.error().within("erasing the element cache");
  }
  return {};
}

}  // namespace agent::engine
