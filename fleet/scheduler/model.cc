#include "fleet/scheduler/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "policies/pricing/pricing.h"

namespace fleet::scheduler {
namespace {

std::optional<std::uint32_t> number_from(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::string task_key(const JobId& job, std::uint32_t task) { return fmt::format("{}/{:08}", job.text, task); }

}  // namespace

AssignmentId assignment_id(const CopyKey& key) {
  return AssignmentId(fmt::format("{}/{}/{}", key.job.text, key.task, key.copy));
}
TaskId task_id(const JobId& job, std::uint32_t task) { return TaskId(fmt::format("{}/{}", job.text, task)); }

std::uint32_t TaskRow::live() const {
  return static_cast<std::uint32_t>(
      std::count_if(copies.begin(), copies.end(), [](const CopyRow& copy) { return copy.state == CopyState::Assigned; }));
}

std::uint64_t JobRow::moved() const {
  if (!launched_at) return 0;
  std::uint64_t sum = result_bytes;
  for (const JobElement& element : order.elements) sum += element.size.count;
  return sum;
}

JobRow* Scheduler::Model::job(const JobId& id) {
  const auto found = jobs.find(id);
  return found == jobs.end() ? nullptr : &found->second;
}
const JobRow* Scheduler::Model::job(const JobId& id) const {
  const auto found = jobs.find(id);
  return found == jobs.end() ? nullptr : &found->second;
}

std::optional<CopyKey> Scheduler::Model::find(const AssignmentId& assignment) const {
  const std::string_view text = assignment.text;
  const std::size_t last = text.rfind('/');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const std::size_t first = text.rfind('/', last - 1);
  if (first == std::string_view::npos) return std::nullopt;
  const auto task = number_from(text.substr(first + 1, last - first - 1));
  const auto copy = number_from(text.substr(last + 1));
  if (!task || !copy) return std::nullopt;
  CopyKey key{JobId(std::string(text.substr(0, first))), *task, *copy};
  const JobRow* row = job(key.job);
  if (row == nullptr || *task >= row->tasks.size() || *copy >= row->tasks[*task].copies.size()) return std::nullopt;
  if (assignment_id(key) != assignment) return std::nullopt;  // "007" is not "7"
  return key;
}

Copy Scheduler::Model::copy_of(const CopyKey& key) const {
  const CopyRow& row = job(key.job)->tasks.at(key.task).copies.at(key.copy);
  Copy copy;
  copy.assignment = assignment_id(key);
  copy.task = task_id(key.job, key.task);
  copy.job = key.job;
  copy.number = key.task;
  copy.machine = machine_names.name_of(row.machine);
  copy.owner = owner_names.name_of(row.owner);
  copy.state = row.state;
  copy.assigned_at = row.assigned_at;
  copy.deadline = row.deadline;
  copy.result_digest = row.digest;
  copy.result_size = Bytes{row.result_bytes};
  copy.processor_ms = row.processor_ms;
  copy.occupied_ms = row.occupied_ms;
  copy.reason = row.reason;
  return copy;
}

Assignment Scheduler::Model::assignment_of(const CopyKey& key) const {
  const JobRow& row = *job(key.job);
  const TaskRow& task = row.tasks.at(key.task);
  const CopyRow& copy = task.copies.at(key.copy);
  Assignment assignment;
  assignment.assignment = assignment_id(key);
  assignment.task = task_id(key.job, key.task);
  assignment.job = key.job;
  assignment.machine = machine_names.name_of(copy.machine);
  assignment.number = key.task;
  assignment.entry = row.order.entry;
  assignment.elements = row.order.elements;
  assignment.order = *task.order;
  assignment.limits = row.order.limits;
  assignment.priority = row.order.priority;
  assignment.deadline = copy.deadline;
  return assignment;
}

JobView Scheduler::Model::view_of(const JobId& id, const JobRow& row) const {
  JobView view;
  view.job = id;
  view.client = row.order.client;
  view.name = row.order.name;
  view.state = row.state;
  view.reason = row.reason;
  view.tasks = row.counts;
  view.processor_ms = row.processor_ms;
  view.spent = row.spent;
  view.cost_max = row.order.cost_max;
  view.copies = row.copies;
  view.created_at = row.created_at;
  view.launched_at = row.launched_at;
  view.finished_at = row.finished_at;
  return view;
}

std::uint64_t Scheduler::Model::power_mhz(const JobRow& row) const {
  std::uint64_t power = 0;
  for (const auto& [machine, copies] : row.live_on) {
    const auto found = machines.find(machine);
    if (found == machines.end()) continue;
    const MachineFacts& facts = found->second.facts;
    power += std::uint64_t{facts.processor_mhz} * std::min(std::max(1U, facts.processors), copies);
  }
  return power;
}

double Scheduler::Model::mean_availability() const {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& [number, machine] : machines)
    if (machine.known && machine.facts.leased) {
      sum += machine.facts.availability;
      ++count;
    }
  return count == 0 ? MachineFacts().availability : sum / static_cast<double>(count);
}

void Scheduler::Model::write_job(const JobId& id, store::Batch& batch) const {
  batch.push_back({store::Table::Jobs, id.text, job_record(*job(id))});
}
void Scheduler::Model::write_task(const JobId& id, std::uint32_t task, store::Batch& batch) const {
  batch.push_back({store::Table::Tasks, task_key(id, task), task_record(job(id)->tasks.at(task))});
}
void Scheduler::Model::write_copy(const CopyKey& key, store::Batch& batch) const {
  const CopyRow& row = job(key.job)->tasks.at(key.task).copies.at(key.copy);
  batch.push_back({store::Table::Assignments, "copy/" + assignment_id(key).text,
                   copy_record(row, machine_names.name_of(row.machine), owner_names.name_of(row.owner))});
}
void Scheduler::Model::write_work(const WorkKey& key, store::Batch& batch) const {
  batch.push_back({store::Table::Assignments,
                   "work/" + machine_names.name_of(key.first).text + "/" + owner_names.name_of(key.second).text,
                   work_record(work.at(key))});
}

void Scheduler::Model::recount(JobRow& row, TaskRow& task) {
  const auto of = [&row](TaskState state) -> std::uint32_t& {
    switch (state) {
      case TaskState::Waiting: return row.counts.waiting;
      case TaskState::Running: return row.counts.running;
      case TaskState::Done: return row.counts.done;
      case TaskState::Failed: break;
    }
    return row.counts.failed;
  };
  TaskState now_shown = TaskState::Waiting;
  if (task.over)
    now_shown = task.done ? TaskState::Done : TaskState::Failed;
  else if (std::any_of(task.copies.begin(), task.copies.end(), [](const CopyRow& copy) {
             return copy.state == CopyState::Assigned || copy.state == CopyState::Reported;
           }))
    now_shown = TaskState::Running;
  --of(task.shown);
  ++of(now_shown);
  task.shown = now_shown;
}

void Scheduler::Model::refer(const Digest& digest, int change) {
  if (digest.empty()) return;
  std::uint32_t& count = references[digest];
  count = static_cast<std::uint32_t>(static_cast<int>(count) + change);
  if (count == 0) references.erase(digest);
}

void Scheduler::Model::hold(const JobId& id, JobRow& row, int change) {
  static_cast<void>(id);
  for (const JobElement& element : row.order.elements) refer(element.digest, change);
  for (const TaskRow& task : row.tasks)
    for (const CopyRow& copy : task.copies) refer(Digest(copy.digest), change);
}

void Scheduler::Model::arm_sampling(const JobId& id, JobRow& row, Instant now) {
  if (row.sample_due) return;
  row.sample_due = row.last_sample_at ? std::max(now, *row.last_sample_at + std::chrono::minutes(15)) : now;
  samples_due.insert({*row.sample_due, id});
}

bool Scheduler::Model::fits(const MachineFacts& facts, const JobRow& row) const {
  const JobOrder& order = row.order;
  if (facts.memory < order.limits.memory) return false;
  if (order.speed_mhz <= 0) return true;
  namespace pricing = policies::pricing;
  const double slack = 1.0 + settings.time_tolerance;
  const bool bandwidth_counts = facts.bandwidth_bytes > 0 && order.bandwidth_bytes > 0;
  if (order.work_mhz_seconds <= 0) {
    if (facts.processor_available * facts.processor_mhz * slack < order.speed_mhz) return false;
    return !bandwidth_counts || facts.network_available * facts.bandwidth_bytes * slack >= order.bandwidth_bytes;
  }
  constexpr double hour = 3600.0;
  pricing::TaskSize size{order.work_mhz_seconds / 1000.0 / hour, 0};
  if (bandwidth_counts) {
    double bytes = static_cast<double>(order.result_bytes_expected.count);
    for (const JobElement& element : order.elements) bytes += static_cast<double>(element.size.count);
    size.data_gigabytes = bytes / 1e9;
  }
  // Where a bandwidth is not known no data counts, so any positive figure gives the same time.
  const auto hourly = [&](double bytes_per_second) { return bandwidth_counts ? bytes_per_second * hour / 1e9 : 1.0; };
  const pricing::MachineProfile machine{facts.processor_mhz / 1000.0, hourly(facts.bandwidth_bytes), facts.processor_available,
                                        facts.network_available};
  const pricing::NodeWanted node{order.speed_mhz / 1000.0, hourly(order.bandwidth_bytes)};
  const Result<double> expected = pricing::expected_hours(size, machine);
  const Result<double> requested = pricing::requested_hours(size, node);
  return expected && requested && *expected <= *requested * slack;
}

void Scheduler::Model::rebuild() {
  for (auto& [id, row] : jobs) {
    row.counts = {};
    row.counts.waiting = static_cast<std::uint32_t>(row.tasks.size());
    if (row.state != JobState::Removed) hold(id, row, +1);
    for (std::uint32_t number = 0; number < row.tasks.size(); ++number) {
      TaskRow& task = row.tasks[number];
      for (std::uint32_t i = 0; i < task.copies.size(); ++i) {
        const CopyRow& copy = task.copies[i];
        row.took_part.insert(copy.machine);
        if (copy.state == CopyState::Accepted) pay(copy, id);
        if (copy.state != CopyState::Assigned) continue;
        const CopyKey key{id, number, i};
        machines[copy.machine].live.insert(key);
        deadlines.insert({copy.deadline, key});
        ++row.live_on[copy.machine];
      }
      if (task.done) row.result_bytes += task.result_bytes;
      recount(row, task);
      refresh_ready(id, number);
    }
    if (row.moved() > row.moved_settled) moved_unsettled.insert(id);
    if (row.launched_at && (row.samples == 0 || !row.live_on.empty())) arm_sampling(id, row, *row.launched_at);
  }
  work_unsettled.clear();
  for (auto& [key, row] : work) {
    row.done.occupied_ms += row.folded.occupied_ms;
    row.done.processor_ms += row.folded.processor_ms;
    row.done.copies += row.folded.copies;
    if (row.done != row.settled) work_unsettled.insert(key);
  }
}

}  // namespace fleet::scheduler
