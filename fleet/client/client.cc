#include "fleet/client/client.h"

#include "fleet/client/records.h"

namespace fleet::client {
namespace {

using agent::link::HttpExchange;
using agent::link::HttpResponse;

constexpr std::string_view json_type = "application/json";
constexpr std::string_view bytes_type = "application/octet-stream";

Result<std::string> asked(HttpExchange& exchange, const std::string& method, const std::string& target, std::string body = {},
                          std::map<std::string, std::string> headers = {}) {
  Result<HttpResponse> answer = exchange.exchange({method, target, std::move(headers), std::move(body)});
  if (!answer) return answer.error();
  if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
  return error_from(answer->status, answer->body).within(method + " " + target.substr(0, target.find('?')));
}

// Ids go into paths as they are only when they cannot mean anything else there.
Result<std::string> path_of(std::string_view collection, const std::string& id, std::string_view action = {}) {
  const bool plain = !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  if (!plain) return Error{ErrorCode::InvalidInput, "'" + id.substr(0, 128) + "' is not an id", {}};
  return "/v1/" + std::string(collection) + "/" + id + std::string(action);
}

template <typename Read>
auto read_from(const Result<std::string>& text, Read read) -> decltype(read(std::string_view())) {
  if (!text) return text.error();
  return read(std::string_view(*text));
}

Result<std::string> asked_at(HttpExchange& exchange, const std::string& method, const Result<std::string>& path) {
  if (!path) return path.error();
  return asked(exchange, method, *path);
}

}  // namespace

std::vector<objects::ShardFacts> facts_of(const std::vector<ObjectShard>& shards) {
  std::vector<objects::ShardFacts> facts;
  for (const ObjectShard& shard : shards) facts.push_back({shard.index, shard.digest, shard.size});
  std::sort(facts.begin(), facts.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return facts;
}

Result<Account> Client::account() { return read_from(asked(exchange_, "GET", "/v1/clients/self"), account_from); }

Result<std::string> Client::statement() { return asked(exchange_, "GET", "/v1/statements/self"); }

Done Client::put_element(const Digest& digest, std::string_view bytes) {
  const Result<std::string> answer =
      asked(exchange_, "PUT", "/v1/elements/" + digest.text, std::string(bytes), {{"content-type", std::string(bytes_type)}});
  return answer ? Done() : Done(answer.error());
}

Result<std::string> Client::get_element(const Digest& digest) {
  Result<std::string> bytes = asked(exchange_, "GET", "/v1/elements/" + digest.text);
  if (bytes && images::keys::sha256(*bytes) != digest) return Error{ErrorCode::Corrupt, "element " + digest.text + " came with other bytes", {}};
  return bytes;
}

Result<ObjectRecord> Client::register_object(const ObjectId& id, const objects::SealedObject& sealed) {
  return read_from(asked(exchange_, "POST", "/v1/objects", body_of(id, sealed), {{"content-type", std::string(json_type)}}), object_from);
}

Result<std::vector<ObjectRecord>> Client::objects() { return read_from(asked(exchange_, "GET", "/v1/objects"), objects_from); }

Result<ObjectRecord> Client::object(const ObjectId& id) { return read_from(asked_at(exchange_, "GET", path_of("objects", id.text)), object_from); }

Result<Retrieval> Client::retrieve(const ObjectId& id) {
  return read_from(asked_at(exchange_, "POST", path_of("objects", id.text, "/retrieval")), retrieval_from);
}

Done Client::remove_object(const ObjectId& id) {
  const Result<std::string> answer = asked_at(exchange_, "DELETE", path_of("objects", id.text));
  return answer ? Done() : Done(answer.error());
}

Result<JobRecord> Client::submit(const JobRequest& request, std::string_view idempotency_key) {
  Result<std::string> body = body_of(request);
  if (!body) return body.error();
  return read_from(asked(exchange_, "POST", "/v1/jobs", *std::move(body),
                         {{"content-type", std::string(json_type)}, {"idempotency-key", std::string(idempotency_key)}}),
                   job_from);
}

Result<std::vector<JobRecord>> Client::jobs() { return read_from(asked(exchange_, "GET", "/v1/jobs"), jobs_from); }

Result<JobRecord> Client::job(const JobId& id) { return read_from(asked_at(exchange_, "GET", path_of("jobs", id.text)), job_from); }

Result<TaskPage> Client::tasks(const JobId& id, std::uint64_t from) {
  return read_from(asked_at(exchange_, "GET", path_of("jobs", id.text, "/tasks?from=" + std::to_string(from))), tasks_from);
}

Result<JobRecord> Client::stop(const JobId& id) { return read_from(asked_at(exchange_, "POST", path_of("jobs", id.text, "/stop")), job_from); }

Result<JobRecord> Client::resume(const JobId& id) { return read_from(asked_at(exchange_, "POST", path_of("jobs", id.text, "/resume")), job_from); }

Result<JobRecord> Client::remove(const JobId& id) { return read_from(asked_at(exchange_, "DELETE", path_of("jobs", id.text)), job_from); }

}  // namespace fleet::client
