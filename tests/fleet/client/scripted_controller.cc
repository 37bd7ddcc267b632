#include "tests/fleet/client/scripted_controller.h"

#include <algorithm>
#include <boost/json.hpp>

#include "images/keys/keys.h"

namespace tests::fleet_client {
namespace {

namespace json = boost::json;
using agent::link::HttpRequest;
using agent::link::HttpResponse;

constexpr std::uint64_t page_size = 5;

HttpResponse json_answer(int status, const json::value& body) { return {status, {{"content-type", "application/json"}}, json::serialize(body)}; }
HttpResponse refusal(int status, const std::string& code, const std::string& message) { return json_answer(status, json::object{{"code", code}, {"message", message}}); }
json::object money(std::int64_t minor) { return {{"minor", minor}, {"currency", "USD"}}; }

json::object object_facts(const std::string& id, const ScriptedController::Object& object) {
  const json::value given = json::parse(object.body);
  json::object facts = given.as_object();
  facts["object"] = id;
  facts["state"] = object.state;
  facts["created_at"] = "2026-11-21T08:00:00Z";
  for (json::value& shard : facts["shards"].as_array()) {
    shard.as_object()["state"] = "held";
    shard.as_object()["machine"] = "quiet-heron";
  }
  return facts;
}

json::object job_facts(const std::string& id, const ScriptedController::Job& job) {
  const std::uint64_t done = job.results.size();
  json::object facts{{"job", id},
                     {"name", json::parse(job.body).at("name")},
                     {"state", job.state == "running" && done == job.tasks ? "done" : job.state},
                     {"tasks", json::object{{"waiting", job.tasks - done}, {"running", 0}, {"done", done}, {"failed", 0}}},
                     {"spent", money(static_cast<std::int64_t>(done))},
                     {"processor_seconds", 1.25},
                     {"created_at", "2026-11-21T08:00:00Z"}};
  if (done == job.tasks) facts["finished_at"] = "2026-11-21T09:00:00Z";
  return facts;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

}  // namespace

Result<HttpResponse> ScriptedController::exchange(const HttpRequest& request) {
  ++exchanges_;
  const bool cut = exchanges_ == cut_at_;
  const Error lost{ErrorCode::Unavailable, "the link was cut", {}};
  if (cut && cut_ == Cut::Before) return lost;
  HttpResponse response = answer(request);
  if (cut) return lost;
  return response;
}

HttpResponse ScriptedController::answer(const HttpRequest& request) {
  const std::size_t query = request.target.find("?from=");
  const std::uint64_t from = query == std::string::npos ? 0 : std::stoull(request.target.substr(query + 6));
  const std::vector<std::string> path = split(request.target.substr(0, query));
  if (path.size() < 2 || path[0] != "v1") return refusal(404, "not-found", "no such route");
  if (path[1] == "clients")
    return json_answer(200, json::object{{"party", "carol"}, {"name", "Carol"}, {"balance", money(-480)}, {"spent_month", money(480)}, {"spending_limit", money(10'000)}});
  if (path[1] == "statements")
    return json_answer(200, json::object{{"party", "carol"},
                                         {"meaning", "owes"},
                                         {"total", money(480)},
                                         {"lines", json::array{json::object{{"at", "2026-11-21T08:00:00Z"}, {"text", "cluster of 1.2 GHz"}, {"rule", "standard"}, {"amount", money(480)}}}}});
  if (path[1] == "elements" && path.size() == 3) return answer_elements(request, path[2]);
  if (path[1] == "objects") return answer_objects(request, path);
  if (path[1] == "jobs") return answer_jobs(request, path, from);
  return refusal(404, "not-found", "no such route");
}

HttpResponse ScriptedController::answer_elements(const HttpRequest& request, const std::string& digest) {
  if (request.method == "PUT") {
    if (images::keys::sha256(request.body).text != digest) return refusal(400, "invalid-input", "other bytes");
    return {elements.emplace(digest, request.body).second ? 201 : 200, {}, ""};
  }
  const auto found = elements.find(digest);
  if (found == elements.end()) return refusal(404, "not-found", "no such element");
  return {200, {}, found->second};
}

HttpResponse ScriptedController::answer_objects(const HttpRequest& request, const std::vector<std::string>& path) {
  if (path.size() == 2 && request.method == "POST") {
    const json::value body = json::parse(request.body);
    const std::string id(body.at("object").as_string());
    for (const json::value& shard : body.at("shards").as_array())
      if (!elements.contains(std::string(shard.at("digest").as_string()))) return refusal(409, "conflict", "a shard was not put");
    if (const auto known = objects.find(id); known != objects.end() && known->second.body != request.body) return refusal(409, "already-exists", "another object of this id");
    objects[id] = {request.body, state_of_new_objects, {}, 0};
    return json_answer(202, object_facts(id, objects[id]));
  }
  if (path.size() == 2) {
    json::array all;
    for (const auto& [id, object] : objects) all.push_back(object_facts(id, object));
    return json_answer(200, json::object{{"objects", std::move(all)}});
  }
  const auto found = objects.find(path[2]);
  if (found == objects.end()) return refusal(404, "not-found", "no such object");
  if (path.size() == 4) {
    json::array ready;
    const bool waiting = found->second.asked++ < retrievals_before_ready;
    const json::value body = json::parse(found->second.body);
    for (const json::value& shard : body.at("shards").as_array()) {
      const std::string digest(shard.at("digest").as_string());
      if (!waiting && std::find(found->second.lost.begin(), found->second.lost.end(), digest) == found->second.lost.end())
        ready.push_back(json::object{{"index", shard.at("index")}, {"digest", digest}});
    }
    return json_answer(202, json::object{{"ready", std::move(ready)}, {"waiting", waiting ? 3 : 0}});
  }
  const json::object facts = object_facts(path[2], found->second);
  if (request.method == "DELETE") objects.erase(found);
  return json_answer(request.method == "DELETE" ? 202 : 200, facts);
}

HttpResponse ScriptedController::answer_jobs(const HttpRequest& request, const std::vector<std::string>& path, std::uint64_t from) {
  if (path.size() == 2 && request.method == "POST") {
    for (const auto& [id, job] : jobs)
      if (job.key == request.headers.at("idempotency-key")) return json_answer(201, job_facts(id, job));
    const json::value body = json::parse(request.body);
    for (const json::value& element : body.at("elements").as_array())
      if (!elements.contains(std::string(element.at("digest").as_string()))) return refusal(409, "conflict", "an element was not put");
    const std::string id = "job-" + std::to_string(jobs.size() + 1);
    jobs[id] = {request.body, request.headers.at("idempotency-key"), "running", {}, body.at("tasks").as_array().size()};
    return json_answer(201, job_facts(id, jobs[id]));
  }
  if (path.size() == 2) {
    json::array all;
    for (const auto& [id, job] : jobs) all.push_back(job_facts(id, job));
    return json_answer(200, json::object{{"jobs", std::move(all)}});
  }
  const auto found = jobs.find(path[2]);
  if (found == jobs.end()) return refusal(404, "not-found", "no such job");
  Job& job = found->second;
  if (path.size() == 4 && path[3] == "tasks") {
    json::array tasks;
    const std::uint64_t end = std::min(from + page_size, job.tasks);
    for (std::uint64_t number = from; number < end; ++number) {
      json::object task{{"number", number}, {"state", job.results.contains(number) ? "done" : "waiting"}, {"copies", json::array()}};
      if (job.results.contains(number)) task["result_digest"] = images::keys::sha256(job.results[number]).text;
      tasks.push_back(std::move(task));
    }
    json::object page{{"tasks", std::move(tasks)}};
    if (end < job.tasks) page["next"] = end;
    return json_answer(200, page);
  }
  if (path.size() == 4) job.state = path[3] == "stop" ? "stopped" : "running";
  if (request.method == "DELETE") job.state = "removed";
  return json_answer(200, job_facts(path[2], job));
}

void ScriptedController::finish_task(const std::string& job, std::uint64_t number, const std::string& bytes) {
  elements[images::keys::sha256(bytes).text] = bytes;
  jobs.at(job).results[number] = bytes;
}

}  // namespace tests::fleet_client
