// An object becomes sealed shards, and shards an object again.
//
//   content --zstd--> compressed --pad, AES-256-GCM--> sealed --Reed-Solomon k of n--> shards
//
// Whoever holds shards or `sealed_facts` learns neither name, content type, true size nor content: the size is padded to one
// of few (Padme, at most 12 % more), the key is random per object and wrapped by the client's key. Rebuilding a lost shard
// needs no key. All in memory: content_max bounds an object; memory needed is about four times the content.
// FORMAT.md in this folder describes the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "images/keys/keys.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace fleet::objects {
using namespace policies::vocabulary;

inline constexpr Bytes content_max = mebibytes(64);
inline constexpr std::size_t client_secret_size = 32;

// `data` shards of `total` suffice. 1 <= data <= total <= 64.
struct Code {
  std::size_t data = 2;
  std::size_t total = 3;
  bool operator==(const Code&) const = default;
};
// InvalidInput when out of range.
Done check(Code code);

// What only the client knows of its object.
struct Facts {
  std::string name;          // 1 to 1,024 bytes
  std::string content_type;  // at most 256 bytes
  Bytes size;
  Digest digest;             // of the content
  Instant put_at;
};

// What the controller knows of a shard.
struct ShardFacts {
  std::size_t index = 0;     // 0 to total - 1; those below `data` hold the sealed bytes as they are
  Digest digest;
  Bytes size;
  bool operator==(const ShardFacts&) const = default;
};

struct SealedObject {
  std::string sealed_facts;
  Code code;
  std::vector<ShardFacts> shards;       // by index
  std::vector<std::string> shard_bytes;  // by index
};

// Shard bytes by index.
using Shards = std::map<std::size_t, std::string>;

// `id` is bound into what is sealed, so that facts of one object do not open another's. `client_secret` is 32 random bytes that
// the client keeps. LimitExceeded for content over content_max. facts.size and facts.digest are filled here.
Result<SealedObject> seal_object(const ObjectId& id, std::string_view content, Facts facts, Code code,
                                 std::string_view client_secret);

// Corrupt when it was not sealed for this object by this client.
Result<Facts> open_facts(const ObjectId& id, std::string_view sealed_facts, std::string_view client_secret);

// The content from any `code.data` of its shards. A shard whose bytes do not match `expected` is left aside; Corrupt when too
// few are left, naming the bad ones.
Result<std::string> open_object(const ObjectId& id, std::string_view sealed_facts, Code code,
                                const std::vector<ShardFacts>& expected, const Shards& have, std::string_view client_secret);

// The `missing` shards from any `code.data` others, without any key: what a repair does. Each shard that goes in or comes out is
// held against `expected`; Corrupt names the one that differs, NotFound says how many are too few.
Result<Shards> rebuild(Code code, const std::vector<ShardFacts>& expected, const Shards& have,
                       const std::vector<std::size_t>& missing);

// The bare arithmetic: shards of equal size from bytes whose length is a multiple of code.data, and missing ones from others.
std::vector<std::string> encode(Code code, std::string_view bytes);
// NotFound when `have` holds fewer than code.data shards, InvalidInput when they differ in size or an index is out of range.
Result<Shards> recover(Code code, const Shards& have, const std::vector<std::size_t>& missing);

}  // namespace fleet::objects
