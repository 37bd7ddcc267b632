// A controller in memory that keeps to fleet/api/API.md as far as clients see it: elements, objects, jobs, one account. The link to
// it can be cut before or after any exchange takes effect.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/link/http.h"
#include "fleet/client/client.h"

namespace tests::fleet_client {
using namespace policies::vocabulary;

class ScriptedController final : public agent::link::HttpExchange {
 public:
  Result<agent::link::HttpResponse> exchange(const agent::link::HttpRequest& request) override;
  // The same without the link, for a server's handler.
  agent::link::HttpResponse answer(const agent::link::HttpRequest& request);

  enum class Cut { Before, After };  // the request was lost, or its answer
  // The `nth` exchange from now (1: the next one) fails with Unavailable.
  void cut_at(std::uint64_t nth, Cut cut) { cut_at_ = exchanges_ + nth, cut_ = cut; }
  [[nodiscard]] std::uint64_t exchanges() const { return exchanges_; }

  struct Object {
    std::string body;                    // of POST /v1/objects
    std::string state = "stored";
    std::vector<std::string> lost;       // digests of shards that no machine gives any more
    int asked = 0;
  };
  struct Job {
    std::string body;                    // of POST /v1/jobs
    std::string key;
    std::string state = "running";
    std::map<std::uint64_t, std::string> results;  // bytes by task
    std::uint64_t tasks = 0;
  };
  // Gives task `number` of the job a result.
  void finish_task(const std::string& job, std::uint64_t number, const std::string& bytes);

  std::map<std::string, std::string> elements;  // by digest
  std::map<std::string, Object> objects;
  std::map<std::string, Job> jobs;
  std::string state_of_new_objects = "stored";
  int retrievals_before_ready = 0;       // how often a retrieval says "waiting" first

 private:
  agent::link::HttpResponse answer_elements(const agent::link::HttpRequest& request, const std::string& digest);
  agent::link::HttpResponse answer_objects(const agent::link::HttpRequest& request, const std::vector<std::string>& path);
  agent::link::HttpResponse answer_jobs(const agent::link::HttpRequest& request, const std::vector<std::string>& path, std::uint64_t from);

  std::uint64_t exchanges_ = 0;
  std::uint64_t cut_at_ = 0;
  Cut cut_ = Cut::Before;
};

}  // namespace tests::fleet_client
