// The bytes that are named by their SHA-256: executables, data, results, shards on their way. Bytes are durable when put.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace fleet::store {
using namespace policies::vocabulary;

class Elements {
 public:
  virtual ~Elements() = default;
  // InvalidInput when the bytes are not those of the digest. Putting what is there is no error and writes nothing.
  virtual Done put(const Digest& digest, std::string_view bytes) = 0;
  // The whole element. NotFound; Corrupt when the bytes no longer match.
  virtual Result<std::string> get(const Digest& digest) = 0;
  virtual Result<std::string> get_range(const Digest& digest, std::uint64_t offset, std::size_t length) = 0;
  virtual Result<Bytes> size(const Digest& digest) = 0;  // NotFound when absent
  virtual Done erase(const Digest& digest) = 0;          // what is absent is no error
  virtual Result<std::vector<Digest>> list() = 0;
};

}  // namespace fleet::store
