// Goal: what a leased machine lives through: work, objects, loss and return, renewal and the end; and that none of it depends on the
// controller staying alive.
// Method: scripted machines of several owners against Operations in memory, in virtual time; the whole story is told once with an
// undisturbed controller and then with one that is built anew from the store after every few commits, and must end the same.
#include <gtest/gtest.h>

#include "fleet/objects/objects.h"
#include "images/keys/statement.h"
#include "policies/vocabulary/random.h"
#include "tests/fleet/operations/rig.h"

namespace tests::fleet_operations {
namespace {

using terms::AgreementState;
using terms::MachineState;
using std::chrono::hours;
using std::chrono::minutes;

std::string contents_of(std::size_t size) {
  std::string bytes(size, 'x');
  policies::vocabulary::Random random(7);
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

operations::Settings calling_each(Duration interval) {
  operations::Settings settings;
  settings.poll_interval = interval;
  return settings;
}

// Four machines of four owners, leased and introduced.
struct Fleet {
  Rig& rig;
  std::vector<std::unique_ptr<ScriptedMachine>> machines;

  explicit Fleet(Rig& its_rig, int count = 4) : rig(its_rig) {
    for (int i = 0; i < count; ++i) {
      machines.push_back(std::make_unique<ScriptedMachine>(rig, "SN-" + std::to_string(i), "owner-" + std::to_string(i)));
      const auto answer = machines.back()->enrol(contract::Choice::Accepted);
      EXPECT_TRUE(answer) << answer.error().text();
      machines.back()->introduce();
    }
    settle();
  }
  void settle() {
    for (int i = 0; i < 12; ++i)
      for (ScriptedMachine* machine : rig.machines) machine->call();
  }
};

struct Put {
  ObjectId id{"object-1"};
  fleet::objects::SealedObject sealed;
  std::string content = contents_of(100'000);
  std::string secret = std::string(32, 's');
};

Put put(Rig& rig) {
  Put one;
  one.sealed = *fleet::objects::seal_object(one.id, one.content, {"a.bin", "application/octet-stream", {}, {}, rig.now}, {2, 3}, one.secret);
  fleet::placement::ObjectOrder order;
  order.object = one.id;
  order.client = rig.client.party;
  order.sealed_facts = keys::base64_of(one.sealed.sealed_facts);
  order.data_shards = 2;
  order.total_shards = 3;
  for (const auto& shard : one.sealed.shards) {
    const auto element = rig.use([&](auto& o, auto& b) { return o.put_element(rig.client, shard.digest, one.sealed.shard_bytes[shard.index], "", rig.now, b); });
    EXPECT_TRUE(element) << element.error().text();
    order.shards.push_back({static_cast<std::uint32_t>(shard.index), shard.digest, shard.size});
  }
  const auto object = rig.use([&](auto& o, auto& b) { return o.put_object(order, rig.now, b); });
  EXPECT_TRUE(object) << object.error().text();
  return one;
}

std::string state_of(Rig& rig, const ObjectId& id) {
  const auto object = rig.ops().object(rig.client.party, id);
  return object ? std::string(name_of(object->state)) : object.error().text();
}

// Fetches the object as a client does, with machines calling meanwhile. A machine that is off counts as online for a while.
Result<std::string> get(Rig& rig, const Put& one) {
  for (int i = 0; i < 20; ++i) {
    const auto retrieval = rig.use([&](auto& o, auto& b) { return o.retrieve(rig.client.party, one.id, rig.now, b); });
    if (!retrieval && retrieval.error().code != ErrorCode::Unavailable) return retrieval.error();
    if (retrieval && retrieval->ready.size() >= 2) {
      fleet::objects::Shards have;
      for (const auto& shard : retrieval->ready) {
        const auto part = rig.ops().get_element(rig.client, shard.digest, 0, "", rig.now);
        if (!part) return part.error();
        have.emplace(shard.index, part->bytes);
      }
      return fleet::objects::open_object(one.id, one.sealed.sealed_facts, {2, 3}, one.sealed.shards, have, one.secret);
    }
    rig.pass(minutes(5), minutes(5));
  }
  return Error{ErrorCode::Unavailable, "never ready", {}};
}

Result<fleet::scheduler::JobView> submit(Rig& rig, int tasks) {
  const std::string program = "#!/bin/true";
  const auto element = rig.use([&](auto& o, auto& b) { return o.put_element(rig.client, keys::sha256(program), program, "", rig.now, b); });
  EXPECT_TRUE(element);
  fleet::scheduler::JobOrder order;
  order.client = rig.client.party;
  order.idempotency_key = "once";
  order.name = "render";
  order.entry = "program";
  order.elements = {{"program", keys::sha256(program), Bytes{program.size()}, true}};
  for (int i = 0; i < tasks; ++i) order.tasks.push_back({{}, "{\"tile\":" + std::to_string(i) + "}"});
  return rig.use([&](auto& o, auto& b) { return o.submit_job(order, rig.now, b); });
}

void run_until_done(Rig& rig, const JobId& job) {
  for (int i = 0; i < 400 && rig.ops().job(rig.client.party, job)->state == fleet::scheduler::JobState::Running; ++i) rig.pass(std::chrono::seconds(5), std::chrono::seconds(5));
}

TEST(Life, AnIdlePollWritesNothing) {
  Rig rig;
  Fleet fleet(rig);
  rig.tick();
  const std::size_t before = rig.commits();
  for (int i = 0; i < 100; ++i) {
    rig.now += std::chrono::seconds(1);
    for (auto& machine : fleet.machines) EXPECT_TRUE(machine->call().empty());
  }
  EXPECT_EQ(rig.commits(), before);
}

TEST(Life, AJobIsComputedTwiceCheckedAndPaidOnce) {
  Rig rig;
  Fleet fleet(rig);
  const auto job = submit(rig, 30);
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(submit(rig, 30)->job, job->job);  // the same key: the same job
  run_until_done(rig, job->job);
  rig.tick();
  const auto done = rig.ops().job(rig.client.party, job->job);
  ASSERT_EQ(done->state, fleet::scheduler::JobState::Done) << done->reason;
  const auto tasks = rig.ops().tasks(rig.client.party, job->job, 0, 30);
  for (const auto& task : *tasks) {
    const std::string expected = result_of("{\"tile\":" + std::to_string(task.number) + "}");
    EXPECT_EQ(task.result_digest, keys::sha256(expected).text);
    EXPECT_EQ(rig.ops().get_element(rig.client, Digest(task.result_digest), 0, "", rig.now)->bytes, expected);
  }
  std::uint32_t computed = 0;
  std::uint64_t paid = 0;
  for (auto& machine : fleet.machines) {
    computed += machine->computed;
    paid += rig.ops().registry().find_machine(machine->id)->tasks_done;
  }
  EXPECT_EQ(computed, 60U);
  EXPECT_EQ(paid, 60U);
  EXPECT_GT(rig.ops().account(rig.client.party, rig.now)->spent_month.minor_units(), 0);
  const auto verified = fleet::ledger::Journal::verify(rig.store);
  ASSERT_TRUE(verified);
  EXPECT_TRUE(verified->balanced && verified->chain_intact);
}

TEST(Life, AWrongResultIsOutvotedAndRemembered) {
  Rig rig;
  Fleet fleet(rig);
  fleet.machines[0]->lies = true;
  const auto job = submit(rig, 10);
  run_until_done(rig, job->job);
  ASSERT_EQ(rig.ops().job(rig.client.party, job->job)->state, fleet::scheduler::JobState::Done);
  const auto tasks = rig.ops().tasks(rig.client.party, job->job, 0, 10);
  for (const auto& task : *tasks) EXPECT_EQ(task.result_digest, keys::sha256(result_of("{\"tile\":" + std::to_string(task.number) + "}")).text);
  EXPECT_GT(rig.ops().registry().find_machine(fleet.machines[0]->id)->odd_results, 0U);
  EXPECT_EQ(rig.ops().registry().find_machine(fleet.machines[0]->id)->tasks_done, 0U);
  // Removed, the job takes all results with it, right and wrong ones.
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.remove_job(rig.client.party, job->job, rig.now, b); }));
  EXPECT_FALSE(rig.elements.size(keys::sha256("a lie")));
  EXPECT_FALSE(rig.elements.size(keys::sha256(result_of("{\"tile\":0}"))));
}

TEST(Life, NoWorkOutsideTheWindow) {
  Rig rig;
  Fleet fleet(rig);
  rig.now = *instant_from("2026-11-22T18:00:00Z");  // noon in Chicago
  rig.tick();
  ASSERT_TRUE(submit(rig, 4));
  fleet.settle();
  for (auto& machine : fleet.machines) EXPECT_EQ(machine->computed, 0U);
  rig.now = *instant_from("2026-11-23T05:00:01Z");  // 23:00:01
  rig.tick();
  fleet.settle();
  std::uint32_t computed = 0;
  for (auto& machine : fleet.machines) computed += machine->computed;
  EXPECT_EQ(computed, 8U);
}

TEST(Life, AnObjectIsStoredOnThreeOwnersMachinesAndTheSpoolIsFreed) {
  Rig rig;
  Fleet fleet(rig);
  const Put one = put(rig);
  EXPECT_EQ(state_of(rig, one.id), "spooled");
  fleet.settle();
  EXPECT_EQ(state_of(rig, one.id), "stored");
  std::size_t holders = 0;
  for (auto& machine : fleet.machines) holders += machine->vault.size();
  EXPECT_EQ(holders, 3U);
  for (const auto& shard : one.sealed.shards) EXPECT_FALSE(rig.elements.size(shard.digest)) << "the spool keeps what is stored";
  const auto bytes = get(rig, one);
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_TRUE(*bytes == one.content);
  const auto other = rig.ops().object(PartyId("someone"), one.id);
  EXPECT_EQ(other.error().code, ErrorCode::NotFound);
}

TEST(Life, AGivenUpMachinesShardIsRebuiltElsewhereAndFreedWhenItReturns) {
  Rig rig;
  Fleet fleet(rig);
  const Put one = put(rig);
  fleet.settle();
  ScriptedMachine* lost = nullptr;
  ScriptedMachine* spare = nullptr;
  for (auto& machine : fleet.machines) (machine->vault.empty() ? spare : lost) = machine.get();
  ASSERT_NE(lost, nullptr);
  ASSERT_NE(spare, nullptr);
  std::erase(rig.machines, lost);
  EXPECT_TRUE(get(rig, one)) << "two of three suffice";
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.give_up_machine(lost->id, "staff", "it burned", rig.now, b); }));
  EXPECT_EQ(rig.ops().registry().find_machine(lost->id)->state, MachineState::Suspended);
  fleet.settle();
  EXPECT_EQ(state_of(rig, one.id), "stored");
  EXPECT_EQ(spare->vault.size(), 1U);
  EXPECT_EQ(lost->vault.size(), 1U);
  EXPECT_TRUE(get(rig, one).value_or("") == one.content);

  rig.machines.push_back(lost);
  fleet.settle();
  EXPECT_TRUE(lost->vault.empty()) << "what it held is stale";
  EXPECT_EQ(rig.ops().registry().find_machine(lost->id)->state, MachineState::Leased);
  EXPECT_FALSE(rig.ops().registry().find_machine(lost->id)->given_up);
}

TEST(Life, SilenceGivesUpAMachineButNotWhileTheControllerWasDown) {
  Rig rig(calling_each(hours(1)));
  Fleet fleet(rig);
  const Put one = put(rig);
  fleet.settle();
  ScriptedMachine* silent = nullptr;
  for (auto& machine : fleet.machines)
    if (!machine->vault.empty()) silent = machine.get();
  // The clock jumps by a month, as after a long downtime: nobody is blamed.
  rig.now += hours(24 * 30);
  rig.tick();
  for (auto& machine : fleet.machines) EXPECT_FALSE(rig.ops().registry().find_machine(machine->id)->given_up);
  std::erase(rig.machines, silent);
  rig.pass(hours(24 * 6), minutes(30));
  EXPECT_FALSE(rig.ops().registry().find_machine(silent->id)->given_up);
  rig.pass(hours(24 * 2), minutes(30));
  EXPECT_TRUE(rig.ops().registry().find_machine(silent->id)->given_up);
  EXPECT_EQ(state_of(rig, one.id), "stored");
}

TEST(Life, DeletedObjectsLeaveEveryMachine) {
  Rig rig;
  Fleet fleet(rig);
  const Put one = put(rig);
  fleet.settle();
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.remove_object(rig.client.party, one.id, rig.now, b); }));
  EXPECT_EQ(rig.ops().object(rig.client.party, one.id).error().code, ErrorCode::NotFound);
  fleet.settle();
  for (auto& machine : fleet.machines) {
    EXPECT_TRUE(machine->vault.empty());
    EXPECT_EQ(rig.ops().placement().allocated_on(machine->id), Bytes{});
  }
  EXPECT_EQ(rig.elements.used(), Bytes{});
}

TEST(Life, ADeclinedRenewalDrainsThenReleases) {
  Rig rig(calling_each(hours(1)));
  Fleet fleet(rig);
  const Put one = put(rig);
  fleet.settle();
  ScriptedMachine* leaving = nullptr;
  for (auto& machine : fleet.machines) {
    machine->renewal = contract::Choice::Accepted;
    if (!machine->vault.empty()) leaving = machine.get();
  }
  leaving->renewal = contract::Choice::Declined;
  const AgreementId agreement = rig.ops().registry().find_machine(leaving->id)->agreement;
  rig.now = *rig.ops().registry().find_agreement(agreement)->ends_at - hours(24 * 20);
  rig.tick();
  fleet.settle();
  ASSERT_TRUE(leaving->offer_seen);
  EXPECT_NE(leaving->offer_seen->find("Another year at home"), std::string::npos);
  EXPECT_EQ(rig.ops().registry().find_agreement(agreement)->state, AgreementState::Ending);
  EXPECT_FALSE(leaving->vault.empty()) << "the term still runs";
  rig.pass(hours(24 * 21), hours(1));
  EXPECT_EQ(rig.ops().registry().find_agreement(agreement)->state, AgreementState::Released);
  EXPECT_EQ(rig.ops().registry().find_machine(leaving->id)->state, MachineState::Released);
  EXPECT_TRUE(leaving->vault.empty());
  EXPECT_EQ(state_of(rig, one.id), "stored");
  EXPECT_TRUE(get(rig, one).value_or("") == one.content);
  for (auto& machine : fleet.machines)
    if (machine.get() != leaving) {
      const auto* record = rig.ops().registry().find_machine(machine->id);
      EXPECT_EQ(record->state, MachineState::Leased);
      const auto* renewed = rig.ops().registry().find_agreement(record->agreement);
      EXPECT_EQ(renewed->state, AgreementState::Active);
      EXPECT_FALSE(renewed->follows.empty());
      EXPECT_EQ(renewed->offer.text, "home-renewal");
    }
}

TEST(Life, AnUnansweredRenewalEndsTheLease) {
  Rig rig;
  Fleet fleet(rig, 1);
  ScriptedMachine& machine = *fleet.machines.front();
  rig.machines.clear();  // nobody calls
  const AgreementId agreement = rig.ops().registry().find_machine(machine.id)->agreement;
  const Instant end = *rig.ops().registry().find_agreement(agreement)->ends_at;
  rig.now = end + hours(1);  // the controller comes late: the owner still gets time to answer, and nothing is furnished meanwhile
  rig.tick();
  EXPECT_EQ(rig.ops().registry().find_agreement(agreement)->state, AgreementState::Ending);
  rig.now = end + hours(24 * 4);
  rig.tick();
  EXPECT_EQ(rig.ops().registry().find_agreement(agreement)->state, AgreementState::Releasing);
  machine.settle();
  EXPECT_EQ(rig.ops().registry().find_machine(machine.id)->state, MachineState::Released);
}

TEST(Life, NoticeRunsBeforeTheRelease) {
  Rig rig(calling_each(hours(1)));
  Fleet fleet(rig);
  ScriptedMachine& machine = *fleet.machines.front();
  const AgreementId agreement = rig.ops().registry().find_machine(machine.id)->agreement;
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.terminate_agreement(agreement, "owner", "moving house", rig.now, b); }));
  EXPECT_EQ(rig.ops().registry().find_agreement(agreement)->state, AgreementState::Terminated);
  EXPECT_EQ(rig.use([&](auto& o, auto& b) { return o.terminate_agreement(agreement, "owner", "again", rig.now, b); }).error().code, ErrorCode::Conflict);
  rig.pass(hours(24 * 31), hours(1));
  EXPECT_EQ(rig.ops().registry().find_agreement(agreement)->state, AgreementState::Released);
}

TEST(Life, AReleasedMachineHoldsNothingInTheBooksEvenWhenItNeverConfirmedADeletion) {
  Rig rig(calling_each(hours(1)));
  Fleet fleet(rig);
  const Put one = put(rig);
  fleet.settle();
  ScriptedMachine* leaving = nullptr;
  for (auto& machine : fleet.machines)
    if (!machine->vault.empty()) leaving = machine.get();
  leaving->confirms_deletions = false;
  const AgreementId agreement = rig.ops().registry().find_machine(leaving->id)->agreement;
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.terminate_agreement(agreement, "owner", "moving house", rig.now, b); }));
  rig.pass(hours(24 * 31), hours(1));
  ASSERT_EQ(rig.ops().registry().find_machine(leaving->id)->state, MachineState::Released);
  EXPECT_EQ(rig.ops().placement().allocated_on(leaving->id), Bytes{});
  for (const auto& allocation : rig.ops().placement().allocations_of(leaving->id)) EXPECT_EQ(allocation.ended_because, "the machine was released");
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.remove_object(rig.client.party, one.id, rig.now, b); }));
  fleet.settle();
  EXPECT_FALSE(rig.ops().placement().object(one.id)) << "nothing is left to wait for";
}

TEST(Life, ForeignTicketsOpenNothing) {
  Rig rig;
  Fleet fleet(rig);
  const std::string bytes = "secret";
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.put_element(rig.client, keys::sha256(bytes), bytes, "", rig.now, b); }));
  const auto machine = rig.ops().who(KeyId(fleet.machines[0]->id.text));
  EXPECT_EQ(rig.ops().get_element(machine, keys::sha256(bytes), 0, "", rig.now).error().code, ErrorCode::PermissionDenied);
  // A ticket that another machine got for a shard.
  const Put one = put(rig);
  std::string ticket;
  Digest digest;
  MachineId named;
  for (std::size_t i = 1; i < fleet.machines.size(); ++i)
    for (const auto& message : fleet.machines[i]->call())
      if (message.has_store_shard()) {
        ticket = message.store_shard().ticket();
        digest = Digest(message.store_shard().digest());
        named = fleet.machines[i]->id;
      }
  ASSERT_FALSE(ticket.empty());
  EXPECT_EQ(rig.ops().get_element(machine, digest, 0, ticket, rig.now).error().code, ErrorCode::PermissionDenied);
  const auto holder = rig.ops().who(KeyId(named.text));
  EXPECT_EQ(rig.ops().get_element(holder, digest, 0, ticket, rig.now + hours(25)).error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(rig.ops().get_element(rig.client, keys::sha256("other"), 0, "", rig.now).error().code, ErrorCode::PermissionDenied);
}

TEST(Life, WhateverAMachineSaysTheControllerStartsAgain) {
  Rig rig;
  Fleet fleet(rig, 1);
  ScriptedMachine& machine = *fleet.machines.front();
  std::string cries;
  for (int i = 0; i < 400; ++i) cries += "\u2620";
  for (int cut = 0; cut < 4; ++cut) {
    contract::Message fault;
    fault.mutable_fault()->set_where(std::string(static_cast<std::size_t>(cut), 'x'));
    fault.mutable_fault()->set_message(cries);
    machine.say(fault);
    contract::Message junk;
    junk.mutable_offer_answer()->set_dsse(cries);
    machine.say(junk);
    contract::Message task;
    task.mutable_task_status()->set_assignment(cries);
    task.mutable_task_status()->set_reason(cries);
    machine.say(task);
    contract::Message shard;
    shard.mutable_shard_status()->set_shard(cries);
    shard.mutable_shard_status()->set_digest(cries);
    machine.say(shard);
  }
  machine.settle();
  const std::uint64_t events = rig.ops().registry().events();
  rig.restart();
  EXPECT_EQ(rig.ops().registry().events(), events);
  EXPECT_EQ(rig.ops().registry().find_machine(machine.id)->state, MachineState::Leased);
}

// The story that must end the same however often the controller dies.
struct End {
  std::string object;
  std::string job;
  std::uint64_t paid = 0;
  std::vector<std::string> machines;
  std::string content;
  bool operator==(const End&) const = default;
};

std::ostream& operator<<(std::ostream& out, const End& end) {
  out << "object " << end.object << ", job " << end.job << ", paid " << end.paid << ", content " << end.content << ", machines";
  for (const std::string& state : end.machines) out << ' ' << state;
  return out;
}

End tell(std::size_t crash_every) {
  Rig rig(calling_each(hours(6)));
  rig.crash_every = crash_every;
  Fleet fleet(rig);
  const Put one = put(rig);
  const auto job = submit(rig, 12);
  EXPECT_TRUE(job);
  run_until_done(rig, job->job);
  fleet.settle();
  ScriptedMachine* lost = nullptr;
  for (auto& machine : fleet.machines)
    if (!machine->vault.empty()) lost = machine.get();
  std::erase(rig.machines, lost);
  EXPECT_TRUE(rig.use([&](auto& o, auto& b) { return o.give_up_machine(lost->id, "staff", "it burned", rig.now, b); }));
  fleet.settle();
  rig.machines.push_back(lost);
  fleet.settle();
  const AgreementId agreement = rig.ops().registry().find_machine(fleet.machines[0]->id)->agreement;
  EXPECT_TRUE(rig.use([&](auto& o, auto& b) { return o.terminate_agreement(agreement, "owner", "moving house", rig.now, b); }));
  rig.pass(hours(24 * 33), hours(6));
  // What a client is fetching is only in memory too; it asks again.
  rig.crash_every = 0;
  End end;
  end.object = state_of(rig, one.id);
  end.job = name_of(rig.ops().job(rig.client.party, job->job)->state);
  end.content = keys::sha256(get(rig, one).value_or("lost")).text;
  for (auto& machine : fleet.machines) {
    const auto* record = rig.ops().registry().find_machine(machine->id);
    end.paid += record->tasks_done;
    end.machines.push_back(std::string(name_of(record->state)));
  }
  const auto verified = fleet::ledger::Journal::verify(rig.store);
  EXPECT_TRUE(verified && verified->balanced && verified->chain_intact);
  return end;
}

TEST(Life, CrashesChangeNothing) {
  const End undisturbed = tell(0);
  EXPECT_EQ(undisturbed.object, "stored");
  EXPECT_EQ(undisturbed.job, "done");
  EXPECT_EQ(undisturbed.paid, 24U);
  EXPECT_EQ(undisturbed.machines, (std::vector<std::string>{"released", "leased", "leased", "leased"}));
  EXPECT_EQ(undisturbed.content, keys::sha256(contents_of(100'000)).text);
  // A shard on its way to the spool is only in memory, so a crash at each single commit would never let one arrive.
  for (const std::size_t every : {3, 4, 5, 7, 11}) EXPECT_EQ(tell(every), undisturbed) << "a crash at every commit that is a multiple of " << every;
}

}  // namespace
}  // namespace tests::fleet_operations
