// What was begun and not finished, in the home's pending/ folder: one record (JSON) per piece of work and, for a put, one file per
// shard. The record is written after all that it speaks of, and removed last.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "fleet/client/home.h"
#include "fleet/objects/objects.h"

namespace fleet::client {
using namespace policies::vocabulary;

struct PendingPut {
  ObjectId object;
  std::string sealed_facts;
  objects::Code code;
  std::vector<objects::ShardFacts> shards;
  std::set<std::size_t> sent;
};

struct PendingJob {
  std::string idempotency_key;
  std::set<std::string> sent;  // digests of elements
};

// One piece of work, known by a digest of what it is about.
class Pending {
 public:
  // `kind` is "put" or "job".
  Pending(const Home& home, std::string_view kind, const Digest& about);

  // Nothing when there is no record. Corrupt records are treated as none: the work starts anew.
  Result<std::optional<PendingPut>> read_put();
  Result<std::optional<PendingJob>> read_job();
  Done write(const PendingPut& put);
  Done write(const PendingJob& job);
  Done write_shard(std::size_t index, std::string_view bytes);
  Result<std::string> read_shard(std::size_t index);
  // The work is done: the record and `shards` shard files go.
  Done finish(std::size_t shards);

 private:
  [[nodiscard]] std::string shard_path(std::size_t index) const { return path_ + "." + std::to_string(index); }
  Result<std::optional<std::string>> read_record();
  Done make_folder();

  images::files::Files& files_;
  std::string folder_;
  std::string path_;  // without ending
};

}  // namespace fleet::client
