// What is measured for the ledger, and what is shown.
#include <algorithm>
#include <cmath>

#include "fleet/scheduler/model.h"

namespace fleet::scheduler {
namespace {

constexpr double million = 1e6;

std::uint32_t ppm(double part) {
  return static_cast<std::uint32_t>(std::llround(std::clamp(part, 0.0, 0.999999) * million));
}
// An availability of nothing, or of 1, has no logarithm to pay by.
std::uint32_t availability_in_ppm(double part) { return std::max(1U, ppm(part)); }

}  // namespace

std::uint32_t Scheduler::Model::availability_ppm(const JobRow& row) const {
  if (row.state == JobState::Removed) return row.availability_ppm;
  double sum = 0;
  std::size_t count = 0;
  for (const std::uint32_t machine : row.took_part) {
    const auto found = machines.find(machine);
    const bool known = found != machines.end() && found->second.known;
    sum += known ? found->second.facts.availability : MachineFacts().availability;
    ++count;
  }
  return availability_in_ppm(count == 0 ? MachineFacts().availability : sum / static_cast<double>(count));
}

std::vector<PowerSample> Scheduler::sample(Instant now, store::Batch& batch) {
  std::vector<PowerSample> samples;
  Model& model = *model_;
  std::set<std::pair<Instant, JobId>> postponed;
  while (!model.samples_due.empty() && model.samples_due.begin()->first <= now) {
    const JobId id = model.samples_due.begin()->second;
    model.samples_due.erase(model.samples_due.begin());
    JobRow& row = *model.job(id);
    row.sample_due.reset();
    std::uint64_t power = model.power_mhz(row);
    if (row.samples == 0) power = std::max(power, row.launch_power_mhz);
    if (power == 0 && !row.live_on.empty()) {
      // The machines that work for it were not told yet: look again soon.
      row.sample_due = now + std::chrono::minutes(1);
      postponed.insert({*row.sample_due, id});
      continue;
    }
    if (power == 0) continue;  // nothing runs and nothing is owed; the next copy to start arms sampling again
    PowerSample sample;
    sample.job = id;
    sample.client = row.order.client;
    sample.number = row.samples++;
    sample.at = now;
    sample.power_mhz = power;
    sample.copies_permille = static_cast<std::uint32_t>(std::llround(row.copies * 1000.0));
    sample.reliability_ppm = ppm(row.order.reliability);
    samples.push_back(std::move(sample));
    row.last_sample_at = now;
    if (row.is_open() && !row.live_on.empty()) model.arm_sampling(id, row, now);
    model.write_job(id, batch);
  }
  model.samples_due.merge(postponed);
  return samples;
}

Settlement Scheduler::settle(store::Batch& batch) {
  Settlement settlement;
  Model& model = *model_;
  for (auto place = model.work_unsettled.begin(); place != model.work_unsettled.end();) {
    const WorkKey key = *place;
    const auto machine = model.machines.find(key.first);
    if (machine == model.machines.end() || !machine->second.known) {
      ++place;  // its speed is not told yet: its work is settled later
      continue;
    }
    WorkRow& row = model.work.at(key);
    WorkDone work;
    work.machine = model.machine_names.name_of(key.first);
    work.owner = model.owner_names.name_of(key.second);
    work.settlement = row.settlements++;
    work.occupied_ms_before = row.settled.occupied_ms;
    work.occupied_ms_after = row.done.occupied_ms;
    work.processor_ms_before = row.settled.processor_ms;
    work.processor_ms_after = row.done.processor_ms;
    work.copies_before = row.settled.copies;
    work.copies_after = row.done.copies;
    work.processor_mhz = machine->second.facts.processor_mhz;
    work.availability_ppm = availability_in_ppm(machine->second.facts.availability);
    row.settled = row.done;
    model.write_work(key, batch);
    settlement.work.push_back(std::move(work));
    place = model.work_unsettled.erase(place);
  }
  for (const JobId& id : model.moved_unsettled) {
    JobRow& row = *model.job(id);
    const std::uint64_t total = row.moved();
    if (total <= row.moved_settled) continue;
    DataMoved moved;
    moved.job = id;
    moved.client = row.order.client;
    moved.settlement = row.settlements++;
    moved.before = Bytes{row.moved_settled};
    moved.after = Bytes{total};
    moved.availability_ppm = model.availability_ppm(row);
    const double copies_give = 1.0 - std::pow(1.0 - moved.availability_ppm / million, row.copies);
    moved.reliability_ppm = availability_in_ppm(row.order.reliability > 0 ? row.order.reliability : copies_give);
    row.moved_settled = total;
    model.write_job(id, batch);
    settlement.moved.push_back(std::move(moved));
  }
  model.moved_unsettled.clear();
  return settlement;
}

Result<Consequences> Scheduler::record_spent(const JobId& job, const Money& total, Instant now, store::Batch& batch) {
  JobRow* row = model_->job(job);
  if (row == nullptr) return Error{ErrorCode::NotFound, "there is no job " + job.text.substr(0, 80), {}};
  if (row->spent == total) return Consequences();
  row->spent = total;
  const std::optional<Money>& most = row->order.cost_max;
  if (most && most->currency() != total.currency())
    return Error{ErrorCode::InvalidInput, "job " + job.text + " is limited in " + most->currency().code + ", not in " + total.currency().code, {}};
  if (most && row->state == JobState::Running && total.minor_units() >= most->minor_units())
    return stop(job, "cost limit reached", now, batch);
  model_->write_job(job, batch);
  return Consequences();
}

std::optional<JobView> Scheduler::job(const JobId& job) const {
  const JobRow* row = std::as_const(*model_).job(job);
  if (row == nullptr) return std::nullopt;
  return model_->view_of(job, *row);
}

std::vector<JobView> Scheduler::jobs() const {
  std::vector<JobView> views;
  for (const auto& [id, row] : model_->jobs) views.push_back(model_->view_of(id, row));
  return views;
}

std::vector<JobView> Scheduler::jobs_of(const PartyId& client) const {
  std::vector<JobView> views;
  for (const auto& [id, row] : model_->jobs)
    if (row.order.client == client) views.push_back(model_->view_of(id, row));
  return views;
}

std::vector<TaskView> Scheduler::tasks(const JobId& job, std::uint32_t from, std::uint32_t count) const {
  std::vector<TaskView> views;
  const JobRow* row = std::as_const(*model_).job(job);
  if (row == nullptr) return views;
  const std::uint64_t end = std::min<std::uint64_t>(row->tasks.size(), std::uint64_t{from} + count);
  for (std::uint32_t number = from; number < end; ++number) {
    const TaskRow& task = row->tasks[number];
    TaskView view;
    view.number = number;
    view.state = task.shown;
    view.result_digest = task.digest;
    view.result_size = Bytes{task.result_bytes};
    view.reason = task.reason;
    for (std::uint32_t i = 0; i < task.copies.size(); ++i) view.copies.push_back(model_->copy_of({job, number, i}));
    views.push_back(std::move(view));
  }
  return views;
}

std::optional<Copy> Scheduler::copy(const AssignmentId& assignment) const {
  const std::optional<CopyKey> key = model_->find(assignment);
  if (!key) return std::nullopt;
  return model_->copy_of(*key);
}

std::optional<Assignment> Scheduler::assignment(const AssignmentId& assignment) const {
  const std::optional<CopyKey> key = model_->find(assignment);
  if (!key || std::as_const(*model_).job(key->job)->tasks[key->task].copies[key->copy].state != CopyState::Assigned)
    return std::nullopt;
  return model_->assignment_of(*key);
}

bool Scheduler::refers_to(const Digest& element) const { return model_->references.contains(element); }

}  // namespace fleet::scheduler
