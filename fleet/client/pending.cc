#include "fleet/client/pending.h"

#include <boost/json.hpp>

namespace fleet::client {
namespace {

namespace json = boost::json;
using images::files::Access;

constexpr Bytes record_max = mebibytes(1);
constexpr Bytes shard_max = mebibytes(80);

// value_to throws on a wrong shape; the record is our own, so that means it is damaged.
template <typename Read>
auto read_or_none(const std::string& text, Read read) -> std::optional<decltype(read(json::object()))> {
  try {
    return read(json::parse(text).as_object());
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

Pending::Pending(const Home& home, std::string_view kind, const Digest& about)
    : files_(home.files()), folder_(home.pending_folder()), path_(folder_ + "/" + std::string(kind) + "-" + about.text) {}

Result<std::optional<std::string>> Pending::read_record() {
  const Result<bool> there = files_.exists(path_ + ".json");
  if (!there) return there.error();
  if (!*there) return std::optional<std::string>();
  Result<std::string> text = files_.read(path_ + ".json", record_max);
  if (!text) return text.error();
  return std::optional<std::string>(*std::move(text));
}

Result<std::optional<PendingPut>> Pending::read_put() {
  const Result<std::optional<std::string>> text = read_record();
  if (!text) return text.error();
  if (!*text) return std::optional<PendingPut>();
  return read_or_none(**text, [](const json::object& record) {
    PendingPut put;
    put.object = ObjectId(json::value_to<std::string>(record.at("object")));
    put.sealed_facts = *images::keys::bytes_of_base64(json::value_to<std::string>(record.at("sealed_facts")));
    put.code = {record.at("data_shards").to_number<std::size_t>(), record.at("total_shards").to_number<std::size_t>()};
    for (const json::value& shard : record.at("shards").as_array())
      put.shards.push_back({shard.at("index").to_number<std::size_t>(), Digest(json::value_to<std::string>(shard.at("digest"))),
                            Bytes{shard.at("size").to_number<std::uint64_t>()}});
    for (const json::value& index : record.at("sent").as_array()) put.sent.insert(index.to_number<std::size_t>());
    return put;
  });
}

Result<std::optional<PendingJob>> Pending::read_job() {
  const Result<std::optional<std::string>> text = read_record();
  if (!text) return text.error();
  if (!*text) return std::optional<PendingJob>();
  return read_or_none(**text, [](const json::object& record) {
    PendingJob job{json::value_to<std::string>(record.at("idempotency_key")), {}};
    for (const json::value& digest : record.at("sent").as_array()) job.sent.insert(json::value_to<std::string>(digest));
    return job;
  });
}

Done Pending::make_folder() { return files_.make_directory(folder_, Access::OwnerOnly); }

Done Pending::write(const PendingPut& put) {
  if (const Done made = make_folder(); !made) return made;
  json::array shards, sent;
  for (const objects::ShardFacts& shard : put.shards)
    shards.push_back(json::object{{"index", shard.index}, {"digest", shard.digest.text}, {"size", shard.size.count}});
  for (const std::size_t index : put.sent) sent.push_back(index);
  const json::object record{{"object", put.object.text},         {"sealed_facts", images::keys::base64_of(put.sealed_facts)},
                            {"data_shards", put.code.data},      {"total_shards", put.code.total},
                            {"shards", std::move(shards)},       {"sent", std::move(sent)}};
  return files_.replace(path_ + ".json", json::serialize(record), Access::OwnerOnly);
}

Done Pending::write(const PendingJob& job) {
  if (const Done made = make_folder(); !made) return made;
  const json::object record{{"idempotency_key", job.idempotency_key}, {"sent", json::array(job.sent.begin(), job.sent.end())}};
  return files_.replace(path_ + ".json", json::serialize(record), Access::OwnerOnly);
}

Done Pending::write_shard(std::size_t index, std::string_view bytes) {
  if (const Done made = make_folder(); !made) return made;
  return files_.replace(shard_path(index), bytes, Access::OwnerOnly);
}

Result<std::string> Pending::read_shard(std::size_t index) { return files_.read(shard_path(index), shard_max); }

Done Pending::finish(std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i)
    if (const Done removed = files_.remove(shard_path(i)); !removed) return removed;
  return files_.remove(path_ + ".json");
}

}  // namespace fleet::client
