// The sealed shards that this machine holds for others: an append-only log in segments (FORMAT.md). Acknowledged means on the
// disk; everything is recovered from the log alone; the budget of the lease is never exceeded, not for a moment.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "images/files/files.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace agent::vault {
using namespace policies::vocabulary;

struct VaultLimits {
  Bytes budget;                          // of all segment files together
  Bytes segment_max = mebibytes(64);     // a segment is closed once it is larger
  Bytes shard_max = mebibytes(64);
};

struct HeldShard {
  ShardId shard;
  Digest digest;   // SHA-256 of the bytes
  Bytes size;
};

struct Recovery {
  std::uint64_t torn_bytes = 0;        // dropped at the end of the log: never acknowledged
  std::uint64_t damaged_records = 0;   // records inside the log whose CRC does not hold: their shards are lost and not listed
};

class Vault {
 public:
  // Reads the log in `folder`, making it when there is none. `files` must outlive the vault. One vault per folder.
  static Result<Vault> open(images::files::Files& files, std::string folder, VaultLimits limits);

  [[nodiscard]] const Recovery& recovery() const { return recovery_; }

  // Durable when it returns. InvalidInput when the bytes do not have this digest; OutOfSpace, before anything is written, when
  // the budget would be exceeded; LimitExceeded over shard_max; AlreadyExists when the shard is held with another digest. The
  // same shard with the same digest again: done, and nothing is written.
  Done store(const ShardId& shard, const Digest& digest, std::string_view bytes);
  // NotFound; Corrupt when the bytes on the disk no longer have their digest.
  Result<std::string> read(const ShardId& shard);
  // Durable; its space is given back by compaction, at the latest before a store is refused for want of it. NotFound.
  Done remove(const ShardId& shard);
  // Deletes every segment: the end of the lease.
  Done erase_all();

  [[nodiscard]] bool holds(const ShardId& shard, const Digest& digest) const;
  [[nodiscard]] std::vector<HeldShard> inventory() const;
  [[nodiscard]] Bytes used() const;   // of the segment files on the disk
  // What could still be stored: the budget less the live shards and the room that compaction needs.
  [[nodiscard]] Bytes available() const;

 private:
  struct Place {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // of the shard's bytes
    std::uint64_t size = 0;
    Digest digest;
  };
  struct Segment {
    std::uint64_t size = 0;
    std::uint64_t live = 0;  // bytes of records that still count
  };

  Vault(images::files::Files& files, std::string folder, VaultLimits limits);
  [[nodiscard]] std::string path_of(std::uint64_t segment) const;
  Done recover();
  Done replay(std::uint64_t segment, bool last);
  Done append(const std::string& record);
  Done make_room(std::uint64_t needed);
  Done compact(std::uint64_t segment);
  void forget(const ShardId& shard);

  images::files::Files* files_;
  std::string folder_;
  VaultLimits limits_;
  Recovery recovery_;
  std::map<ShardId, Place> shards_;
  std::map<std::uint64_t, Segment> segments_;
};

}  // namespace agent::vault
