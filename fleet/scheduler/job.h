// The words of the scheduler: jobs, tasks, copies on machines, and the facts of machines that it decides by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"

namespace fleet::scheduler {
using namespace policies::vocabulary;

struct JobElement {
  std::string name;  // as the task sees it
  Digest digest;
  Bytes size;
  bool executable = false;
};

struct TaskOrder {
  std::vector<std::string> arguments;
  std::string parameters_json;  // an object; may be empty
};

struct TaskLimits {
  Bytes memory = mebibytes(256);
  Bytes scratch = mebibytes(64);
  Bytes result = mebibytes(16);
  std::uint32_t processor_seconds = 600;
};

// What a client asks for. The formulas' letters: C_v = speed_mhz, B_v = bandwidth_bytes, r = reliability, N = copies,
// w = work_mhz_seconds, d_i = sum of element sizes, d_o = result_bytes_expected.
struct JobOrder {
  PartyId client;
  std::string idempotency_key;  // the same client and key: the same job, made once; empty: always a new one
  std::string name;
  std::string entry;            // name of the executable element
  std::vector<JobElement> elements;
  std::vector<TaskOrder> tasks;
  double copies = 2;            // mean number of copies of a task, 1 to 8; fractional: some tasks get one more
  TaskLimits limits;
  std::int32_t priority = 0;    // higher goes first
  double speed_mhz = 0;         // 0: any
  double bandwidth_bytes = 0;   // per second; 0: any
  double reliability = 0;       // 0: what `copies` gives; else 0 < r < 1
  double work_mhz_seconds = 0;  // per task; 0: unknown
  Bytes result_bytes_expected;
  std::optional<Money> cost_max;
  std::optional<Instant> deadline;
};

enum class JobState { Running, Stopped, Done, Removed, Failed };
enum class TaskState { Waiting, Running, Done, Failed };
std::string_view name_of(JobState state);   // "running", "stopped", "done", "removed", "failed"
std::string_view name_of(TaskState state);  // "waiting", "running", "done", "failed"

// The life of one copy of a task on one machine.
enum class CopyState {
  Assigned,   // given to the machine (launched, in the formulas' words); it may be queued or running there
  Reported,   // a result is here and waits for its check
  Accepted,   // the result is right: the owner is paid for it, once
  Rejected,   // the result differs from what the majority computed
  Failed,     // the program ended with an error
  Refused,    // the machine would not run it
  Returned,   // stopped on the machine before its end (owner, window)
  Expired,    // no result by its deadline, or the machine was given up; a late result may still count
  Cancelled,  // taken back by us
};
std::string_view name_of(CopyState state);  // "assigned", "reported", ...

struct Copy {
  AssignmentId assignment;  // "<job>/<task>/<copy>"
  TaskId task;
  JobId job;
  std::uint32_t number = 0;  // of the task within its job, from 0
  MachineId machine;
  PartyId owner;
  CopyState state = CopyState::Assigned;
  Instant assigned_at;
  Instant deadline;
  std::string result_digest;       // when a result is here
  Bytes result_size;
  std::uint64_t processor_ms = 0;  // as the machine's kernel measured
  std::uint64_t occupied_ms = 0;   // start to end as reported, held within our own assigned-to-received bracket
  std::string reason;
};

// A copy that is to start: all that the message to the machine needs, except tickets and signature.
struct Assignment {
  AssignmentId assignment;
  TaskId task;
  JobId job;
  MachineId machine;
  std::uint32_t number = 0;
  std::string entry;
  std::vector<JobElement> elements;
  TaskOrder order;
  TaskLimits limits;
  std::int32_t priority = 0;
  Instant deadline;
};

// What the scheduler must know of a machine. Kept in memory only: the registry is its truth.
struct MachineFacts {
  MachineId machine;
  PartyId owner;
  bool leased = false;        // state Leased and not draining
  bool sandbox = false;       // no sandbox, no work
  bool window_open = false;   // the leased processor hours, or as the machine says
  std::uint32_t processors = 1;
  std::uint32_t processor_mhz = 0;   // C, of one processor
  double processor_available = 1.0;  // a_c, 0 to 1
  double bandwidth_bytes = 0;        // B, per second; 0: not measured yet
  double network_available = 1.0;    // a_b, 0 to 1
  double availability = 0.5;         // pi, weighted availability, 0 < pi < 1; the default until it is measured
  Bytes memory;
  std::uint32_t queue_max = 0;       // assignments fetched ahead; 0: none
};

// A word from a machine about one assignment.
enum class ReportKind { Queued, Running, Done, Failed, Stopped, Refused };
struct Report {
  AssignmentId assignment;
  MachineId machine;  // who says so: proven by the session
  ReportKind kind = ReportKind::Running;
  std::string result_digest;  // Done: 64 hex digits
  Bytes result_size;
  std::uint64_t processor_ms = 0;
  Instant started_at;
  Instant ended_at;
  std::string reason;
};

struct Cancellation {
  AssignmentId assignment;
  MachineId machine;
  std::string reason;
};

// What follows from a word or a moment: for the caller to send, notify and record.
struct Consequences {
  std::vector<Cancellation> cancelled;      // tell the machines
  std::vector<TaskId> tasks_finished;       // done or failed just now
  std::vector<JobId> jobs_finished;         // done, failed or removed just now: notify the client
  std::vector<Copy> accepted;               // became payable just now
  std::vector<Copy> odd_ones;               // results that the majority contradicts: lower the machine's standing
  std::vector<Copy> expired;                // given to others just now
  bool duplicate = false;                   // the report changed nothing
};

struct JobCounts {
  std::uint32_t waiting = 0;
  std::uint32_t running = 0;
  std::uint32_t done = 0;
  std::uint32_t failed = 0;
  [[nodiscard]] std::uint32_t total() const { return waiting + running + done + failed; }
};

struct JobView {
  JobId job;
  PartyId client;
  std::string name;
  JobState state = JobState::Running;
  std::string reason;            // why stopped or failed
  JobCounts tasks;
  std::uint64_t processor_ms = 0;  // of accepted copies
  Money spent;
  std::optional<Money> cost_max;
  double copies = 1;             // N, after reliability was taken into account
  Instant created_at;
  std::optional<Instant> launched_at;
  std::optional<Instant> finished_at;
};

struct TaskView {
  std::uint32_t number = 0;
  TaskState state = TaskState::Waiting;
  std::string result_digest;  // when done
  Bytes result_size;
  std::string reason;         // when failed
  std::vector<Copy> copies;
};

// The power that runs for a client at one moment of sampling (each 15 minutes, first at the first launch).
struct PowerSample {
  JobId job;
  PartyId client;
  std::uint32_t number = 0;        // of the sample within the job, from 0: part of the entry's natural key
  Instant at;
  std::uint64_t power_mhz = 0;     // sum of C over the processors that hold work of this job
  std::uint32_t copies_permille = 1000;  // N times 1000; the client's power P is power / N
  std::uint32_t reliability_ppm = 0;     // r times a million; 0: none asked
};

// Accepted work of one machine, as running totals: before and after this settlement. The pay is the price of `after` less the
// price of `before`, each rounded, so that no fraction of a cent is ever lost however short the tasks are.
struct WorkDone {
  MachineId machine;
  PartyId owner;
  std::uint32_t settlement = 0;  // running number per machine and owner, from 0: part of the natural key
  std::uint64_t occupied_ms_before = 0;  // launch to conclusion, summed over accepted copies, exact
  std::uint64_t occupied_ms_after = 0;
  std::uint64_t processor_ms_before = 0;
  std::uint64_t processor_ms_after = 0;
  std::uint64_t copies_before = 0;       // how many accepted copies
  std::uint64_t copies_after = 0;
  std::uint32_t processor_mhz = 0;       // C
  std::uint32_t availability_ppm = 0;    // pi times a million
};

// Data of a job that went over the network, as running totals like WorkDone: d_i (element bytes, once per job) plus d_o
// (results of finished tasks).
struct DataMoved {
  JobId job;
  PartyId client;
  std::uint32_t settlement = 0;
  Bytes before;
  Bytes after;
  std::uint32_t reliability_ppm = 0;   // r
  std::uint32_t availability_ppm = 0;  // pi, mean over the machines that took part
};

struct Settlement {
  std::vector<WorkDone> work;
  std::vector<DataMoved> moved;
};

}  // namespace fleet::scheduler
