// A whole machine for tests: the production agent over a disk in memory, a scripted sandbox, owner and controller.
#pragma once

#include <gtest/gtest.h>

#include "agent/daemon/agent.h"
#include "tests/fakes/memory_files.h"
#include "tests/fakes/scripted_controller.h"
#include "tests/fakes/scripted_sandbox.h"
#include "tests/fakes/utc_zone.h"

namespace agent::daemon {

using tests::fakes::MemoryFiles;
using tests::fakes::ScriptedController;
using tests::fakes::ScriptedSandbox;

class ScriptedOwner final : public OwnerDesk {
 public:
  std::optional<contract::Choice> terms;
  std::optional<contract::Choice> renewal;
  std::string pause;
  std::vector<std::string> heard;
  int asked = 0;
  std::optional<consent::Answer> terms_answer(const contract::TermsDocument&) override {
    ++asked;
    if (!terms) return std::nullopt;
    return consent::Answer{.choice = *terms, .name = "Alice Example"};
  }
  std::optional<contract::Choice> renewal_answer(const RenewalQuestion&) override { return renewal; }
  std::string pause_text() override { return pause; }
  void tell(const std::string& text) override { heard.push_back(text); }
};

inline constexpr Instant rig_begin = Instant{Duration{1'800'000'000'000}};

struct Rig {
  explicit Rig(std::uint64_t seed_of_files = 1, std::string hours = "always")
      : files(seed_of_files), controller(rig_begin) {
    controller.now = now;
    terms.text = "The terms.";
    terms.canonical = R"({"processor_hours": ")" + hours + R"(", "zone": "UTC"})";
    terms.digest = images::keys::sha256(terms.canonical);
    line.emplace(*images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey));
    device.emplace(*images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey));
    voucher = {.serial = "PC-1",
               .machine = MachineId{device->id().text},
               .order = OrderId{"order-1"},
               .owner = PartyId{"alice"},
               .model = "home",
               .terms = TermsId{"home-night"},
               .terms_version = 1,
               .terms_digest = terms.digest,
               .offer = OfferId{"home"},
               .zone = "UTC",
               .plan_digest = images::keys::sha256("plan"),
               .lease = mebibytes(64),
               .processor_mhz = 1000,
               .made_at = ScriptedController::whole(now)};
    sandbox.ended = [this](const sandbox::TaskEnd& end) {
      if (agent) agent->deliver(end);
    };
  }

  Identity identity() const {
    return {.device_key = *device,
            .voucher = *images::keys::sign_statement(contract::voucher_type, contract::payload_of(voucher), *line),
            .voucher_facts = voucher,
            .terms = terms,
            .authority_pem = controller.authority_pem};
  }

  // Power on: the agent starts over whatever the disk holds. False when it could not.
  bool start() {
    AgentSettings settings;
    settings.state_folder = "/state";
    settings.vault_folder = "/vault";
    settings.poll = {
        .first = Duration{1'000}, .interval = Duration{60'000}, .interval_max = Duration{3'600'000}, .jitter = 0.0};
    Result<std::unique_ptr<Agent>> made =
        Agent::start({files, controller, controller, sandbox, owner, controller, zones, opener}, settings, identity(),
                     {.agent_version = "test",
                      .operating_system = "test",
                      .processors = 4,
                      .processor_mhz = 1000,
                      .memory = gibibytes(8)},
                     ++lives, {.now = now, .running = running});
    if (!made) return false;
    agent = *std::move(made);
    controller.machine = agent.get();
    return true;
  }
  void lose_power() {
    agent.reset();
    sandbox.running.clear();
    sandbox.frozen.clear();
    if (files.is_off()) {
      files.power_on();
    } else {
      files.cut_power();
    }
  }

  // One step; false when the agent must be dropped.
  bool step() {
    controller.now = now;
    Result<Duration> waits = agent->step({.now = now, .running = running});
    if (!waits) {
      failure = waits.error().text();
      return false;
    }
    wait = *waits;
    return true;
  }
  void pass(Duration span) {
    now += span;
    running += span;
  }
  // Steps until `done` or nothing is left to wait for within `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit = Duration{6 * 3'600'000}) {
    const Duration end = running + limit;
    while (running < end) {
      if (!step()) return false;
      finish_tasks();
      if (done()) return true;
      pass(std::clamp(wait, Duration{1}, Duration{60'000}));
    }
    return false;
  }
  void finish_tasks() {
    while (finishes_tasks && !sandbox.running.empty()) {
      const sandbox::TaskSpec task = sandbox.running.begin()->second;
      sandbox.finish(task.assignment, result_of(task.parameters_json), Duration{250});
    }
  }
  static std::string result_of(const std::string& parameters) {
    return parameters == "large" ? std::string(100'000, 'L') : "result of " + parameters;
  }

  // What the controller was told, of one kind.
  template <typename Kind>
  std::vector<const Kind*> told(const Kind& (contract::Message::*get)() const,
                                bool (contract::Message::*has)() const) const {
    std::vector<const Kind*> found;
    for (const contract::Message& message : controller.told) {
      if ((message.*has)()) found.push_back(&(message.*get)());
    }
    return found;
  }
  std::vector<const contract::TaskStatus*> task_statuses() const {
    return told(&contract::Message::task_status, &contract::Message::has_task_status);
  }
  std::vector<const contract::ShardStatus*> shard_statuses() const {
    return told(&contract::Message::shard_status, &contract::Message::has_shard_status);
  }

  contract::Assignment assignment(const std::string& name, const std::string& parameters,
                                  Duration deadline = Duration{24 * 3'600'000}) {
    const std::string program = "the program";
    controller.elements[images::keys::sha256(program)] = program;
    contract::Assignment made;
    made.set_assignment(name);
    made.set_task("job/1");
    made.set_job("job");
    contract::Element& element = *made.add_elements();
    element.set_name("tile");
    element.set_digest(images::keys::sha256(program).text);
    element.set_size(program.size());
    element.set_executable(true);
    made.set_entry("tile");
    made.set_parameters_json(parameters);
    made.set_deadline_ms((now + deadline).time_since_epoch().count());
    made.set_result_ticket("a ticket");
    return made;
  }
  void order_store(std::uint64_t request, const std::string& shard, const std::string& bytes) {
    controller.elements[images::keys::sha256(bytes)] = bytes;
    contract::Message message;
    message.mutable_store_shard()->set_request(request);
    message.mutable_store_shard()->set_shard(shard);
    message.mutable_store_shard()->set_digest(images::keys::sha256(bytes).text);
    message.mutable_store_shard()->set_size(bytes.size());
    controller.send(message);
  }
  void order_send(std::uint64_t request, const std::string& shard, const Digest& digest) {
    contract::Message message;
    message.mutable_send_shard()->set_request(request);
    message.mutable_send_shard()->set_shard(shard);
    message.mutable_send_shard()->set_digest(digest.text);
    controller.send(message);
  }
  void order_delete(std::uint64_t request, const std::string& shard, const Digest& digest) {
    contract::Message message;
    message.mutable_delete_shard()->set_request(request);
    message.mutable_delete_shard()->set_shard(shard);
    message.mutable_delete_shard()->set_digest(digest.text);
    controller.send(message);
  }
  void order_release(const std::string& reason) {
    contract::Message drain;
    drain.mutable_drain()->set_reason(reason);
    controller.send(drain);
    contract::Message release;
    release.mutable_release()->set_dsse(controller.release_order(voucher.machine, reason));
    controller.send(release);
  }
  void send_offer(const std::string& offer) {
    contract::Message message;
    message.mutable_renewal_offer()->set_agreement("agreement-1");
    message.mutable_renewal_offer()->set_offer(offer);
    message.mutable_renewal_offer()->set_text("Another year?");
    controller.send(message);
  }

  MemoryFiles files;
  ScriptedSandbox sandbox;
  ScriptedOwner owner;
  ScriptedController controller;
  tests::fakes::UtcZone zones;
  LeaseOpener* opener = nullptr;  // none: the vault is a plain folder
  contract::TermsDocument terms;
  std::optional<images::keys::PrivateKey> line;
  std::optional<images::keys::PrivateKey> device;
  contract::Voucher voucher;
  Instant now = rig_begin;
  Duration running{0};
  Duration wait{0};
  std::uint64_t lives = 0;
  bool finishes_tasks = true;
  std::string failure;
  std::unique_ptr<Agent> agent;
};

}  // namespace agent::daemon
