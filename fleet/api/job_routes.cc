// A client's jobs.
#include <boost/json.hpp>
#include <charconv>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"

namespace fleet::api {
namespace {

constexpr std::uint32_t tasks_a_page = 500;

json::object json_of(const scheduler::JobView& job) {
  json::object written = {{"job", job.job.text},
                          {"name", job.name},
                          {"state", scheduler::name_of(job.state)},
                          {"tasks", {{"waiting", job.tasks.waiting}, {"running", job.tasks.running}, {"done", job.tasks.done}, {"failed", job.tasks.failed}}},
                          {"spent", json_of_money(job.spent)},
                          {"processor_seconds", static_cast<double>(job.processor_ms) / 1000.0},
                          {"copies", job.copies},
                          {"created_at", text_of(job.created_at)}};
  if (!job.reason.empty()) written["reason"] = job.reason;
  if (job.cost_max) written["cost_max"] = json_of_money(*job.cost_max);
  if (job.finished_at) written["finished_at"] = text_of(*job.finished_at);
  return written;
}

void read_limits(Body& body, scheduler::TaskLimits& limits) {
  std::optional<Body> written = body.optional_object("limits");
  if (!written) return;
  limits.memory = {written->number_or("memory_bytes", limits.memory.count, std::uint64_t{1} << 40)};
  limits.scratch = {written->number_or("scratch_bytes", limits.scratch.count, std::uint64_t{1} << 40)};
  limits.result = {written->number_or("result_bytes", limits.result.count, std::uint64_t{1} << 30)};
  limits.processor_seconds = static_cast<std::uint32_t>(written->number_or("processor_seconds", limits.processor_seconds, 30 * 86'400));
  body.join(*written);
}

Result<scheduler::JobOrder> order_of(const Call& call) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  scheduler::JobOrder order;
  order.client = call.caller.party;
  if (const auto key = call.request.headers.find("idempotency-key"); key != call.request.headers.end()) {
    if (key->second.empty() || key->second.size() > 128) return Error{ErrorCode::InvalidInput, "the idempotency-key must have 1 to 128 bytes", {}};
    order.idempotency_key = key->second;
  }
  order.name = body->text("name");
  order.entry = body->text("entry");
  for (Body& element : body->objects("elements", 64)) {
    order.elements.push_back({element.text("name"), Digest(element.text("digest", 64)), Bytes{element.number("size", std::uint64_t{1} << 40)},
                              element.boolean_or("executable", false)});
    body->join(element);
  }
  for (Body& task : body->objects("tasks", 1'000'000)) {
    order.tasks.push_back({task.texts_or_none("arguments", 256, 4096), task.object_text_or_empty("parameters", 64 * 1024)});
    body->join(task);
  }
  order.copies = body->real_or("copies", order.copies, 8);
  read_limits(*body, order.limits);
  order.priority = static_cast<std::int32_t>(body->number_or("priority", 0, 100));
  order.speed_mhz = body->real_or("speed_mhz", 0, 1e6);
  order.bandwidth_bytes = body->real_or("bandwidth_bytes", 0, 1e12);
  order.reliability = body->real_or("reliability", 0, 1);
  order.work_mhz_seconds = body->real_or("work_mhz_seconds", 0, 1e15);
  order.cost_max = body->optional_money("cost_max");
  order.deadline = body->optional_instant("deadline");
  if (Done finished = body->finish(); !finished) return finished.error();
  return order;
}

Result<agent::link::HttpResponse> submit(Context& context, Call& call, store::Batch& batch) {
  Result<scheduler::JobOrder> order = order_of(call);
  if (!order) return order.error();
  Result<scheduler::JobView> job = context.operations.submit_job(*std::move(order), call.now, batch);
  if (!job) return job.error();
  return json_answer(201, json_of(*job));
}

Result<agent::link::HttpResponse> list(Context& context, Call& call, store::Batch&) {
  json::array jobs;
  for (const scheduler::JobView& job : context.operations.jobs(call.caller.party)) jobs.push_back(json_of(job));
  return json_answer(200, {{"jobs", std::move(jobs)}});
}

Result<agent::link::HttpResponse> show(Context& context, Call& call, store::Batch&) {
  Result<scheduler::JobView> job = context.operations.job(call.caller.party, JobId(call.words[0]));
  if (!job) return job.error();
  return json_answer(200, json_of(*job));
}

json::object json_of(const scheduler::TaskView& task, const PartyId& client) {
  json::array copies;
  for (const scheduler::Copy& copy : task.copies)
    copies.push_back({{"machine", operations::Operations::pseudonym(client, copy.machine)},
                      {"outcome", scheduler::name_of(copy.state)},
                      {"digest", copy.result_digest}});
  json::object written = {{"number", task.number}, {"state", scheduler::name_of(task.state)}, {"copies", std::move(copies)}};
  if (!task.result_digest.empty()) written["result_digest"] = task.result_digest;
  if (!task.reason.empty()) written["reason"] = task.reason;
  return written;
}

Result<agent::link::HttpResponse> tasks(Context& context, Call& call, store::Batch&) {
  std::uint32_t from = 0;
  if (const auto written = call.query.find("from"); written != call.query.end()) {
    const char* end = written->second.data() + written->second.size();
    if (std::from_chars(written->second.data(), end, from).ptr != end) return Error{ErrorCode::InvalidInput, "'from' must be a whole number", {}};
  }
  Result<std::vector<scheduler::TaskView>> page = context.operations.tasks(call.caller.party, JobId(call.words[0]), from, tasks_a_page);
  if (!page) return page.error();
  json::array written;
  for (const scheduler::TaskView& task : *page) written.push_back(json_of(task, call.caller.party));
  json::object answer = {{"tasks", std::move(written)}};
  if (page->size() == tasks_a_page) answer["next"] = from + tasks_a_page;
  return json_answer(200, answer);
}

using Steering = Result<scheduler::JobView> (operations::Operations::*)(const PartyId&, const JobId&, Instant, store::Batch&);

auto steered_by(Steering steer) {
  return [steer](Context& context, Call& call, store::Batch& batch) -> Result<agent::link::HttpResponse> {
    Result<scheduler::JobView> job = (context.operations.*steer)(call.caller.party, JobId(call.words[0]), call.now, batch);
    if (!job) return job.error();
    return json_answer(200, json_of(*job));
  };
}

}  // namespace

std::vector<Route> job_routes() {
  return {{"POST", "/v1/jobs", Audience::Client, submit},
          {"GET", "/v1/jobs", Audience::Client, list},
          {"GET", "/v1/jobs/{id}", Audience::Client, show},
          {"GET", "/v1/jobs/{id}/tasks", Audience::Client, tasks},
          {"POST", "/v1/jobs/{id}/stop", Audience::Client, steered_by(&operations::Operations::stop_job)},
          {"POST", "/v1/jobs/{id}/resume", Audience::Client, steered_by(&operations::Operations::resume_job)},
          {"DELETE", "/v1/jobs/{id}", Audience::Client, steered_by(&operations::Operations::remove_job)}};
}

}  // namespace fleet::api
