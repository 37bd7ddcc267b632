// The whole logic of one leased machine: from the owner's answer to the receipt for the disk given back. Everything
// outside comes through ports, time comes as a value; so a test runs fifty of these in one process, cuts their power
// and moves their clocks.
//
//   AwaitingAnswer -> Enrolling -> Leased -> Draining -> Releasing -> Reporting -> Released
//                          \-(declined)------------------^
//
// Durability: what a received frame changed is committed to one journal together with the session's place, before the
// frame that acknowledges it is sent. Everything else is found again by doing it again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/contract/statements.h"
#include "agent/contract/terms_document.h"
#include "agent/daemon/events.h"
#include "agent/daemon/ports.h"
#include "agent/engine/engine.h"
#include "agent/link/poll_schedule.h"
#include "agent/presence/presence.h"
#include "agent/sandbox/sandbox.h"
#include "agent/vault/vault.h"
#include "images/files/files.h"
#include "images/keys/keys.h"
#include "policies/terms/zone.h"

namespace agent::daemon {

// Two clocks: what time it is, and how long the agent has run. The first may jump (an owner sets it, a rehearsal steps
// it) and decides windows and validity; the second only goes on and paces polls and attempts.
struct Moment {
  Instant now;
  Duration running{0};
};

enum class Phase { AwaitingAnswer, Enrolling, Leased, Draining, Releasing, Reporting, Released };
std::string_view name_of(Phase phase);

struct MachineFacts {
  std::string agent_version;
  std::string operating_system;
  std::uint32_t processors = 1;
  std::uint32_t processor_mhz = 1000;
  Bytes memory;
};

struct AgentSettings {
  std::string state_folder;  // journal, consent, cache, tasks, the owner's copies
  std::string vault_folder;  // shards
  Bytes vault_budget;        // 0: the lease of the voucher
  link::PollLimits poll;
  engine::EngineSettings engine;
  Duration answer_poll{2'000};      // between looks at the owner's desk while an answer is awaited
  Duration desk_poll{1'000};        // between looks otherwise
  Duration status_pause{60'000};    // at least this long between two NodeStatus, unless window or owner changed
  std::uint32_t transfers_max = 2;  // shards on their way at once
  std::uint32_t transfer_attempts_max = 8;
  Duration certificate_pause{3'600'000};  // between two requests for a new certificate
  std::uint32_t queue_ceiling = 256;      // the controller may ask for less, never for more
  std::uint32_t running_ceiling = 1;
  Duration release_flush_max{60'000};  // how long last reports may hold up a release
};

// Who this machine is; from the files that provisioning left.
struct Identity {
  images::keys::PrivateKey device_key;
  std::string voucher;  // DSSE
  contract::Voucher voucher_facts;
  contract::TermsDocument terms;
  std::string authority_pem;  // the only authority whose certificates are taken
};

struct Ports {
  images::files::Files& files;
  Exchange& exchange;
  ElementTransfer& transfer;
  sandbox::Sandbox& sandbox;
  OwnerDesk& desk;
  Releaser& releaser;
  const policies::terms::ZoneRules& zones;  // of the consented lease hours
  LeaseOpener* opener = nullptr;            // nullptr: the vault is a plain folder, there is nothing to be opened
};

// What there is to say about the agent now; for status and for tests.
struct AgentReport {
  Phase phase = Phase::AwaitingAnswer;
  presence::Presence presence{};
  std::string agreement{};
  std::uint32_t running = 0;
  std::uint32_t queued = 0;
  std::uint64_t shards = 0;
  Bytes vault_used{};
  Bytes vault_available{};
  bool sandbox = false;
  std::string sandbox_reason{};
  std::int64_t earned_minor = 0;
  std::string currency{};
  std::uint64_t tasks_done = 0;
  std::string renewal_text{};  // of an offer not answered yet
  std::string partition{};         // "opening", "sound", "unavailable"; empty when the vault is a plain folder
  std::string partition_reason{};  // why it is unavailable
  std::string trouble{};       // the last failure in talking to the controller; empty when all is well
  bool operator==(const AgentReport&) const = default;
};

class Agent {
 public:
  // Reads what was durable. Corrupt when it cannot be read: nothing is furnished then. The ports must outlive the
  // agent.
  static Result<std::unique_ptr<Agent>> start(Ports ports, AgentSettings settings, Identity identity,
                                              MachineFacts facts, std::uint64_t seed, Moment moment);
  virtual ~Agent() = default;

  // Something happened. Only queues it: call step() soon. Not safe for use by two threads at once.
  virtual void deliver(Event event) = 0;
  // Does all that is due and begins what can be begun. Returns the span after which to call again although nothing was
  // delivered; Duration::max() after Released. An error means that what is durable and what is in memory may differ:
  // drop this agent and start another over the same files.
  virtual Result<Duration> step(Moment moment) = 0;
  [[nodiscard]] virtual AgentReport report() const = 0;
  // Every shard that the vault holds.
  [[nodiscard]] virtual std::vector<vault::HeldShard> shards() const = 0;
};

}  // namespace agent::daemon
