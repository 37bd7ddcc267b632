// Clients' jobs: submitted, watched, stopped, resumed, removed.
#include "fleet/operations/world.h"
#include "policies/vocabulary/hex.h"

namespace fleet::operations {
namespace {

constexpr std::size_t parameters_max = 1 << 20;  // of one task, so that it fits in a message
constexpr std::size_t arguments_max = 256;

Error unknown(const JobId& id) { return {ErrorCode::NotFound, "no job '" + id.text.substr(0, 64) + "'", {}}; }

Done check_size(const scheduler::JobOrder& order) {
  for (std::size_t i = 0; i < order.tasks.size(); ++i) {
    std::size_t size = order.tasks[i].parameters_json.size();
    for (const std::string& argument : order.tasks[i].arguments) size += argument.size();
    if (size > parameters_max || order.tasks[i].arguments.size() > arguments_max)
      return Error{ErrorCode::LimitExceeded, "task " + std::to_string(i) + ": more than 1 MiB or 256 arguments; put large input into an element", {}};
  }
  return {};
}

}  // namespace

Result<scheduler::JobView> Operations::submit_job(scheduler::JobOrder order, Instant now, store::Batch& batch) {
  World& world = *world_;
  if (const Done checked = check_size(order); !checked) return checked.error();
  const registry::Party* party = world.registry.find_party(order.client);
  if (party != nullptr && party->spending_limit) {
    const Result<Account> its = account(order.client, now);
    if (its && its->spent_month.minor_units() >= party->spending_limit->minor_units())
      return Error{ErrorCode::Refused, "the spending limit of " + party->spending_limit->text() + " a month is reached", {}};
  }
  for (const scheduler::JobElement& element : order.elements) {
    const auto upload = world.uploads.find(element.digest);
    const bool there = is_sha256_hex(element.digest.text) && upload != world.uploads.end() && upload->second.owners.contains(order.client);
    if (!there)
      return Error{ErrorCode::Conflict, "element '" + element.name + "' was not put: PUT /v1/elements/" + element.digest.text.substr(0, 64) + " first", {}};
    if (upload->second.size != element.size)
      return Error{ErrorCode::InvalidInput, "element '" + element.name + "' has " + upload->second.size.text() + ", not " + element.size.text(), {}};
  }
  if (order.cost_max && order.cost_max->currency() != world.rules.standard_prices().currency)
    return Error{ErrorCode::InvalidInput, "cost_max must be in " + world.rules.standard_prices().currency.code, {}};
  const PartyId client = order.client;
  const std::string name = order.name;
  const std::size_t known = world.scheduler.jobs_of(client).size();
  const Result<JobId> submitted = world.scheduler.submit(std::move(order), now, batch);
  if (!submitted) return submitted.error();
  if (world.scheduler.jobs_of(client).size() != known)
    world.registry.record({.kind = "job-submitted", .party = client, .text = submitted->text + " " + name}, {now, "client " + client.text, ""}, batch);
  world.finish(now, batch);
  return job(client, *submitted);
}

Result<scheduler::JobView> Operations::job(const PartyId& client, const JobId& id) const {
  auto found = world_->scheduler.job(id);
  if (!found || found->client != client) return unknown(id);
  return *std::move(found);
}

std::vector<scheduler::JobView> Operations::jobs(const PartyId& client) const { return world_->scheduler.jobs_of(client); }

Result<std::vector<scheduler::TaskView>> Operations::tasks(const PartyId& client, const JobId& id, std::uint32_t from, std::uint32_t count) const {
  if (const auto mine = job(client, id); !mine) return mine.error();
  return world_->scheduler.tasks(id, from, count);
}

Result<scheduler::JobView> Operations::stop_job(const PartyId& client, const JobId& id, Instant now, store::Batch& batch) {
  if (const auto mine = job(client, id); !mine) return mine.error();
  const Result<scheduler::Consequences> follows = world_->scheduler.stop(id, "stopped by the client", now, batch);
  if (!follows) return follows.error();
  world_->apply(*follows, now, batch);
  world_->finish(now, batch);
  return job(client, id);
}

Result<scheduler::JobView> Operations::resume_job(const PartyId& client, const JobId& id, Instant now, store::Batch& batch) {
  if (const auto mine = job(client, id); !mine) return mine.error();
  const Result<scheduler::Consequences> follows = world_->scheduler.resume(id, now, batch);
  if (!follows) return follows.error();
  world_->apply(*follows, now, batch);
  world_->finish(now, batch);
  return job(client, id);
}

Result<scheduler::JobView> Operations::remove_job(const PartyId& client, const JobId& id, Instant now, store::Batch& batch) {
  const auto mine = job(client, id);
  if (!mine) return mine.error();
  World& world = *world_;
  // Work that was accepted before is still paid for.
  world.settle_work(now, batch);
  std::vector<Digest> results;
  constexpr std::uint32_t page = 1'000;
  for (std::uint32_t from = 0; from < mine->tasks.total(); from += page)
    for (const scheduler::TaskView& task : world.scheduler.tasks(id, from, page))
      for (const scheduler::Copy& copy : task.copies)
        if (!copy.result_digest.empty()) results.emplace_back(copy.result_digest);
  const Result<scheduler::Consequences> follows = world.scheduler.remove(id, now, batch);
  if (!follows) return follows.error();
  world.unneeded.insert(world.unneeded.end(), results.begin(), results.end());
  world.apply(*follows, now, batch);
  world.finish(now, batch);
  if (auto removed = world.scheduler.job(id)) return *std::move(removed);
  scheduler::JobView gone = *mine;
  gone.state = scheduler::JobState::Removed;
  return gone;
}

}  // namespace fleet::operations
