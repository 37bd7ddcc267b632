// The steps of a copy's life: started, ended, weighed against its like, paid for once.
#include <algorithm>
#include <cmath>

#include "fleet/scheduler/model.h"

namespace fleet::scheduler {
namespace {

bool counts(const CopyRow& copy) { return copy.state == CopyState::Reported; }

struct Vote {
  std::string digest;
  std::uint32_t votes = 0;
};

// The digest with the most votes; the one that was reported first wins a tie.
Vote leading(const TaskRow& task) {
  std::vector<Vote> votes;
  for (const CopyRow& copy : task.copies) {
    if (!counts(copy)) continue;
    const auto found = std::find_if(votes.begin(), votes.end(), [&](const Vote& vote) { return vote.digest == copy.digest; });
    if (found == votes.end())
      votes.push_back({copy.digest, 1});
    else
      ++found->votes;
  }
  Vote best;
  for (const Vote& vote : votes)
    if (vote.votes > best.votes) best = vote;
  return best;
}

// How many more copies the task needs now.
std::uint32_t missing(const TaskRow& task) {
  if (task.over) return 0;
  const std::uint32_t live = task.live();
  const auto reported = static_cast<std::uint32_t>(std::count_if(task.copies.begin(), task.copies.end(), counts));
  const std::uint32_t present = live + reported;
  const std::uint32_t agreeing = leading(task).votes + live;
  const std::uint32_t for_number = task.wanted > present ? task.wanted - present : 0;
  const std::uint32_t for_quorum = task.quorum() > agreeing ? task.quorum() - agreeing : 0;
  return std::max(for_number, for_quorum);
}

OwnerSet owners_of(const TaskRow& task) {
  OwnerSet owners;
  for (const CopyRow& copy : task.copies)
    if (copy.state == CopyState::Assigned || copy.state == CopyState::Reported || copy.state == CopyState::Failed)
      owners.push_back(copy.owner);
  std::sort(owners.begin(), owners.end());
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  return owners;
}

}  // namespace

void Scheduler::Model::refresh_active(const JobId& id, const JobRow& row) {
  const std::pair<std::int64_t, JobId> place{-std::int64_t{row.order.priority}, id};
  if (row.state == JobState::Running && !row.ready.empty())
    active.insert(place);
  else
    active.erase(place);
}

void Scheduler::Model::refresh_ready(const JobId& id, std::uint32_t number) {
  JobRow& row = *job(id);
  TaskRow& task = row.tasks[number];
  const bool wanted = row.is_open() && missing(task) > 0;
  OwnerSet owners = wanted ? owners_of(task) : OwnerSet();
  if (task.queued && (!wanted || owners != task.queued_for)) {
    row.ready.take(number, task.queued_for);
    task.queued = false;
  }
  if (wanted && !task.queued) {
    row.ready.put(number, owners);
    task.queued = true;
    task.queued_for = std::move(owners);
  }
  refresh_active(id, row);
}

void Scheduler::Model::start_copy(const JobId& id, std::uint32_t number, MachineRow& machine, Instant now,
                                  store::Batch& batch) {
  JobRow& row = *job(id);
  TaskRow& task = row.tasks[number];
  const CopyKey key{id, number, static_cast<std::uint32_t>(task.copies.size())};
  CopyRow copy;
  copy.machine = machine_names.number_of(machine.facts.machine);
  copy.owner = owner_names.number_of(machine.facts.owner);
  copy.assigned_at = now;
  // What waits before it on the machine runs first.
  const double seconds = settings.deadline_factor * row.order.limits.processor_seconds * static_cast<double>(machine.live.size() + 1);
  copy.deadline = now + std::max(settings.deadline_min, Duration(std::llround(seconds * 1000.0)));
  deadlines.insert({copy.deadline, key});
  machine.live.insert(key);
  ++row.live_on[copy.machine];
  row.took_part.insert(copy.machine);
  task.copies.push_back(std::move(copy));
  write_copy(key, batch);
  recount(row, task);
  refresh_ready(id, number);
  const bool first = !row.launched_at;
  if (first) {
    row.launched_at = now;
    moved_unsettled.insert(id);
  }
  arm_sampling(id, row, now);
  if (row.samples == 0) row.launch_power_mhz = std::max(row.launch_power_mhz, power_mhz(row));
  if (first) write_job(id, batch);
}

void Scheduler::Model::end_copy(const CopyKey& key, CopyState state, std::string reason, store::Batch& batch) {
  JobRow& row = *job(key.job);
  CopyRow& copy = row.tasks[key.task].copies[key.copy];
  if (copy.state == CopyState::Assigned) {
    deadlines.erase({copy.deadline, key});
    machines[copy.machine].live.erase(key);
    const auto live = row.live_on.find(copy.machine);
    if (--live->second == 0) row.live_on.erase(live);
  }
  copy.state = state;
  copy.reason = std::move(reason);
  write_copy(key, batch);
}

void Scheduler::Model::cancel_live(const JobId& id, std::uint32_t number, const std::string& reason, Consequences& out,
                                   store::Batch& batch) {
  TaskRow& task = job(id)->tasks[number];
  for (std::uint32_t i = 0; i < task.copies.size(); ++i) {
    const CopyKey key{id, number, i};
    CopyRow& copy = task.copies[i];
    // An expired copy may still lie on a machine that was silent: it need not run it any more.
    if (copy.state != CopyState::Assigned && copy.state != CopyState::Expired) continue;
    out.cancelled.push_back({assignment_id(key), machine_names.name_of(copy.machine), reason});
    end_copy(key, CopyState::Cancelled, reason, batch);
  }
}

void Scheduler::Model::pay(const CopyRow& copy, const JobId& id) {
  const WorkKey key{copy.machine, copy.owner};
  WorkRow& row = work[key];
  row.done.occupied_ms += copy.occupied_ms;
  row.done.processor_ms += copy.processor_ms;
  row.done.copies += 1;
  work_unsettled.insert(key);
  job(id)->processor_ms += copy.processor_ms;
}

void Scheduler::Model::weigh(const JobId& id, std::uint32_t number, Instant now, Consequences& out, store::Batch& batch) {
  JobRow& row = *job(id);
  TaskRow& task = row.tasks[number];
  if (task.over) return;
  const Vote best = leading(task);
  const auto failures = static_cast<std::uint32_t>(
      std::count_if(task.copies.begin(), task.copies.end(), [](const CopyRow& copy) { return copy.state == CopyState::Failed; }));
  if (best.votes >= task.quorum()) {
    finish_task_done(id, number, best.digest, out, batch);
  } else if (failures > 0 && failures >= std::min<std::size_t>(settings.failures_max, owners_leasing())) {
    std::string reason = "the program failed on " + std::to_string(failures) + " machines";
    for (const CopyRow& copy : task.copies)
      if (copy.state == CopyState::Failed && !copy.reason.empty()) reason += "; " + copy.reason;
    finish_task_failed(id, number, reason.substr(0, 1000), out, batch);
  } else if (task.copies.size() >= settings.attempts_max && task.live() == 0) {
    finish_task_failed(id, number, "no agreeing result after " + std::to_string(task.copies.size()) + " copies", out, batch);
  }
  recount(row, task);
  refresh_ready(id, number);
  finish_job_if_over(id, now, out, batch);
}

void Scheduler::Model::finish_task_done(const JobId& id, std::uint32_t number, const std::string& digest, Consequences& out,
                                        store::Batch& batch) {
  JobRow& row = *job(id);
  TaskRow& task = row.tasks[number];
  for (std::uint32_t i = 0; i < task.copies.size(); ++i) {
    CopyRow& copy = task.copies[i];
    if (copy.state != CopyState::Reported) continue;
    const CopyKey key{id, number, i};
    if (copy.digest == digest) {
      end_copy(key, CopyState::Accepted, "", batch);
      task.result_bytes = copy.result_bytes;
      pay(copy, id);
      out.accepted.push_back(copy_of(key));
    } else {
      end_copy(key, CopyState::Rejected, "most copies have another result", batch);
      out.odd_ones.push_back(copy_of(key));
    }
  }
  cancel_live(id, number, "the task is done", out, batch);
  task.over = true;
  task.done = true;
  task.digest = digest;
  task.order.reset();
  row.result_bytes += task.result_bytes;
  moved_unsettled.insert(id);
  write_task(id, number, batch);
  out.tasks_finished.push_back(task_id(id, number));
}

void Scheduler::Model::finish_task_failed(const JobId& id, std::uint32_t number, std::string reason, Consequences& out,
                                          store::Batch& batch) {
  TaskRow& task = job(id)->tasks[number];
  cancel_live(id, number, "the task failed", out, batch);
  task.over = true;
  task.reason = std::move(reason);
  task.order.reset();
  write_task(id, number, batch);
  out.tasks_finished.push_back(task_id(id, number));
}

void Scheduler::Model::finish_job_if_over(const JobId& id, Instant now, Consequences& out, store::Batch& batch) {
  JobRow& row = *job(id);
  if (!row.is_open() || row.counts.waiting + row.counts.running > 0) return;
  row.state = row.counts.failed == 0 ? JobState::Done : JobState::Failed;
  row.reason = row.counts.failed == 0 ? "" : std::to_string(row.counts.failed) + " tasks failed";
  row.finished_at = now;
  refresh_active(id, row);
  write_job(id, batch);
  out.jobs_finished.push_back(id);
}

}  // namespace fleet::scheduler
