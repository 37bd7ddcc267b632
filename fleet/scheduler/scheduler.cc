#include "fleet/scheduler/scheduler.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "fleet/scheduler/model.h"
#include "policies/pricing/pricing.h"
#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/random.h"

namespace fleet::scheduler {
namespace {

constexpr std::size_t name_max = 256;
constexpr std::size_t elements_max = 64;
constexpr std::size_t arguments_max = 64;
constexpr std::size_t argument_bytes_max = 4096;
constexpr std::size_t parameters_bytes_max = 64 * 1024;
constexpr double copies_max = 8;

Error wrong(std::string message) { return Error{ErrorCode::InvalidInput, std::move(message), {}}; }
Error unknown(const JobId& job) { return Error{ErrorCode::NotFound, "there is no job " + job.text.substr(0, 80), {}}; }

Done check_elements(const JobOrder& order) {
  if (order.elements.empty() || order.elements.size() > elements_max)
    return wrong(fmt::format("a job of {} elements; 1 to {} are lawful", order.elements.size(), elements_max));
  std::set<std::string> names;
  bool entry_found = false;
  for (const JobElement& element : order.elements) {
    if (element.name.empty() || element.name.size() > name_max) return wrong("an element's name must have 1 to 256 bytes");
    if (element.name.find('/') != std::string::npos || element.name.front() == '.')
      return wrong("element name '" + element.name + "': no '/' and no leading '.'");
    if (!names.insert(element.name).second) return wrong("two elements are named '" + element.name + "'");
    if (!is_sha256_hex(element.digest.text)) return wrong("element '" + element.name + "' has no SHA-256 digest");
    entry_found = entry_found || (element.name == order.entry && element.executable);
  }
  if (!entry_found) return wrong("the entry '" + order.entry + "' names no executable element");
  return {};
}

Done check_tasks(const JobOrder& order, std::uint32_t tasks_max) {
  if (order.tasks.empty()) return wrong("a job needs at least one task");
  if (order.tasks.size() > tasks_max)
    return Error{ErrorCode::LimitExceeded, fmt::format("a job of {} tasks; at most {}; split it", order.tasks.size(), tasks_max), {}};
  for (std::size_t i = 0; i < order.tasks.size(); ++i) {
    const TaskOrder& task = order.tasks[i];
    if (task.arguments.size() > arguments_max) return wrong(fmt::format("task {}: at most {} arguments", i, arguments_max));
    for (const std::string& argument : task.arguments)
      if (argument.size() > argument_bytes_max || argument.find('\0') != std::string::npos)
        return wrong(fmt::format("task {}: an argument may have {} bytes and no zero byte", i, argument_bytes_max));
    if (task.parameters_json.empty()) continue;
    if (task.parameters_json.size() > parameters_bytes_max) return wrong(fmt::format("task {}: parameters over 64 KiB", i));
    boost::json::error_code failed;
    const boost::json::value parsed = boost::json::parse(task.parameters_json, failed);
    if (failed || !parsed.is_object()) return wrong(fmt::format("task {}: its parameters are no JSON object", i));
  }
  return {};
}

Done check_wishes(const JobOrder& order) {
  if (order.client.empty()) return wrong("a job needs its client");
  if (order.name.empty() || order.name.size() > name_max) return wrong("a job's name must have 1 to 256 bytes");
  if (order.idempotency_key.size() > name_max) return wrong("an idempotency key may have 256 bytes");
  if (!(order.copies >= 1 && order.copies <= copies_max)) return wrong("copies must be 1 to 8");
  if (!(order.reliability >= 0 && order.reliability < 1)) return wrong("reliability must be 0 or more and below 1");
  for (const double wish : {order.speed_mhz, order.bandwidth_bytes, order.work_mhz_seconds})
    if (!(wish >= 0 && wish < 1e15)) return wrong("speed, bandwidth and work must be numbers of 0 or more");
  if (order.limits.memory.count == 0 || order.limits.result.count == 0 || order.limits.processor_seconds == 0)
    return wrong("limits of memory, result and processor seconds must be above 0");
  if (order.limits.processor_seconds > 30U * 86400U) return wrong("a task may use 30 days of processor time at most");
  if (order.cost_max && order.cost_max->minor_units() <= 0) return wrong("the highest cost must be above 0");
  return {};
}

}  // namespace

Scheduler::Scheduler(Settings settings) : model_(std::make_unique<Model>(settings)) {}
Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

Done Scheduler::load(store::Store& store) {
  auto model = std::make_unique<Model>(model_->settings);
  Done wrong_record;
  const auto keep_first = [&](std::string_view what, std::string_view key, const Error& error) {
    if (wrong_record) wrong_record = Error(error).within("reading " + std::string(what) + " " + std::string(key));
  };
  Done scanned = store.scan(store::Table::Jobs, "", [&](std::string_view key, std::string_view value) {
    Result<JobRow> row = job_from(value);
    if (!row) return keep_first("job", key, row.error());
    const JobId id{std::string(key)};
    std::uint64_t number = 0;
    if (key.size() > 1) std::from_chars(key.data() + 1, key.data() + key.size(), number);
    model->last_job = std::max(model->last_job, number);
    if (!row->order.idempotency_key.empty()) model->by_idempotency_key[{row->order.client, row->order.idempotency_key}] = id;
    model->jobs.emplace(id, std::move(*row));
  });
  if (!scanned) return scanned.error().within("loading jobs");
  scanned = store.scan(store::Table::Tasks, "", [&](std::string_view key, std::string_view value) {
    Result<TaskRow> row = task_from(value);
    if (!row) return keep_first("task", key, row.error());
    JobRow* job = model->job(JobId(std::string(key.substr(0, key.rfind('/')))));
    if (job == nullptr) return keep_first("task", key, Error{ErrorCode::Corrupt, "its job is not there", {}});
    job->tasks.push_back(std::move(*row));
  });
  if (!scanned) return scanned.error().within("loading tasks");
  scanned = store.scan(store::Table::Assignments, "copy/", [&](std::string_view key, std::string_view value) {
    if (!key.starts_with("copy/")) return;
    Result<ReadCopy> read = copy_from(value);
    if (!read) return keep_first("assignment", key, read.error());
    read->row.machine = model->machine_names.number_of(read->machine);
    read->row.owner = model->owner_names.number_of(read->owner);
    const std::size_t last = key.rfind('/');
    const std::size_t middle = key.rfind('/', last - 1);
    std::uint32_t task = 0;
    std::uint32_t copy = 0;
    std::from_chars(key.data() + middle + 1, key.data() + last, task);
    std::from_chars(key.data() + last + 1, key.data() + key.size(), copy);
    JobRow* job = model->job(JobId(std::string(key.substr(5, middle - 5))));
    if (job == nullptr || task >= job->tasks.size() || copy > 100000)
      return keep_first("assignment", key, Error{ErrorCode::Corrupt, "its task is not there", {}});
    std::vector<CopyRow>& copies = job->tasks[task].copies;
    if (copies.size() <= copy) copies.resize(copy + 1);
    copies[copy] = std::move(read->row);
  });
  if (!scanned) return scanned.error().within("loading assignments");
  scanned = store.scan(store::Table::Assignments, "work/", [&](std::string_view key, std::string_view value) {
    const Result<WorkRow> row = work_from(value);
    if (!row) return keep_first("work", key, row.error());
    const std::size_t slash = key.find('/', 5);
    model->work[{model->machine_names.number_of(MachineId(std::string(key.substr(5, slash - 5)))),
                 model->owner_names.number_of(PartyId(std::string(key.substr(slash + 1))))}] = *row;
  });
  if (!scanned) return scanned.error().within("loading work");
  if (!wrong_record) return wrong_record;
  model->rebuild();
  model_ = std::move(model);
  return {};
}

void Scheduler::set_machine(const MachineFacts& facts) {
  MachineRow& row = model_->machines[model_->machine_names.number_of(facts.machine)];
  row.facts = facts;
  row.known = true;
}

Consequences Scheduler::give_up_machine(const MachineId& machine, Instant now, store::Batch& batch) {
  Consequences out;
  MachineRow& row = model_->machines[model_->machine_names.number_of(machine)];
  const std::vector<CopyKey> live(row.live.begin(), row.live.end());
  for (const CopyKey& key : live) {
    model_->end_copy(key, CopyState::Expired, "the machine was given up", batch);
    out.expired.push_back(model_->copy_of(key));
    model_->weigh(key.job, key.task, now, out, batch);
  }
  return out;
}

std::vector<Copy> Scheduler::held_by(const MachineId& machine) const {
  std::vector<Copy> held;
  const std::optional<std::uint32_t> number = model_->machine_names.find(machine);
  if (!number || !model_->machines.contains(*number)) return held;
  for (const CopyKey& key : model_->machines.at(*number).live) held.push_back(model_->copy_of(key));
  return held;
}

Result<JobId> Scheduler::submit(JobOrder order, Instant now, store::Batch& batch) {
  if (Done done = check_wishes(order); !done) return done.error();
  if (Done done = check_elements(order); !done) return done.error();
  if (Done done = check_tasks(order, model_->settings.tasks_max); !done) return done.error();
  const std::pair<PartyId, std::string> idempotency{order.client, order.idempotency_key};
  if (!order.idempotency_key.empty())
    if (const auto known = model_->by_idempotency_key.find(idempotency); known != model_->by_idempotency_key.end())
      return known->second;

  JobRow row;
  row.copies = order.copies;
  if (order.reliability > 0) {
    const Result<double> needed = policies::pricing::copies_needed(order.reliability, model_->mean_availability());
    if (!needed) return needed.error().within("finding how many copies reach the reliability asked for");
    if (*needed > copies_max)
      return Error{ErrorCode::Refused, fmt::format("reliability {} needs {:.1f} copies of each task with the machines that are here; at most {} are made",
                                                   order.reliability, *needed, copies_max), {}};
    row.copies = std::max(row.copies, *needed);
  }
  std::vector<TaskOrder> tasks = std::move(order.tasks);
  order.tasks.clear();
  row.created_at = now;
  row.order = std::move(order);
  if (row.order.cost_max) row.spent = Money(0, row.order.cost_max->currency());
  row.tasks.resize(tasks.size());
  row.counts.waiting = static_cast<std::uint32_t>(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Result<std::int64_t> wanted = policies::pricing::copies_of_task(row.copies, static_cast<std::int64_t>(i));
    if (!wanted) return wanted.error();
    row.tasks[i].wanted = static_cast<std::uint8_t>(std::max<std::int64_t>(1, *wanted));
    row.tasks[i].order = std::move(tasks[i]);
  }
  const JobId id(fmt::format("j{:08}", ++model_->last_job));
  if (!row.order.idempotency_key.empty()) model_->by_idempotency_key[idempotency] = id;
  const auto count = static_cast<std::uint32_t>(row.tasks.size());
  JobRow& kept = model_->jobs.emplace(id, std::move(row)).first->second;
  model_->hold(id, kept, +1);
  model_->write_job(id, batch);
  for (std::uint32_t i = 0; i < count; ++i) {
    model_->write_task(id, i, batch);
    model_->refresh_ready(id, i);
  }
  return id;
}

Result<Consequences> Scheduler::stop(const JobId& job, std::string reason, Instant now, store::Batch& batch) {
  JobRow* row = model_->job(job);
  if (row == nullptr) return unknown(job);
  Consequences out;
  if (row->state == JobState::Stopped) return out;
  if (row->state != JobState::Running)
    return Error{ErrorCode::Conflict, "job " + job.text + " is " + std::string(name_of(row->state)) + "; only a running one can be stopped", {}};
  row->state = JobState::Stopped;
  row->reason = std::move(reason);
  model_->refresh_active(job, *row);
  std::set<std::uint32_t> tasks;
  for (const auto& [machine, copies] : row->live_on)
    for (const CopyKey& key : model_->machines.at(machine).live)
      if (key.job == job) tasks.insert(key.task);
  for (const std::uint32_t task : tasks) {
    model_->cancel_live(job, task, "the job was stopped", out, batch);
    model_->weigh(job, task, now, out, batch);
  }
  model_->write_job(job, batch);
  return out;
}

Result<Consequences> Scheduler::resume(const JobId& job, Instant now, store::Batch& batch) {
  static_cast<void>(now);
  JobRow* row = model_->job(job);
  if (row == nullptr) return unknown(job);
  if (row->state == JobState::Running) return Consequences();
  if (row->state != JobState::Stopped)
    return Error{ErrorCode::Conflict, "job " + job.text + " is " + std::string(name_of(row->state)) + "; only a stopped one can be resumed", {}};
  if (row->order.cost_max && row->spent.minor_units() >= row->order.cost_max->minor_units())
    return Error{ErrorCode::Refused, "job " + job.text + " has cost " + row->spent.text() + " of at most " + row->order.cost_max->text(), {}};
  row->state = JobState::Running;
  row->reason.clear();
  model_->refresh_active(job, *row);
  model_->write_job(job, batch);
  return Consequences();
}

Result<Consequences> Scheduler::remove(const JobId& job, Instant now, store::Batch& batch) {
  JobRow* row = model_->job(job);
  if (row == nullptr) return unknown(job);
  Consequences out;
  if (row->state == JobState::Removed) return out;
  const bool was_open = row->is_open();
  row->availability_ppm = model_->availability_ppm(*row);
  model_->hold(job, *row, -1);
  row->state = JobState::Removed;
  row->finished_at = row->finished_at.value_or(now);
  std::set<WorkKey> folded;
  for (std::uint32_t number = 0; number < row->tasks.size(); ++number) {
    model_->cancel_live(job, number, "the job was removed", out, batch);
    model_->refresh_ready(job, number);
    const TaskRow& task = row->tasks[number];
    for (std::uint32_t i = 0; i < task.copies.size(); ++i) {
      const CopyRow& copy = task.copies[i];
      batch.push_back({store::Table::Assignments, "copy/" + assignment_id({job, number, i}).text, std::nullopt});
      if (copy.state != CopyState::Accepted) continue;
      // The sums outlive the copies that they were made of.
      WorkRow& work = model_->work.at({copy.machine, copy.owner});
      work.folded.occupied_ms += copy.occupied_ms;
      work.folded.processor_ms += copy.processor_ms;
      work.folded.copies += 1;
      folded.insert({copy.machine, copy.owner});
    }
    batch.push_back({store::Table::Tasks, fmt::format("{}/{:08}", job.text, number), std::nullopt});
  }
  for (const WorkKey& key : folded) model_->write_work(key, batch);
  model_->refresh_active(job, *row);
  model_->write_job(job, batch);
  row->tasks.clear();
  row->tasks.shrink_to_fit();
  row->counts = {};
  if (was_open) out.jobs_finished.push_back(job);
  return out;
}

}  // namespace fleet::scheduler
