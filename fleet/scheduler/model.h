// The scheduler's inside: what it keeps in memory, and the steps that its parts share. Nobody else includes this.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "fleet/scheduler/ready_queue.h"
#include "fleet/scheduler/scheduler.h"

namespace fleet::scheduler {

// Names that occur millions of times are kept once.
template <typename Name>
class Names {
 public:
  std::uint32_t number_of(const Name& name) {
    const auto [found, added] = numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (added) names_.push_back(name);
    return found->second;
  }
  [[nodiscard]] std::optional<std::uint32_t> find(const Name& name) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] const Name& name_of(std::uint32_t number) const { return names_.at(number); }

 private:
  std::unordered_map<Name, std::uint32_t> numbers_;
  std::vector<Name> names_;
};

struct CopyRow {
  std::uint32_t machine = 0;
  std::uint32_t owner = 0;
  CopyState state = CopyState::Assigned;
  Instant assigned_at;
  Instant deadline;
  std::string digest;
  std::uint64_t result_bytes = 0;
  std::uint64_t processor_ms = 0;
  std::uint64_t occupied_ms = 0;
  std::string reason;
};

struct TaskRow {
  std::optional<TaskOrder> order;  // let go when the task is over
  std::vector<CopyRow> copies;
  std::uint8_t wanted = 1;
  bool over = false;
  bool done = false;
  TaskState shown = TaskState::Waiting;  // as the job's counts have it
  bool queued = false;
  OwnerSet queued_for;  // the group of the ready queue that it is in
  std::string digest;
  std::uint64_t result_bytes = 0;
  std::string reason;

  [[nodiscard]] std::uint32_t quorum() const { return wanted == 1 ? 1U : wanted / 2U + 1U; }
  [[nodiscard]] std::uint32_t live() const;
};

struct JobRow {
  JobOrder order;  // without its tasks
  JobState state = JobState::Running;
  std::string reason;
  Instant created_at;
  std::optional<Instant> launched_at;
  std::optional<Instant> finished_at;
  double copies = 1;
  Money spent;
  std::uint32_t samples = 0;
  std::optional<Instant> last_sample_at;
  std::optional<Instant> sample_due;   // follows from the others; nothing while no machine works for the job
  std::uint64_t launch_power_mhz = 0;  // the most that ran before the first sample was taken
  std::uint32_t settlements = 0;
  std::uint64_t moved_settled = 0;
  std::uint32_t availability_ppm = 0;  // of the machines that took part, once the job is removed

  std::vector<TaskRow> tasks;
  ReadyQueue ready;
  JobCounts counts;
  std::uint64_t processor_ms = 0;   // of accepted copies
  std::uint64_t result_bytes = 0;   // of done tasks
  std::map<std::uint32_t, std::uint32_t> live_on;  // machine -> copies it holds
  std::set<std::uint32_t> took_part;               // machines that ever held a copy

  [[nodiscard]] bool is_open() const { return state == JobState::Running || state == JobState::Stopped; }
  [[nodiscard]] std::uint64_t moved() const;
};

struct CopyKey {
  JobId job;
  std::uint32_t task = 0;
  std::uint32_t copy = 0;
  auto operator<=>(const CopyKey&) const = default;
};

struct MachineRow {
  MachineFacts facts;
  bool known = false;  // facts were told since the model was built
  std::set<CopyKey> live;
  std::uint32_t bad_in_a_row = 0;
  Instant not_before;  // a machine that keeps refusing or failing is left alone for a while
};

struct Totals {
  std::uint64_t occupied_ms = 0, processor_ms = 0, copies = 0;
  auto operator<=>(const Totals&) const = default;
};
struct WorkRow {
  Totals done;
  Totals folded;   // the part whose assignments were removed with their job
  Totals settled;
  std::uint32_t settlements = 0;
};
using WorkKey = std::pair<std::uint32_t, std::uint32_t>;  // machine, owner

struct Scheduler::Model {
  explicit Model(Settings the_settings) : settings(the_settings) {}

  Settings settings;
  Names<MachineId> machine_names;
  Names<PartyId> owner_names;
  std::map<JobId, JobRow> jobs;
  std::map<std::pair<PartyId, std::string>, JobId> by_idempotency_key;
  std::uint64_t last_job = 0;
  std::map<std::uint32_t, MachineRow> machines;
  std::set<std::pair<std::int64_t, JobId>> active;  // running jobs with ready tasks; minus priority first
  std::set<std::pair<Instant, CopyKey>> deadlines;
  std::set<std::pair<Instant, JobId>> samples_due;
  std::map<WorkKey, WorkRow> work;
  std::set<WorkKey> work_unsettled;
  std::set<JobId> moved_unsettled;
  std::map<Digest, std::uint32_t> references;  // elements of open jobs and results of jobs not removed

  // --- finding
  JobRow* job(const JobId& id);
  const JobRow* job(const JobId& id) const;
  // The copy that the assignment names; nothing when it is not known.
  std::optional<CopyKey> find(const AssignmentId& assignment) const;
  [[nodiscard]] Copy copy_of(const CopyKey& key) const;
  [[nodiscard]] Assignment assignment_of(const CopyKey& key) const;
  [[nodiscard]] JobView view_of(const JobId& id, const JobRow& row) const;
  [[nodiscard]] std::uint64_t power_mhz(const JobRow& row) const;
  [[nodiscard]] double mean_availability() const;
  // pi times a million, mean over the machines that took part in the job.
  [[nodiscard]] std::uint32_t availability_ppm(const JobRow& row) const;

  // --- keeping records
  void write_job(const JobId& id, store::Batch& batch) const;
  void write_task(const JobId& id, std::uint32_t task, store::Batch& batch) const;
  void write_copy(const CopyKey& key, store::Batch& batch) const;
  void write_work(const WorkKey& key, store::Batch& batch) const;

  // --- steps
  // Writes down in the job's counts what the task has become.
  void recount(JobRow& row, TaskRow& task);
  void arm_sampling(const JobId& id, JobRow& row, Instant now);
  void refer(const Digest& digest, int change);
  void hold(const JobId& id, JobRow& row, int change);   // references of its elements
  void refresh_active(const JobId& id, const JobRow& row);
  // Puts the task into the ready queue, or takes it out, as its copies ask for.
  void refresh_ready(const JobId& id, std::uint32_t task);
  void start_copy(const JobId& id, std::uint32_t task, MachineRow& machine, Instant now, store::Batch& batch);
  // Ends a copy that is live: it leaves the machine's list and the deadlines.
  void end_copy(const CopyKey& key, CopyState state, std::string reason, store::Batch& batch);
  void cancel_live(const JobId& id, std::uint32_t task, const std::string& reason, Consequences& out, store::Batch& batch);
  // Looks whether the copies of the task agree, or it must fail; else asks for what is missing.
  void weigh(const JobId& id, std::uint32_t task, Instant now, Consequences& out, store::Batch& batch);
  void finish_task_done(const JobId& id, std::uint32_t task, const std::string& digest, Consequences& out, store::Batch& batch);
  void finish_task_failed(const JobId& id, std::uint32_t task, std::string reason, Consequences& out, store::Batch& batch);
  void finish_job_if_over(const JobId& id, Instant now, Consequences& out, store::Batch& batch);
  void pay(const CopyRow& row, const JobId& id);
  bool fits(const MachineFacts& facts, const JobRow& row) const;
  // How many owners furnish leased machines: nobody else can be asked.
  [[nodiscard]] std::size_t owners_leasing() const;
  // The result of a copy has come; false when it can no longer count.
  bool take_result(const CopyKey& key, const Report& report, Instant now, Consequences& out, store::Batch& batch);
  // Rebuilds counts, queues, deadlines and totals from rows that were just read.
  void rebuild();
};

AssignmentId assignment_id(const CopyKey& key);
TaskId task_id(const JobId& job, std::uint32_t task);

// records.cc: the values of Table::Jobs and Table::Tasks, and those of Table::Assignments.
std::string job_record(const JobRow& row);
Result<JobRow> job_from(std::string_view text);
std::string task_record(const TaskRow& row);
Result<TaskRow> task_from(std::string_view text);
std::string copy_record(const CopyRow& row, const MachineId& machine, const PartyId& owner);
struct ReadCopy {
  CopyRow row;
  MachineId machine;
  PartyId owner;
};
Result<ReadCopy> copy_from(std::string_view text);
std::string work_record(const WorkRow& row);
Result<WorkRow> work_from(std::string_view text);

}  // namespace fleet::scheduler
