// The sealed shards that this machine holds for others: an append-only log in segments (FORMAT.md). Acknowledged means
// on the disk; everything is recovered from the log alone; the budget of the lease is never exceeded, not for a moment.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "images/files/files.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace agent::vault {
using namespace policies::vocabulary;

struct VaultLimits {
  Bytes budget;                       // of all segment files together
  Bytes segment_max = mebibytes(64);  // a segment is closed once it is larger
  Bytes shard_max = mebibytes(64);
};
// Limits that suit a budget: a sixteenth of it for each of the two, at most 64 MiB.
VaultLimits limits_for(Bytes budget);

struct HeldShard {
  ShardId shard;
  Digest digest;  // SHA-256 of the bytes
  Bytes size;
};

struct Recovery {
  std::uint64_t torn_bytes = 0;  // behind the last whole record of the segments: a write that was cut, or damage
  std::uint64_t records = 0;     // whole records read
};

class Vault {
 public:
  struct Record;  // record.h

  // Reads the log in `folder`, making it when there is none. `files` must outlive the vault. One vault per folder.
  static Result<Vault> open(images::files::Files& files, std::string folder, VaultLimits limits);

  [[nodiscard]] const Recovery& recovery() const { return recovery_; }

  // Durable when it returns. InvalidInput when the bytes do not have this digest; OutOfSpace, before anything is
  // written, when the budget would be exceeded; LimitExceeded over shard_max; AlreadyExists when the shard is held with
  // another digest. The same shard with the same digest again: done, and nothing is written.
  Done store(const ShardId& shard, const Digest& digest, std::string_view bytes);
  // NotFound; Corrupt when the bytes on the disk no longer have their digest.
  Result<std::string> read(const ShardId& shard);
  // Durable; its space is given back by compaction, at the latest before a store is refused for want of it. NotFound.
  Done remove(const ShardId& shard);
  // Deletes every segment: the end of the lease.
  Done erase_all();

  [[nodiscard]] bool holds(const ShardId& shard, const Digest& digest) const;
  [[nodiscard]] std::vector<HeldShard> inventory() const;
  [[nodiscard]] Bytes used() const;  // of the segment files on the disk
  // What could still be stored: the budget less the live shards and the room that compaction needs.
  [[nodiscard]] Bytes available() const;

 private:
  struct Place {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // of the record
    std::uint64_t size = 0;    // of the shard's bytes
    std::uint64_t sequence = 0;
    Digest digest;
  };
  struct Segment {
    std::uint64_t size = 0;
    std::uint64_t live = 0;  // bytes of records that still count
  };

  Vault(images::files::Files& files, std::string folder, VaultLimits limits);
  [[nodiscard]] std::string path_of(std::uint64_t segment) const;
  [[nodiscard]] std::uint64_t reserve() const;
  [[nodiscard]] std::uint64_t live() const;
  Done recover();
  Result<std::vector<std::pair<std::uint64_t, Record>>> records_of(std::uint64_t segment, std::uint64_t size);
  Result<bool> whole(std::uint64_t segment, std::uint64_t offset, const Record& record);
  void count(std::uint64_t segment, std::uint64_t offset, const Record& record);
  Result<Place> append(const Record& record, std::string_view bytes);
  Done make_room(std::uint64_t needed);
  Done reclaim(std::uint64_t needed);
  Done compact(std::uint64_t segment);
  Done copy_record(std::uint64_t segment, std::uint64_t offset, const Record& record);
  void retire(const ShardId& shard);

  images::files::Files* files_;
  std::string folder_;
  VaultLimits limits_;
  Recovery recovery_;
  std::map<ShardId, Place> shards_;
  std::map<std::uint64_t, Segment> segments_;
  std::map<std::uint64_t, std::uint32_t> copies_;  // of each sequence: shard records in all segments
  std::set<std::uint64_t> deleted_;                // sequences that a deletion names
  std::uint64_t next_sequence_ = 1;
  bool begin_segment_ = true;  // the next record goes to a new segment
};

}  // namespace agent::vault
