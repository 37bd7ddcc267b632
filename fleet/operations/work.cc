// What follows from the scheduler's decisions: machines are told, results become readable, what nobody needs goes.
#include "agent/contract/messages.pb.h"
#include "fleet/operations/world.h"

namespace fleet::operations {

void Operations::World::apply(const scheduler::Consequences& follows, Instant now, store::Batch& batch) {
  for (const scheduler::Cancellation& cancelled : follows.cancelled) {
    contract::Message message;
    message.mutable_cancel_assignment()->set_assignment(cancelled.assignment.text);
    message.mutable_cancel_assignment()->set_reason(cancelled.reason);
    send(cancelled.machine, message);
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
    for (const scheduler::TaskView& one : scheduler.tasks(job, number, 1))
      if (!one.result_digest.empty()) readers[Digest(one.result_digest)].insert(view->client);
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
