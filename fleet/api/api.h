// The routes of API.md over Operations: who may call what, JSON in and out, and no answer before its change is durable.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/api/https_server.h"
#include "fleet/operations/operations.h"
#include "fleet/store/committer.h"
#include "fleet/store/store.h"

namespace fleet::api {

// Whose certificate a route wants.
enum class Audience { Anyone, Machine, Client, MachineOrClient, Staff };

// One request on its way through a route.
struct Call {
  const Request& request;
  registry::Caller caller;
  std::string who;                           // "staff anna", for the record
  std::vector<std::string> words;            // what stands for {..} in the route's pattern
  std::map<std::string, std::string> query;  // decoded
  Instant now;
};

struct Context {
  operations::Operations& operations;
  store::Store& store;
};

struct Route {
  std::string method;
  std::string pattern;  // "/v1/machines/{id}/drain"
  Audience audience = Audience::Anyone;
  std::function<Result<agent::link::HttpResponse>(Context&, Call&, store::Batch&)> serve;
};

// Each audience's routes, in their own source.
std::vector<Route> enrolment_routes();
std::vector<Route> machine_routes();
std::vector<Route> element_routes();
std::vector<Route> object_routes();
std::vector<Route> job_routes();
std::vector<Route> staff_routes();
std::vector<Route> money_routes();
std::vector<Route> all_routes();

// The HTTP status of an error, and its JSON body {"code", "message"}.
int status_of(ErrorCode code);
agent::link::HttpResponse answer_of(const Error& error);

// Lives on the server's loop. All references outlive it.
class Api {
 public:
  Api(operations::Operations& operations, store::Store& store, store::Committer& committer, const Clock& clock);

  // Answers one request; the answer leaves when its change is durable.
  void handle(const Request& request, Responder respond);
  // What time drives; call it every second or so. Returns after handing its changes to the committer.
  void tick();
  // The first failed commit, after which nothing is answered any more and the process must end; nothing while all is well.
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }

 private:
  Result<agent::link::HttpResponse> serve(const Request& request, Instant now, store::Batch& batch);
  void commit(store::Batch batch, std::function<void(const Done&)> then);

  Context context_;
  store::Committer& committer_;
  const Clock& clock_;
  std::vector<Route> routes_;
  std::optional<Error> broken_;
};

}  // namespace fleet::api
