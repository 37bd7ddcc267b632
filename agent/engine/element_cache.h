// Elements by their digest, kept on disk within a budget; what was not used for longest goes first.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "images/files/files.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace agent::engine {
using namespace policies::vocabulary;

class ElementCache {
 public:
  // Lists what is in `folder` already; names that are no digests are removed. `files` must outlive the cache.
  static Result<ElementCache> open(images::files::Files& files, std::string folder, Bytes budget);

  [[nodiscard]] bool holds(const Digest& digest) const { return sizes_.contains(digest); }
  [[nodiscard]] std::vector<Digest> held() const;
  [[nodiscard]] std::string path_of(const Digest& digest) const;

  // InvalidInput when the bytes have another digest; OutOfSpace when the budget does not hold them beside what is
  // `in_use`.
  Done keep(const Digest& digest, std::string_view bytes, const std::set<Digest>& in_use);
  // Reads the element and compares it with its digest, just before use. Corrupt (and forgotten) when it differs.
  Done check(const Digest& digest);
  Done erase_all();

 private:
  ElementCache(images::files::Files& files, std::string folder, Bytes budget)
      : files_(&files), folder_(std::move(folder)), budget_(budget) {}
  Done forget(const Digest& digest);
  images::files::Files* files_;
  std::string folder_;
  Bytes budget_;
  Bytes used_;
  std::map<Digest, std::uint64_t> sizes_;
  std::vector<Digest> oldest_first_;
};

}  // namespace agent::engine
