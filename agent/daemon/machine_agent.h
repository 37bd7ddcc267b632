// The Agent of agent.h, in parts: phases and pacing (machine_agent.cc), enrolment and release (lease_ends.cc), messages
// (machine_messages.cc). Nothing outside this folder includes it.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "agent/consent/consent.h"
#include "agent/daemon/agent.h"
#include "agent/daemon/shard_work.h"
#include "agent/journal/journal.h"
#include "agent/link/session.h"

namespace agent::daemon {

class MachineAgent final : public Agent {
 public:
  MachineAgent(Ports ports, AgentSettings settings, Identity identity, MachineFacts facts, std::uint64_t seed,
               Moment moment, journal::Journal journal, link::Session session);

  // Reads the phase and what belongs to it. Called once, before anything else.
  Done resume();

  void deliver(Event event) override { inbox_.push_back(std::move(event)); }
  Result<Duration> step(Moment moment) override;
  [[nodiscard]] AgentReport report() const override;
  [[nodiscard]] std::vector<vault::HeldShard> shards() const override;

 private:
  // What exists only while resources are furnished.
  struct Lease {
    std::optional<vault::Vault> vault;  // none while the lease partition is not open: no storage is furnished then
    engine::Engine engine;
    ShardWork shards;
    std::optional<presence::Calendar> calendar;
  };
  struct Question {
    RenewalQuestion asked;
    std::string entry;  // its name in the journal
  };
  using Transfer = std::variant<ShardTransfer, Digest, AssignmentId>;  // a shard, an element for tasks, a result

  // machine_agent.cc
  Done begin_lease();
  Done handle(Event& event);
  Done act();
  Done act_leased();
  Done commit();
  void stage_session();
  Done say(const contract::Message& message);
  Done introduce_ourselves();
  Done report_status();
  Done carry_out(engine::Wishes wishes);
  Done move_shards();
  Done ask_owner();
  void poll();
  void open_session();
  Done frame_arrived(const Result<std::string>& encoded);
  Done element_arrived(ElementArrived& event);
  Done element_taken(ElementTaken& event);
  [[nodiscard]] Duration wait() const;
  void set_phase(Phase phase);
  void calm(const Error& error);
  [[nodiscard]] Duration until(Duration moment) const { return std::max(Duration{0}, moment - moment_.running); }

  // lease_partition.cc
  Done open_partition();
  Done partition_answered(const Result<partition::OpenAnswer>& answer);
  Done open_vault(Bytes capacity);
  Done refuse_shard(std::uint64_t request, const std::string& shard);
  [[nodiscard]] Bytes vault_budget() const;
  [[nodiscard]] bool partition_settled() const;

  // lease_ends.cc
  Done await_answer();
  void enrol();
  Done nonce_arrived(const Result<Nonce>& nonce);
  Done enrolled(const Result<EnrolmentAnswer>& answer);
  Done keep_certificate(const std::string& pem);
  [[nodiscard]] bool certificate_expired() const;
  Done ask_new_certificate();
  Done take_release_order(const std::string& dsse);
  Done release();
  Done disk_released(Result<contract::Receipt> receipt);
  Done receipt_taken(const Done& done);
  Done load_certificate(const std::string& pem);
  Result<images::keys::PublicKey> controller_key() const;

  // machine_messages.cc
  Done handle_message(const contract::Message& message);
  Done take_assignment(const contract::Assignment& assignment);
  Done take_config(const std::string& serialized);
  Done take_offer(const std::string& serialized);
  Done answer_about_task(const AssignmentId& assignment);
  Done answer_with_checkpoint(const AssignmentId& assignment);
  Done answer_with_contents();
  Done answer_with_cache();
  Done fault(const std::string& where, const Error& error);
  Done report_task(const engine::Report& report);

  Ports ports_;
  AgentSettings settings_;
  Identity identity_;
  MachineFacts facts_;
  Random random_;
  Moment moment_;
  std::unique_ptr<journal::Journal> journal_;  // its address is known to the engine
  link::Session session_;
  consent::ConsentBook book_;
  std::deque<Event> inbox_;

  Phase phase_ = Phase::AwaitingAnswer;
  std::optional<consent::Record> consent_;
  std::optional<images::keys::PublicKey> controller_key_;
  std::optional<Lease> lease_;
  std::unique_ptr<partition::Opening> opening_;  // while a lease is there and its partition must be opened
  std::string vault_trouble_;                    // why an opened partition's vault cannot be read
  bool introduced_ = false;
  std::string staged_session_;  // as of the last stage_session()
  std::uint64_t staged_revision_ = UINT64_MAX;
  std::uint64_t staged_up_to_ = 0;  // highest sequence of ours in the journal

  bool busy_ = false;       // something is under way on the message channel
  bool releasing_ = false;  // the disk is being given back
  Duration next_exchange_{0};
  Duration next_look_{0};  // at the owner's desk
  link::PollLimits poll_limits_;
  link::PollSchedule schedule_;
  std::uint64_t next_transfer_ = 1;
  std::map<std::uint64_t, Transfer> transfers_;
  presence::Presence presence_;
  std::string last_status_;
  std::optional<Duration> status_sent_;
  std::optional<presence::Presence> told_presence_;  // with the newest status
  std::optional<Instant> certificate_from_;
  std::optional<Instant> certificate_until_;
  std::optional<Duration> certificate_asked_;
  std::optional<Duration> release_ordered_;
  std::map<std::string, Question> questions_;
  std::string agreement_;
  std::string trouble_;
  std::uint32_t release_attempts_ = 0;
};

}  // namespace agent::daemon
