// A controller in memory and machines that follow a script, for the tests of this folder. Every call is committed before its
// answer is used; with `crash_every` N the controller is dropped and built again from the store after every N-th commit.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/contract/messages.pb.h"
#include "agent/contract/statements.h"
#include "agent/link/session.h"
#include "fleet/operations/operations.h"
#include "images/keys/keys.h"
#include "policies/loading/loading.h"
#include "policies/terms/iana_zone.h"
#include "tests/fakes/memory_elements.h"
#include "tests/fakes/memory_store.h"

namespace tests::fleet_operations {
using namespace policies::vocabulary;
namespace operations = fleet::operations;
namespace contract = agent::contract;
namespace keys = images::keys;
namespace terms = policies::terms;

class Rig {
 public:
  explicit Rig(operations::Settings settings = {});

  fleet::operations::Operations& ops() { return *ops_; }
  // Runs a use case and makes it durable.
  template <typename Use>
  auto use(Use call) {
    fleet::store::Batch batch;
    auto answer = call(*ops_, batch);
    commit(batch);
    return answer;
  }
  void tick();
  // Lets time pass in steps no longer than `step`, ticking and letting every machine of `machines` call at each.
  void pass(Duration time, Duration step);
  void restart();
  [[nodiscard]] std::size_t commits() const { return store.commits(); }

  Instant now;
  tests::fakes::MemoryStore store;
  tests::fakes::MemoryElements elements;
  policies::loading::Rules rules;
  terms::IanaZoneRules zones;
  keys::PrivateKey line;
  keys::PrivateKey client_key;
  fleet::registry::Caller client;  // party "acme"
  keys::PrivateKey authority;
  std::string authority_pem;
  keys::PrivateKey escrow;         // opens what lines seal to the controller
  std::size_t crash_every = 0;
  std::vector<class ScriptedMachine*> machines;

 private:
  void commit(fleet::store::Batch& batch);
  operations::Settings settings_;
  keys::PrivateKey signing_;
  std::unique_ptr<operations::Operations> ops_;
};

class ScriptedMachine {
 public:
  ScriptedMachine(Rig& rig, std::string serial, std::string owner);

  [[nodiscard]] std::string voucher() const { return voucher_; }
  // The machine's words, signed with `key` (its own unless a test says otherwise).
  [[nodiscard]] std::string consent(contract::Choice choice) const;
  [[nodiscard]] std::string enrolment(const std::string& voucher, const std::string& consent, const std::string& nonce, const keys::PrivateKey& key) const;
  Result<operations::EnrolmentAnswer> enrol(contract::Choice choice);
  Result<operations::EnrolmentAnswer> enrol_with(const std::string& enrolment);
  // One exchange; handles what comes. Returns what came.
  std::vector<contract::Message> call();
  // Exchanges until nothing more comes.
  void settle();
  void say(contract::Message message);
  void introduce();
  void say_contents();
  std::string release_receipt() const;

  Rig& rig;
  keys::PrivateKey key;
  MachineId id;
  contract::Voucher facts;
  std::optional<agent::link::Session> session;
  std::map<std::string, std::pair<std::string, std::string>> vault;  // shard -> digest, bytes
  std::set<std::string> work;                                         // assignments not reported yet
  std::vector<contract::Message> heard;
  bool works = true;          // false: takes assignments and says nothing
  bool lies = false;          // computes wrong results
  bool confirms_deletions = true;
  bool releases = true;       // gives its partition back when ordered
  contract::Choice renewal = contract::Choice::Declined;
  std::optional<std::string> offer_seen;
  std::uint32_t computed = 0;

 private:
  void handle(const contract::Message& message);
  std::string voucher_;
};

// What a task with these parameters yields.
std::string result_of(const std::string& parameters);

}  // namespace tests::fleet_operations
