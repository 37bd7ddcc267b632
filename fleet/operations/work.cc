// What follows from the scheduler's decisions: machines are told, results become readable, what nobody needs goes.
#include "fleet/operations/world.h"

namespace fleet::operations {

void Operations::World::note_result(const TaskId& task, const Digest& digest) { pending_results[digest].insert(task); }

// The copies of a task that is over: its result is its client's, the others' results are nobody's.
void Operations::World::close_task(const JobId& job, const PartyId& client, const scheduler::TaskView& task) {
  const TaskId id(job.text + "/" + std::to_string(task.number));
  if (!task.result_digest.empty()) readers[Digest(task.result_digest)].insert(client);
  for (const scheduler::Copy& copy : task.copies) {
    if (copy.result_digest.empty()) continue;
    const Digest digest(copy.result_digest);
    if (const auto pending = pending_results.find(digest); pending != pending_results.end()) {
      pending->second.erase(copy.task);
      pending->second.erase(id);
      if (pending->second.empty()) pending_results.erase(pending);
    }
    if (copy.result_digest != task.result_digest) unneeded.push_back(digest);
  }
}

void Operations::World::apply(const scheduler::Consequences& follows, Instant now, store::Batch& batch) {
  for (const scheduler::Cancellation& cancelled : follows.cancelled) {
    contract::Message message;
    message.mutable_cancel_assignment()->set_assignment(cancelled.assignment.text);
    message.mutable_cancel_assignment()->set_reason(cancelled.reason);
    send(cancelled.machine, std::move(message));
  }
  for (const scheduler::Copy& odd : follows.odd_ones) {
    registry.update(odd.machine, [](registry::Machine& machine) { ++machine.odd_results; }, batch);
    registry.record({.kind = "result-contradicted", .machine = odd.machine, .party = odd.owner, .text = odd.assignment.text}, by_controller(now, ""), batch);
  }
  for (const TaskId& task : follows.tasks_finished) {
    const std::size_t slash = task.text.rfind('/');
    if (slash == std::string::npos) continue;
    const JobId job(task.text.substr(0, slash));
    const auto view = scheduler.job(job);
    if (!view) continue;
    const auto number = static_cast<std::uint32_t>(std::stoul("0" + task.text.substr(slash + 1)));
    for (const scheduler::TaskView& one : scheduler.tasks(job, number, 1)) close_task(job, view->client, one);
  }
  if (!follows.accepted.empty() && !due.is_armed(DueKind::SettleWork, "")) due.arm(DueKind::SettleWork, "", now + settings.settle_period);
  for (const JobId& job : follows.jobs_finished) {
    const auto view = scheduler.job(job);
    if (!view) continue;
    registry.record({.kind = "job-" + std::string(name_of(view->state)), .party = view->client, .text = job.text + " " + view->name}, by_controller(now, ""), batch);
    due.arm(DueKind::SettleWork, "", now);
  }
}

}  // namespace fleet::operations
