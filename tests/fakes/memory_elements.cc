#include "tests/fakes/memory_elements.h"

#include <algorithm>

#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"

namespace tests::fakes {
namespace {

Done lawful(const Digest& digest) {
  if (is_sha256_hex(digest.text)) return {};
  return Error{ErrorCode::InvalidInput, "no SHA-256 digest", {}};
}

Error absent(const Digest& digest) { return Error{ErrorCode::NotFound, "there is no element " + digest.text, {}}; }

}  // namespace

Done MemoryElements::put(const Digest& digest, std::string_view bytes) {
  if (Done done = lawful(digest); !done) return done;
  if (images::keys::sha256(bytes) != digest)
    return Error{ErrorCode::InvalidInput, "the bytes are not those of the digest", {}};
  if (get(digest).has_value()) return {};
  if (room_ && used().count + bytes.size() > room_->count)
    return Error{ErrorCode::OutOfSpace, "the test's disk is full", {}};
  elements_.insert_or_assign(digest, std::string(bytes));
  return {};
}

Result<std::string> MemoryElements::get(const Digest& digest) {
  if (Done done = lawful(digest); !done) return done.error();
  const auto found = elements_.find(digest);
  if (found == elements_.end()) return absent(digest);
  if (images::keys::sha256(found->second) != digest) return Error{ErrorCode::Corrupt, "element " + digest.text + " was damaged", {}};
  return found->second;
}

Result<std::string> MemoryElements::get_range(const Digest& digest, std::uint64_t offset, std::size_t length) {
  if (Done done = lawful(digest); !done) return done.error();
  const auto found = elements_.find(digest);
  if (found == elements_.end()) return absent(digest);
  if (offset >= found->second.size()) return std::string();
  return found->second.substr(offset, length);
}

Result<Bytes> MemoryElements::size(const Digest& digest) {
  if (Done done = lawful(digest); !done) return done.error();
  const auto found = elements_.find(digest);
  if (found == elements_.end()) return absent(digest);
  return Bytes{found->second.size()};
}

Done MemoryElements::erase(const Digest& digest) {
  if (Done done = lawful(digest); !done) return done;
  elements_.erase(digest);
  return {};
}

Result<std::vector<Digest>> MemoryElements::list() {
  std::vector<Digest> all;
  for (const auto& [digest, bytes] : elements_) all.push_back(digest);
  return all;
}

void MemoryElements::damage(const Digest& digest) {
  std::string& bytes = elements_.at(digest);
  bytes.front() = static_cast<char>(~bytes.front());
}

Bytes MemoryElements::used() const {
  Bytes sum;
  for (const auto& [digest, bytes] : elements_) sum += Bytes{bytes.size()};
  return sum;
}

}  // namespace tests::fakes
