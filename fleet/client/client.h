// A client's conversation with the controller, in C++: objects and jobs as values. Thin over fleet/api/API.md; what lasts longer
// than one exchange (sealing, resuming, waiting) is in transfers.h and jobs.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/link/http.h"
#include "fleet/objects/objects.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace fleet::client {
using namespace policies::vocabulary;

struct Account {
  PartyId party;
  std::string name;
  Money balance;
  Money spent_month;
  std::optional<Money> spending_limit;
};

struct ObjectShard {
  std::size_t index = 0;
  Digest digest;
  Bytes size;
  std::string state;    // spooled, sent, held, retrieving, missing
  std::string machine;  // a pseudonym
};

struct ObjectRecord {
  ObjectId object;
  std::string sealed_facts;
  std::string state;  // spooled, stored, degraded, repairing, lost
  objects::Code code;
  Instant created_at;
  std::vector<ObjectShard> shards;
};
std::vector<objects::ShardFacts> facts_of(const std::vector<ObjectShard>& shards);

struct Retrieval {
  struct Ready {
    std::size_t index = 0;
    Digest digest;
  };
  std::vector<Ready> ready;
  std::uint64_t waiting = 0;  // shards asked of machines that have not answered
};

struct JobElement {
  std::string name;
  Digest digest;
  Bytes size;
  bool executable = false;
};

struct JobTask {
  std::vector<std::string> arguments;
  std::string parameters_json;  // a JSON object
};

struct JobLimits {
  Bytes memory = mebibytes(256);
  Bytes scratch = mebibytes(256);
  Bytes result = mebibytes(16);
  std::uint32_t processor_seconds = 600;
};

struct JobRequest {
  std::string name;
  std::string entry;  // name of the executable element
  std::vector<JobElement> elements;
  std::vector<JobTask> tasks;
  std::uint32_t copies = 2;
  JobLimits limits;
  std::uint32_t speed_mhz = 0;            // 0: any
  double reliability = 0.0;               // 0: the baseline
  std::optional<Money> cost_max;
  std::optional<Instant> deadline;
};

struct JobRecord {
  JobId job;
  std::string name;
  std::string state;  // running, stopped, done, removed, failed
  std::uint64_t waiting = 0;
  std::uint64_t running = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  Money spent;
  double processor_seconds = 0.0;
  Instant created_at;
  std::optional<Instant> finished_at;
  std::string reason;  // why it is stopped or failed; may be empty
  [[nodiscard]] std::uint64_t tasks() const { return waiting + running + done + failed; }
  [[nodiscard]] bool over() const { return state == "done" || state == "failed" || state == "removed"; }
};

struct TaskCopy {
  std::string machine;  // a pseudonym
  std::string outcome;
  Digest digest;
};

struct TaskRecord {
  std::uint64_t number = 0;
  std::string state;
  Digest result;  // empty until agreed upon
  std::vector<TaskCopy> copies;
  std::string reason;  // why it failed; may be empty
};

struct TaskPage {
  std::vector<TaskRecord> tasks;
  std::optional<std::uint64_t> next;
};

// Every call is one exchange. An error answer comes back as the Error that the controller named; an answer that does not have
// the documented shape is InvalidInput. Not for two threads at once. `exchange` must outlive it.
class Client {
 public:
  explicit Client(agent::link::HttpExchange& exchange) : exchange_(exchange) {}

  Result<Account> account();
  // The statement as the controller gives it: JSON text.
  Result<std::string> statement();

  Done put_element(const Digest& digest, std::string_view bytes);
  // Verified against the digest: Corrupt when other bytes came.
  Result<std::string> get_element(const Digest& digest);

  Result<ObjectRecord> register_object(const ObjectId& id, const objects::SealedObject& sealed);
  Result<std::vector<ObjectRecord>> objects();
  Result<ObjectRecord> object(const ObjectId& id);
  Result<Retrieval> retrieve(const ObjectId& id);
  Done remove_object(const ObjectId& id);

  // The same `idempotency_key` again gives the job that the first call made.
  Result<JobRecord> submit(const JobRequest& request, std::string_view idempotency_key);
  Result<std::vector<JobRecord>> jobs();
  Result<JobRecord> job(const JobId& id);
  Result<TaskPage> tasks(const JobId& id, std::uint64_t from);
  Result<JobRecord> stop(const JobId& id);
  Result<JobRecord> resume(const JobId& id);
  Result<JobRecord> remove(const JobId& id);

 private:
  agent::link::HttpExchange& exchange_;
};

}  // namespace fleet::client
