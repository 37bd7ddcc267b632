// One leased machine: the production agent over a disk that forgets what was not synced, a network that loses what it likes,
// and a sandbox that takes virtual time.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/daemon/agent.h"
#include "policies/terms/lease_window.h"
#include "tests/fakes/memory_files.h"
#include "tests/simulation/timeline.h"

namespace simulation {

// What the machine can reach of the controller, by the routes of fleet/api/API.md. The answer is nothing when the controller is down.
class ControllerDoor {
 public:
  virtual ~ControllerDoor() = default;
  virtual Result<std::string> nonce() = 0;                               // JSON
  virtual Result<std::string> enrol(const std::string& dsse) = 0;        // JSON
  virtual Result<std::string> messages(const MachineId& machine, const std::string& frame) = 0;
  virtual Done receipt(const std::string& dsse) = 0;
  virtual Result<std::string> get_element(const MachineId& machine, const Digest& digest, const std::string& ticket) = 0;
  virtual Done put_element(const MachineId& machine, const Digest& digest, const std::string& bytes, const std::string& ticket) = 0;
};

struct Faults {
  double request_lost = 0.02;      // the controller never hears of it
  double answer_lost = 0.02;       // the controller did it, the machine never knows
  Duration latency_max{400};
};

class Machine;

// What happens on machines, for the invariants.
class Watch {
 public:
  virtual ~Watch() = default;
  virtual void task_ran(const Machine& machine, const AssignmentId& assignment, Instant from, Instant to) = 0;
  // The agent gave up, and not for want of power.
  virtual void agent_failed(const Machine& machine, const Error& error) = 0;
};

class Machine : agent::daemon::Exchange, agent::daemon::ElementTransfer, agent::sandbox::Sandbox, agent::daemon::OwnerDesk, agent::daemon::Releaser {
 public:
  Machine(Timeline& timeline, ControllerDoor& door, Watch& watch, const policies::terms::ZoneRules& zones, Faults faults,
          agent::daemon::Identity identity, std::uint64_t seed);
  ~Machine() override;

  // Power comes on: the agent starts over whatever its disk kept. No effect when it is on.
  void switch_on();
  // Power goes: what was not synced is gone, tasks die, what is under way is never heard of here.
  void cut_power();
  // Power goes in the middle of the `nth` next write to the disk.
  void cut_power_at_write(std::uint64_t nth);
  [[nodiscard]] bool is_on() const { return agent_ != nullptr; }
  // The machine never comes back.
  void vanish();

  void answer_terms(agent::contract::Choice choice) { terms_answer_ = choice; }
  void answer_renewal(agent::contract::Choice choice) { renewal_answer_ = choice; }

  [[nodiscard]] const MachineId& id() const { return identity_.voucher_facts.machine; }
  [[nodiscard]] const agent::daemon::Identity& identity() const { return identity_; }
  // Digests of the shards that it could give back once it is on: nothing when it has vanished.
  [[nodiscard]] std::set<std::string> held() const;
  [[nodiscard]] bool disk_given_back() const { return disk_given_back_; }
  [[nodiscard]] std::uint32_t power_cuts() const { return power_cuts_; }

  // The owner pauses leased work, or lets it go on.
  void set_pause(bool paused);
  // When work was paused last; `to` is Instant::max() while it is.
  [[nodiscard]] std::optional<policies::terms::Span> last_pause() const { return last_pause_; }
  // The disk forgets a bit of what it holds for others.
  void rot();

  // What a task computes: the same on every machine that is honest. Some results are too large for a message.
  static std::string result_of(const std::string& parameters_json);

  // --- faults that the design does not bear, for the tests of the invariants
  // Its tasks take half a day, and go on whatever the agent says.
  void become_deaf() { deaf_ = true; }
  // Its results are wrong. (A few such machines the design does bear.)
  void lie() { lies_ = true; }
  // All that it holds for others is gone, and it does not notice before it starts again.
  void lose_vault();

 private:
  struct Running {
    agent::sandbox::TaskSpec spec;
    Duration left{0};
    Duration used{0};
    bool frozen = false;
    Instant since;
    std::uint64_t turn = 0;
  };

  // agent::daemon::Exchange
  void begin_nonce() override;
  void begin_enrolment(const std::string& dsse) override;
  void begin_frame(const std::string& encoded) override;
  void begin_receipt(const std::string& dsse) override;
  void begin_slot_key() override {}  // its vault is a plain folder: nothing is asked
  void present(const std::string&) override {}
  // agent::daemon::ElementTransfer
  void begin_get(std::uint64_t transfer, const Digest& digest, Bytes size_max, const std::string& ticket) override;
  void begin_put(std::uint64_t transfer, const Digest& digest, std::string bytes, const std::string& ticket) override;
  // agent::sandbox::Sandbox
  const agent::sandbox::SandboxAbilities& abilities() const override { return abilities_; }
  Done start(const agent::sandbox::TaskSpec& spec) override;
  void freeze(const AssignmentId& assignment) override;
  void thaw(const AssignmentId& assignment) override;
  void ask_to_stop(const AssignmentId& assignment) override;
  void ask_checkpoint(const AssignmentId&) override {}
  void kill(const AssignmentId& assignment) override;
  Result<std::string> checkpoint(const std::string&) override;
  Done discard(const std::string&) override { return {}; }
  // agent::daemon::OwnerDesk
  std::optional<agent::consent::Answer> terms_answer(const agent::contract::TermsDocument&) override;
  std::optional<agent::contract::Choice> renewal_answer(const agent::daemon::RenewalQuestion&) override;
  std::string pause_text() override;
  void tell(const std::string&) override {}
  // agent::daemon::Releaser
  void begin_release(const std::string& order) override;

  // Asks over a network that may lose the question or the answer; `give` hands the outcome to the agent.
  template <typename Answer>
  void ask(std::function<Answer()> question, std::function<agent::daemon::Event(const Answer&)> give);
  void deliver_later(Duration span, agent::daemon::Event event);
  [[nodiscard]] std::set<std::string> held_on_disk();
  void run_for_a_while(const AssignmentId& assignment);
  void pause_task(Running& task);
  void end_task(const AssignmentId& assignment, agent::sandbox::EndKind kind);
  void step();
  void step_at(Instant when);

  Timeline& timeline_;
  ControllerDoor& door_;
  Watch& watch_;
  const policies::terms::ZoneRules& zones_;
  Faults faults_;
  agent::daemon::Identity identity_;
  std::uint64_t seed_;
  agent::sandbox::SandboxAbilities abilities_{true, ""};
  tests::fakes::MemoryFiles files_;
  std::unique_ptr<agent::daemon::Agent> agent_;
  std::uint64_t life_ = 0;  // counts power cuts: what was begun in an earlier life is not heard of
  std::uint64_t wake_ = 0;  // only the newest appointed step counts
  bool stepping_ = false;
  bool vanished_ = false;
  bool disk_given_back_ = false;
  bool deaf_ = false;
  bool lies_ = false;
  std::uint32_t power_cuts_ = 0;
  std::optional<policies::terms::Span> last_pause_;
  std::set<std::string> held_when_cut_;
  std::map<AssignmentId, Running> running_;
  std::optional<agent::contract::Choice> terms_answer_;
  std::optional<agent::contract::Choice> renewal_answer_;
};

}  // namespace simulation
