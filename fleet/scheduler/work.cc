// Handing out copies and hearing what became of them.
#include <algorithm>

#include "fleet/scheduler/model.h"
#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/random.h"

namespace fleet::scheduler {
namespace {

constexpr std::size_t reason_bytes_max = 1000;
constexpr std::uint32_t failures_in_a_row_max = 8;

// A machine that refuses or fails all it is given would otherwise eat the queue as fast as it can ask.
Duration pause_after(std::uint32_t bad_in_a_row) {
  return std::min<Duration>(std::chrono::minutes(1) * (1U << std::min(bad_in_a_row, 6U)) / 2, std::chrono::hours(1));
}

bool is_counted(CopyState state) { return state == CopyState::Assigned || state == CopyState::Reported; }

}  // namespace

std::size_t Scheduler::Model::owners_leasing() const {
  std::set<PartyId> owners;
  for (const auto& [number, machine] : machines)
    if (machine.known && machine.facts.leased) owners.insert(machine.facts.owner);
  return std::max<std::size_t>(1, owners.size());
}

std::vector<Assignment> Scheduler::assign(const MachineId& machine, Instant now, store::Batch& batch) {
  std::vector<Assignment> given;
  const std::optional<std::uint32_t> number = model_->machine_names.find(machine);
  if (!number) return given;
  const auto found = model_->machines.find(*number);
  if (found == model_->machines.end()) return given;
  MachineRow& row = found->second;
  const MachineFacts& facts = row.facts;
  if (!row.known || !facts.leased || !facts.sandbox || !facts.window_open || now < row.not_before) return given;
  const std::uint32_t owner = model_->owner_names.number_of(facts.owner);
  auto place = model_->active.begin();
  while (place != model_->active.end() && row.live.size() < facts.queue_max) {
    const auto current = *place;
    JobRow& job = *model_->job(current.second);
    if (model_->fits(facts, job)) {
      while (row.live.size() < facts.queue_max) {
        const std::optional<std::uint32_t> task = job.ready.first_for(owner);
        if (!task) break;
        const auto copy = static_cast<std::uint32_t>(job.tasks[*task].copies.size());
        model_->start_copy(current.second, *task, row, now, batch);
        given.push_back(model_->assignment_of({current.second, *task, copy}));
      }
    }
    place = model_->active.upper_bound(current);  // starting a copy may have taken the job out of the set
  }
  return given;
}

std::vector<Assignment> Scheduler::schedule(Instant now, std::uint64_t seed, store::Batch& batch) {
  std::vector<std::pair<MachineId, std::uint32_t>> machines;
  for (const auto& [number, row] : model_->machines)
    if (row.known) machines.emplace_back(row.facts.machine, number);
  // By name first: the order of telling must not matter, only the seed.
  std::sort(machines.begin(), machines.end());
  Random random(seed);
  random.shuffle(std::span(machines));
  std::vector<Assignment> given;
  for (const auto& [machine, number] : machines) {
    std::vector<Assignment> more = assign(machine, now, batch);
    std::move(more.begin(), more.end(), std::back_inserter(given));
  }
  return given;
}

bool Scheduler::Model::take_result(const CopyKey& key, const Report& report, Instant now, Consequences& out,
                                   store::Batch& batch) {
  JobRow& row = *job(key.job);
  TaskRow& task = row.tasks[key.task];
  CopyRow& copy = task.copies[key.copy];
  const bool still_counts = copy.state == CopyState::Assigned || copy.state == CopyState::Expired ||
                            copy.state == CopyState::Cancelled || copy.state == CopyState::Returned;
  if (!still_counts || task.over || !row.is_open()) return false;
  // One owner has one voice, also when the task was given to the same owner again after this copy was late.
  for (std::uint32_t i = 0; i < task.copies.size(); ++i) {
    CopyRow& other = task.copies[i];
    if (i == key.copy || other.owner != copy.owner || !is_counted(other.state)) continue;
    if (other.state == CopyState::Reported) return false;
    const CopyKey other_key{key.job, key.task, i};
    out.cancelled.push_back({assignment_id(other_key), machine_names.name_of(other.machine), "an earlier copy has come back"});
    end_copy(other_key, CopyState::Cancelled, "an earlier copy has come back", batch);
  }
  copy.digest = report.result_digest;
  copy.result_bytes = report.result_size.count;
  copy.processor_ms = report.processor_ms;
  // The machine's clock may be off, and the machine may lie: only the length counts, and never more than we saw pass.
  const Duration seen = std::max(Duration(0), now - copy.assigned_at);
  const Duration said = std::max(Duration(0), report.ended_at - report.started_at);
  copy.occupied_ms = static_cast<std::uint64_t>(std::min(seen, said).count());
  refer(Digest(copy.digest), +1);
  end_copy(key, CopyState::Reported, "", batch);
  return true;
}

Result<Consequences> Scheduler::report(const Report& report, Instant now, store::Batch& batch) {
  const std::optional<CopyKey> key = model_->find(report.assignment);
  if (!key) return Error{ErrorCode::NotFound, "there is no assignment " + report.assignment.text.substr(0, 120), {}};
  const CopyRow& copy = model_->job(key->job)->tasks[key->task].copies[key->copy];
  if (model_->machine_names.name_of(copy.machine) != report.machine)
    return Error{ErrorCode::PermissionDenied, "assignment " + report.assignment.text + " was given to another machine", {}};
  if (report.kind == ReportKind::Done && !is_sha256_hex(report.result_digest))
    return Error{ErrorCode::InvalidInput, "the result of " + report.assignment.text + " has no SHA-256 digest", {}};

  Consequences out;
  MachineRow& machine = model_->machines[copy.machine];
  const std::string reason = report.reason.substr(0, reason_bytes_max);
  switch (report.kind) {
    case ReportKind::Queued:
    case ReportKind::Running: out.duplicate = true; return out;
    case ReportKind::Done:
      if (!model_->take_result(*key, report, now, out, batch)) {
        out.duplicate = true;
        return out;
      }
      machine.bad_in_a_row = 0;
      break;
    case ReportKind::Failed:
    case ReportKind::Stopped:
    case ReportKind::Refused:
      if (copy.state != CopyState::Assigned) {
        out.duplicate = true;
        return out;
      }
      if (report.kind != ReportKind::Stopped) ++machine.bad_in_a_row;
      if (report.kind == ReportKind::Refused || machine.bad_in_a_row >= failures_in_a_row_max)
        machine.not_before = now + pause_after(machine.bad_in_a_row);
      model_->end_copy(*key,
                       report.kind == ReportKind::Failed    ? CopyState::Failed
                       : report.kind == ReportKind::Stopped ? CopyState::Returned
                                                            : CopyState::Refused,
                       reason, batch);
      break;
  }
  model_->weigh(key->job, key->task, now, out, batch);
  return out;
}

Consequences Scheduler::expire(Instant now, store::Batch& batch) {
  Consequences out;
  while (!model_->deadlines.empty() && model_->deadlines.begin()->first <= now) {
    const CopyKey key = model_->deadlines.begin()->second;
    model_->end_copy(key, CopyState::Expired, "no result by its deadline", batch);
    out.expired.push_back(model_->copy_of(key));
    model_->weigh(key.job, key.task, now, out, batch);
  }
  return out;
}

std::optional<Instant> Scheduler::next_due() const {
  std::optional<Instant> due;
  if (!model_->deadlines.empty()) due = model_->deadlines.begin()->first;
  if (!model_->samples_due.empty()) due = std::min(due.value_or(Instant::max()), model_->samples_due.begin()->first);
  return due;
}

}  // namespace fleet::scheduler
