// Which copy of which task runs on which machine. Decides purely: the same calls with the same values give the same answers.
//
// The model is in memory; each call that changes it appends the changed records (Table::Jobs, Tasks, Assignments) to `batch`,
// and the caller makes them durable before it acts on the answer. load() rebuilds the model from the store. No call walks all
// tasks: a machine's poll costs what it is given.
//
// A task is right when a quorum of copies, each on a machine of a different owner, returned the same digest: one for a task
// with one copy, else more than half of its copies. Copies that differ make the scheduler ask one more owner.
// Not thread-safe: one event loop owns it.
#pragma once

#include <memory>

#include "fleet/scheduler/job.h"
#include "fleet/store/store.h"

namespace fleet::scheduler {

struct Settings {
  Duration deadline_min = std::chrono::minutes(30);  // shortest time that a machine is given for an assignment
  double deadline_factor = 4.0;      // times the processor seconds that the task may use
  std::uint32_t failures_max = 3;    // programs that ended with an error, on different machines, until the task is failed
  std::uint32_t attempts_max = 40;   // copies of one task, whatever became of them
  std::uint32_t tasks_max = 1000000; // of one job
  double time_tolerance = 0.1;       // T_E may exceed T_R by this part and still count as about equal
};

class Scheduler {
 public:
  explicit Scheduler(Settings settings);
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;

  // Replaces the model by what the store holds. Machines are told again by set_machine.
  Done load(store::Store& store);

  // --- machines
  // New or changed facts. A machine that may take no work keeps what it has until it reports, or its deadlines pass.
  void set_machine(const MachineFacts& facts);
  // Lost, released or silent for too long: what it holds goes to others at once. A late result may still count.
  Consequences give_up_machine(const MachineId& machine, Instant now, store::Batch& batch);
  // Copies that are assigned to the machine now: what its inventory is compared with.
  [[nodiscard]] std::vector<Copy> held_by(const MachineId& machine) const;

  // --- jobs
  // InvalidInput for an order whose parts are missing or out of range (F7: all parts of a task are present);
  // LimitExceeded for too many tasks. Whether the element bytes are there is checked by the caller.
  Result<JobId> submit(JobOrder order, Instant now, store::Batch& batch);
  // NotFound; Conflict when the job's state does not allow it. Stopping and removing cancel what is out; results already
  // on their way still count for a stopped job. Doing what is already so is no error.
  Result<Consequences> stop(const JobId& job, std::string reason, Instant now, store::Batch& batch);
  Result<Consequences> resume(const JobId& job, Instant now, store::Batch& batch);
  Result<Consequences> remove(const JobId& job, Instant now, store::Batch& batch);
  // Books what the job has cost so far; a job whose cost_max is reached is stopped with the reason "cost limit reached".
  Result<Consequences> record_spent(const JobId& job, const Money& total, Instant now, store::Batch& batch);

  // --- work
  // New assignments for one machine that calls, up to its queue_max.
  std::vector<Assignment> assign(const MachineId& machine, Instant now, store::Batch& batch);
  // The same for every machine, in an order drawn from `seed`.
  std::vector<Assignment> schedule(Instant now, std::uint64_t seed, store::Batch& batch);
  // NotFound for an assignment that is not known (removed with its job); PermissionDenied when it was given to another
  // machine; InvalidInput for a result without a digest. A repeated report changes nothing and says `duplicate`.
  Result<Consequences> report(const Report& report, Instant now, store::Batch& batch);
  // Gives overdue copies to others.
  Consequences expire(Instant now, store::Batch& batch);
  // When expire() or sample() next has something to do; nothing: not before other news.
  [[nodiscard]] std::optional<Instant> next_due() const;

  // --- measurements for the ledger: call sample() after assigning and when next_due() comes; each is handed out exactly once, across crashes, if the batch is made durable with the
  // entries that are booked from it
  std::vector<PowerSample> sample(Instant now, store::Batch& batch);
  // All accepted work and moved data that was not settled before.
  Settlement settle(store::Batch& batch);

  // --- views
  [[nodiscard]] std::optional<JobView> job(const JobId& job) const;
  [[nodiscard]] std::vector<JobView> jobs() const;                        // in order of creation
  [[nodiscard]] std::vector<JobView> jobs_of(const PartyId& client) const;
  [[nodiscard]] std::vector<TaskView> tasks(const JobId& job, std::uint32_t from, std::uint32_t count) const;
  [[nodiscard]] std::optional<Copy> copy(const AssignmentId& assignment) const;
  // The assignment as it was handed out, e.g. to send it again; nothing once it is over.
  [[nodiscard]] std::optional<Assignment> assignment(const AssignmentId& assignment) const;
  // Executables, data and accepted results that some job still refers to.
  [[nodiscard]] bool refers_to(const Digest& element) const;

 private:
  struct Model;
  std::unique_ptr<Model> model_;
};

}  // namespace fleet::scheduler
