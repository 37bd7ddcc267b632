// What happens to the cast: power, losses, and what clients do.
#include <gtest/gtest.h>

#include "fleet/objects/objects.h"
#include "tests/simulation/fleet_world.h"
#include "tests/simulation/thing.h"

namespace simulation {
namespace {

using namespace std::chrono_literals;
using fleet::operations::Operations;
using fleet::store::Batch;

fleet::registry::Caller as_client(const PartyId& client) {
  fleet::registry::Caller caller;
  caller.party = client;
  caller.client = true;
  return caller;
}

PartyId client_of(int number) { return PartyId(number % 2 == 0 ? "acme" : "zenith"); }

}  // namespace

// On for a day or so, then off for minutes to hours, often by the plug.
void FleetWorld::switch_on_and_off(Machine& machine) {
  if (gone_.contains(machine.id())) return;
  machine.switch_on();
  if (timeline_.random().chance(plan_.pause_rate)) timeline_.after(timeline_.between(0h, 24h), [this, &machine] { pause_for_a_while(machine); });
  timeline_.after(timeline_.between(6h, 60h), [this, &machine] {
    // Half of the cuts wait for a write to the disk, and come in the middle of it.
    const bool in_a_write = timeline_.random().chance(0.5);
    if (in_a_write) machine.cut_power_at_write(1 + timeline_.random().below(6));
    timeline_.after(in_a_write ? Duration(3h) : Duration(0), [this, &machine] {
      machine.cut_power();
      const bool quiet = timeline_.now() >= timeline_.beginning() + 24h * plan_.days;
      const bool long_absence = !quiet && timeline_.random().chance(plan_.long_absence_rate);
      timeline_.after(long_absence ? timeline_.between(32h, 80h) : timeline_.between(5min, 9h), [this, &machine] { switch_on_and_off(machine); });
    });
  });
}

void FleetWorld::plan_vanishing() {
  for (int i = 0; i < plan_.vanishing; ++i) {
    // Far enough apart that what one held is rebuilt before the next goes.
    timeline_.at(timeline_.beginning() + 24h * (6 + 5 * i) + timeline_.between(0h, 12h), [this, i] {
      Machine& lost = machine(plan_.silent + plan_.declining + plan_.lying + 7 * i + 1);
      gone_.insert(lost.id());
      lost.vanish();
    });
  }
}

void FleetWorld::pause_for_a_while(Machine& machine) {
  machine.set_pause(true);
  timeline_.after(timeline_.between(2min, 3h), [&machine] { machine.set_pause(false); });
}

void FleetWorld::plan_rot() {
  for (int i = 0; i < plan_.rotting; ++i)
    timeline_.at(timeline_.beginning() + 24h * (8 + 5 * i) + timeline_.between(0h, 24h), [this] {
      machine(static_cast<int>(timeline_.random().below(machines_.size()))).rot();
    });
}

// Staff end one agreement that its owner would have renewed, empty one machine and give up another that is well.
void FleetWorld::plan_words_of_staff() {
  const int first = plan_.silent + plan_.declining + plan_.lying;
  if (plan_.machines < first + 30) return;
  const auto say = [this](int number, Duration from, std::function<Done(Operations&, Batch&, const MachineId&)> act) {
    timeline_.at(timeline_.beginning() + from + timeline_.between(0h, 48h), [this, number, act] {
      keep_trying([this, number, act]() -> bool {
        const MachineId id = machine(number).id();
        const auto done = controller_->ask<Done>([&](Operations& operations, Batch& batch) { return act(operations, batch, id); });
        if (done && !*done) find({"staff were refused: " + done->error().text()});
        return done.has_value();
      });
    });
  };
  const int ending = first + (first % 3 == 1 ? 3 : first % 3 == 0 ? 1 : 2);  // one that would accept the renewal
  terminated_.insert(machine(ending).id());
  say(ending, 24h * 9, [this](Operations& operations, Batch& batch, const MachineId& id) {
    return operations.terminate_agreement(operations.machine(id, timeline_.now())->machine.agreement, "staff", "moved abroad", timeline_.now(), batch);
  });
  say(first + 4, 24h * 7, [this](Operations& operations, Batch& batch, const MachineId& id) {
    return operations.drain_machine(id, "staff", "repair", timeline_.now(), batch);
  });
  say(first + 5, 24h * 12, [this](Operations& operations, Batch& batch, const MachineId& id) {
    return operations.give_up_machine(id, "staff", "reported stolen", timeline_.now(), batch);
  });
}

void FleetWorld::keep_trying(std::function<bool()> act) {
  if (act()) return;
  timeline_.after(timeline_.between(1min, 20min), [this, act = std::move(act)] { keep_trying(act); });
}

void FleetWorld::put_object(int number) {
  const PartyId client = client_of(number);
  const ObjectId id("object-" + std::to_string(number));
  Thing thing;
  thing.client = client;
  Random random(plan_.seed * 77 + static_cast<std::uint64_t>(number));
  for (std::uint64_t left = 500 + random.below(4000); left > 0; --left) thing.content += static_cast<char>(random.below(256));
  thing.secret = std::string(fleet::objects::client_secret_size, static_cast<char>(number + 1));
  thing.code = number % 3 == 0 ? fleet::objects::Code{2, 4} : number % 3 == 1 ? fleet::objects::Code{2, 5} : fleet::objects::Code{4, 8};
  const auto sealed = fleet::objects::seal_object(id, thing.content, {"name", "", {}, {}, timeline_.now()}, thing.code, thing.secret);
  ASSERT_TRUE(sealed) << sealed.error().text();
  thing.shards = sealed->shards;
  thing.sealed_facts = sealed->sealed_facts;
  keep_trying([this, number, id, client, thing, bytes = sealed->shard_bytes]() -> bool {
    fleet::placement::ObjectOrder order{id, client, images::keys::base64_of(thing.sealed_facts), static_cast<std::uint32_t>(thing.code.data),
                                        static_cast<std::uint32_t>(thing.code.total), {}};
    for (const auto& shard : thing.shards) {
      const auto put = controller_->ask<Result<fleet::operations::ElementPut>>([&](Operations& operations, Batch& batch) {
        return operations.put_element(as_client(client), shard.digest, bytes[shard.index], "", timeline_.now(), batch);
      });
      if (!put) return false;
      if (!*put) find({"a client could not put: " + put->error().text()});
      order.shards.push_back({static_cast<std::uint32_t>(shard.index), shard.digest, shard.size});
    }
    const auto stored = controller_->ask<Result<fleet::placement::ObjectView>>(
        [&](Operations& operations, Batch& batch) { return operations.put_object(order, timeline_.now(), batch); });
    if (!stored) return false;
    if (!*stored) find({id.text + " was refused: " + stored->error().text()});
    things_[id.text] = thing;
    if (number < plan_.objects_removed) timeline_.after(timeline_.between(0h, 72h), [this, number] { remove_object(number); });
    return true;
  });
}

void FleetWorld::remove_object(int number) {
  const std::string id = "object-" + std::to_string(number);
  // From the moment of asking nobody promises anything about it.
  const PartyId client = things_.at(id).client;
  things_.erase(id);
  removed_.insert(id);
  keep_trying([this, id, client]() -> bool {
    const auto removed = controller_->ask<Done>(
        [&](Operations& operations, Batch& batch) { return operations.remove_object(client, ObjectId(id), timeline_.now(), batch); });
    // NotFound: it was removed, and only the answer was lost.
    if (removed && !*removed && removed->error().code != ErrorCode::NotFound) find({id + " could not be removed: " + removed->error().text()});
    return removed.has_value();
  });
}

void FleetWorld::stop_and_resume(const PartyId& client, const JobId& job) {
  for (const bool stop : {true, false})
    timeline_.after(stop ? 0h : 30h, [this, client, job, stop] {
      keep_trying([this, client, job, stop]() -> bool {
        const auto done = controller_->ask<Result<fleet::scheduler::JobView>>([&](Operations& operations, Batch& batch) {
          return stop ? operations.stop_job(client, job, timeline_.now(), batch) : operations.resume_job(client, job, timeline_.now(), batch);
        });
        // Conflict: it was done before.
        if (done && !*done && done->error().code != ErrorCode::Conflict) find({job.text + " was not stopped or resumed: " + done->error().text()});
        return done.has_value();
      });
    });
}

void FleetWorld::submit_job(int number) {
  const PartyId client = client_of(number);
  fleet::scheduler::JobOrder order;
  order.client = client;
  order.idempotency_key = "job-" + std::to_string(number);
  order.name = order.idempotency_key;
  order.entry = "program";
  const std::string program = "program of job " + std::to_string(number);
  order.elements = {{"program", images::keys::sha256(program), Bytes{program.size()}, true}};
  order.copies = 2;
  std::vector<std::string> parameters;
  for (int task = 0; task < plan_.tasks_a_job; ++task) {
    parameters.push_back(R"({"job":)" + std::to_string(number) + R"(,"task":)" + std::to_string(task) + "}");
    order.tasks.push_back({{}, parameters.back()});
  }
  keep_trying([this, number, client, order, program, parameters]() -> bool {
    const auto put = controller_->ask<Result<fleet::operations::ElementPut>>([&](Operations& operations, Batch& batch) {
      return operations.put_element(as_client(client), order.elements[0].digest, program, "", timeline_.now(), batch);
    });
    if (!put) return false;
    if (!*put) find({"a client could not put: " + put->error().text()});
    const auto job = controller_->ask<Result<fleet::scheduler::JobView>>(
        [&](Operations& operations, Batch& batch) { return operations.submit_job(order, timeline_.now(), batch); });
    if (!job) return false;
    if (!*job) find({order.name + " was refused: " + job->error().text()});
    if (!*job) return true;
    jobs_[(*job)->job.text] = parameters;
    if (number % 4 == 0) timeline_.after(timeline_.between(1h, 24h), [this, client, id = (*job)->job] { stop_and_resume(client, id); });
    return true;
  });
}

// As a client does: asks until enough shards are with the controller, gets them, opens them.
bool FleetWorld::read_back(const std::string& object, const Thing& thing) {
  const ObjectId id(object);
  const auto asked = controller_->ask<Result<fleet::placement::Retrieval>>(
      [&](Operations& operations, Batch& batch) { return operations.retrieve(thing.client, id, timeline_.now(), batch); });
  if (!asked || !*asked || (**asked).waiting > 0) return false;
  fleet::objects::Shards have;
  for (const fleet::placement::ShardOrder& shard : (**asked).ready) {
    const auto part = controller_->ask<Result<fleet::operations::ElementPart>>([&](Operations& operations, Batch&) {
      return operations.get_element(as_client(thing.client), shard.digest, 0, "", timeline_.now());
    });
    if (!part || !*part) return false;
    have[shard.index] = (**part).bytes;
  }
  const auto content = fleet::objects::open_object(id, thing.sealed_facts, thing.code, thing.shards, have, thing.secret);
  if (!content) find({object + " cannot be opened: " + content.error().text()});
  if (content && *content != thing.content) find({object + " has another content than was put"});
  return true;
}

void FleetWorld::read_back_all() {
  for (int tries = 0; tries < 12 * 48 && read_.size() < things_.size(); ++tries) {
    for (const auto& [object, thing] : things_)
      if (!read_.contains(object) && read_back(object, thing)) read_.insert(object);
    happenings_ += timeline_.run_until(timeline_.now() + 5min);
  }
  for (const auto& [object, thing] : things_)
    if (!read_.contains(object)) find({object + " cannot be read back"});
}

}  // namespace simulation
