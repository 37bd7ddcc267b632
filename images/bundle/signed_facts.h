// What the signature of a bundle says: the payload in the .sig file.
#pragma once

#include <string>
#include <string_view>

#include "images/bundle/archive_reader.h"

namespace images::bundle {

struct SignedFacts {
  std::string name;
  std::string version;
  std::string architecture;
  Bytes archive_size;
  Digest archive_sha256;
  Digest manifest_sha256;
  bool operator==(const SignedFacts&) const = default;
};

SignedFacts signed_facts_of(const ArchiveFacts& facts);
std::string text_of(const SignedFacts& facts);
// InvalidInput or Unsupported when `json` is not such a payload.
Result<SignedFacts> signed_facts_from(std::string_view json);

}  // namespace images::bundle
