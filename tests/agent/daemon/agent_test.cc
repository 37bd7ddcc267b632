// Goal: the whole life of a leased machine, from the question to the receipt, goes as the contract says. Method: the
// production agent in one process with a scripted controller, owner and sandbox, and time as a value.
#include "tests/agent/daemon/agent_rig.h"

namespace agent::daemon {
namespace {

constexpr Duration hour{3'600'000};

TEST(Agent, UsesNothingBeforeTheOwnerHasAnswered) {
  Rig rig;
  ASSERT_TRUE(rig.start());
  EXPECT_FALSE(rig.run_until([] { return false; }, 48 * hour));
  EXPECT_EQ(rig.failure, "");
  EXPECT_GT(rig.owner.asked, 100);
  EXPECT_TRUE(rig.controller.enrolments.empty());
  EXPECT_EQ(rig.agent->report().phase, Phase::AwaitingAnswer);
  EXPECT_FALSE(*rig.files.exists("/vault"));
  EXPECT_FALSE(*rig.files.exists("/state/work"));
  EXPECT_FALSE(*rig.files.exists("/state/owner/consent.dsse"));
}

TEST(Agent, EnrolsWithSignedConsentWhenTheOwnerAccepts) {
  Rig rig;
  rig.owner.terms = contract::Choice::Accepted;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until([&] { return !rig.controller.told.empty(); }));
  EXPECT_EQ(rig.agent->report().phase, Phase::Leased);
  EXPECT_EQ(rig.agent->report().agreement, "agreement-1");
  ASSERT_EQ(rig.controller.consents.size(), 1U);
  EXPECT_EQ(rig.controller.consents[0].choice, contract::Choice::Accepted);
  EXPECT_EQ(rig.controller.consents[0].terms_digest, rig.terms.digest);
  EXPECT_EQ(rig.controller.consents[0].answered_by, "Alice Example");
  EXPECT_FALSE(rig.controller.presented.empty());
  EXPECT_TRUE(*rig.files.exists("/state/owner/consent-countersigned.dsse"));
  EXPECT_TRUE(rig.controller.told[0].has_node_profile());
  EXPECT_EQ(rig.controller.told[0].node_profile().lease_bytes(), mebibytes(64).count);
  EXPECT_TRUE(rig.controller.told[0].node_profile().sandbox());
}

TEST(Agent, ADeclinedMachineGivesItsDiskBackAndFurnishesNothing) {
  Rig rig;
  rig.owner.terms = contract::Choice::Declined;
  rig.controller.release_fails = true;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until([&] { return rig.controller.releases == 3; })) << "a release that fails is tried again";
  rig.controller.release_fails = false;
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase == Phase::Released; }));
  EXPECT_TRUE(rig.controller.presented.empty());
  EXPECT_EQ(rig.controller.frames, 0);
  EXPECT_FALSE(*rig.files.exists("/vault"));
  ASSERT_EQ(rig.controller.receipts.size(), 1U);
  EXPECT_EQ(rig.controller.receipts[0].kind, contract::ReceiptKind::Released);
  EXPECT_EQ(rig.controller.receipts[0].machine, rig.voucher.machine);
  EXPECT_TRUE(*rig.files.exists("/state/owner/receipt.dsse"));
  // Started again it has nothing to do.
  rig.lose_power();
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.step());
  EXPECT_EQ(rig.agent->report().phase, Phase::Released);
  EXPECT_EQ(rig.wait, Duration::max());
}

struct LeasedRig : Rig {
  explicit LeasedRig(std::string hours = "always") : Rig(1, std::move(hours)) {
    owner.terms = contract::Choice::Accepted;
    EXPECT_TRUE(start());
    EXPECT_TRUE(run_until([&] { return !controller.told.empty(); }));
  }
};

TEST(Agent, RunsAssignmentsAndReportsSmallAndLargeResults) {
  LeasedRig rig;
  rig.controller.send_assignment(rig.assignment("a-1", "small"));
  rig.controller.send_assignment(rig.assignment("a-2", "large"));
  const auto done = [&] {
    std::size_t count = 0;
    for (const auto* status : rig.task_statuses()) count += status->outcome() == contract::TASK_DONE ? 1 : 0;
    return count == 2;
  };
  ASSERT_TRUE(rig.run_until(done));
  for (const auto* status : rig.task_statuses()) {
    if (status->outcome() != contract::TASK_DONE) continue;
    const std::string wanted = Rig::result_of(status->assignment() == "a-1" ? "small" : "large");
    EXPECT_EQ(status->result_digest(), images::keys::sha256(wanted).text);
    EXPECT_EQ(status->result(), status->assignment() == "a-1" ? wanted : "");
    EXPECT_EQ(status->processor_ms(), 250U);
  }
  EXPECT_EQ(rig.controller.elements[images::keys::sha256(Rig::result_of("large"))], Rig::result_of("large"));
}

TEST(Agent, RefusesWorkThatTheControllerDidNotSign) {
  LeasedRig rig;
  contract::Message message;
  *message.mutable_assignment() = rig.assignment("forged", "x");
  rig.controller.send(message);
  ASSERT_TRUE(rig.run_until([&] { return !rig.task_statuses().empty(); }));
  EXPECT_EQ(rig.task_statuses()[0]->outcome(), contract::TASK_REFUSED);
  EXPECT_TRUE(rig.sandbox.started.empty());
}

TEST(Agent, StoresSendsAndDeletesShards) {
  LeasedRig rig;
  const std::string bytes(5'000, 's');
  const Digest digest = images::keys::sha256(bytes);
  rig.order_store(1, "object/0", bytes);
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  EXPECT_EQ(rig.shard_statuses()[0]->outcome(), contract::SHARD_STORED);
  EXPECT_EQ(rig.agent->shards().size(), 1U);
  rig.controller.elements.clear();
  rig.order_send(2, "object/0", digest);
  rig.order_send(3, "object/9", digest);
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 3; }));
  EXPECT_EQ(rig.controller.elements[digest], bytes);
  for (const auto* status : rig.shard_statuses()) {
    if (status->request() == 1) continue;
    EXPECT_EQ(status->outcome(), status->request() == 2 ? contract::SHARD_SENT : contract::SHARD_MISSING);
  }
  rig.order_delete(4, "object/0", digest);
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 4; }));
  EXPECT_EQ(rig.shard_statuses()[3]->outcome(), contract::SHARD_DELETED);
  EXPECT_TRUE(rig.agent->shards().empty());
}

TEST(Agent, RefusesAShardThatDoesNotFitBeforeMovingIt) {
  LeasedRig rig;
  contract::Message message;
  message.mutable_store_shard()->set_request(1);
  message.mutable_store_shard()->set_shard("object/0");
  message.mutable_store_shard()->set_digest(images::keys::sha256("x").text);
  message.mutable_store_shard()->set_size(gibibytes(1).count);
  rig.controller.send(message);
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  EXPECT_EQ(rig.shard_statuses()[0]->outcome(), contract::SHARD_REFUSED);
}

TEST(Agent, WorksOnlyInTheAgreedHours) {
  // rig_begin is 08:00 UTC.
  LeasedRig rig("23:00-07:00");
  rig.controller.send_assignment(rig.assignment("a", "x"));
  EXPECT_FALSE(rig.run_until([&] { return !rig.sandbox.started.empty(); }, 14 * hour));
  EXPECT_TRUE(rig.run_until([&] { return !rig.sandbox.started.empty(); }, 2 * hour));
  const auto minute_of_day =
      std::chrono::floor<std::chrono::minutes>(rig.now - std::chrono::floor<std::chrono::days>(rig.now)).count();
  EXPECT_GE(minute_of_day, 23 * 60);
}

TEST(Agent, TellsAtOnceThatItsWindowOpenedAndThatTheOwnerPaused) {
  // A clock that is set, or a short window: the change comes within the pause between two statuses.
  LeasedRig rig("23:00-07:00");
  const auto statuses = [&] { return rig.told(&contract::Message::node_status, &contract::Message::has_node_status); };
  ASSERT_TRUE(rig.run_until([&] { return !statuses().empty(); }));
  ASSERT_EQ(statuses().back()->window(), contract::WINDOW_CLOSED);
  rig.now += 16 * hour;  // set forward; no time has passed
  ASSERT_TRUE(rig.run_until([&] { return statuses().back()->window() == contract::WINDOW_OPEN; }, Duration{5'000}));
  rig.owner.pause = "until-resumed";
  EXPECT_TRUE(rig.run_until([&] { return statuses().back()->owner() == contract::OWNER_PAUSED; }, Duration{5'000}));
}

TEST(Agent, FreezesAtTheOwnersWordAndSaysSo) {
  LeasedRig rig;
  rig.finishes_tasks = false;
  rig.controller.send_assignment(rig.assignment("a", "x"));
  ASSERT_TRUE(rig.run_until([&] { return !rig.sandbox.running.empty(); }));
  rig.owner.pause = "until-resumed";
  ASSERT_TRUE(rig.step());
  EXPECT_TRUE(rig.sandbox.frozen.contains(AssignmentId{"a"}));
  EXPECT_EQ(rig.agent->report().presence.owner, presence::Owner::Paused);
  rig.owner.pause = "";
  ASSERT_TRUE(rig.step());
  EXPECT_TRUE(rig.sandbox.frozen.empty());
}

TEST(Agent, AnIdlePollWritesNothing) {
  LeasedRig rig;
  ASSERT_FALSE(rig.run_until([] { return false; }, 2 * hour));
  const std::uint64_t calls = rig.files.mutating_calls();
  const int frames = rig.controller.frames;
  const std::size_t told = rig.controller.told.size();
  ASSERT_FALSE(rig.run_until([] { return false; }, 4 * hour));
  EXPECT_GT(rig.controller.frames, frames + 100);
  EXPECT_EQ(rig.files.mutating_calls(), calls);
  EXPECT_EQ(rig.controller.told.size(), told);
}

TEST(Agent, AsksForANewCertificateWhenAThirdOfItsLifeIsLeft) {
  LeasedRig rig;
  const auto asked = [&] {
    for (const contract::Message& message : rig.controller.told) {
      if (message.has_certificate_request()) return true;
    }
    return false;
  };
  rig.pass(59 * 24 * hour);
  ASSERT_FALSE(rig.run_until(asked, hour));
  rig.pass(2 * 24 * hour);
  ASSERT_TRUE(rig.run_until(asked, hour));
  const std::string before = rig.controller.presented;
  contract::Message answer;
  answer.mutable_certificate()->set_pem(rig.controller.certificate_for(rig.device->public_key()));
  rig.controller.send(answer);
  ASSERT_TRUE(rig.run_until([&] { return rig.controller.presented != before; }, hour));
}

TEST(Agent, AMachineThatSleptPastItsCertificateEnrolsAgainAndGoesOn) {
  LeasedRig rig;
  const std::string bytes(100, 's');
  rig.order_store(1, "object/0", bytes);
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  rig.lose_power();
  rig.pass(200 * 24 * hour);
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until([&] { return rig.controller.enrolments.size() == 2; }));
  ASSERT_TRUE(rig.run_until([&] {
    return std::count_if(rig.controller.told.begin(), rig.controller.told.end(),
                         [](const auto& message) { return message.has_contents(); }) == 2;
  }));
  EXPECT_EQ(rig.controller.told.back().has_fault(), false);
  EXPECT_EQ(rig.agent->report().phase, Phase::Leased);
  EXPECT_EQ(rig.agent->shards().size(), 1U);
}

TEST(Agent, TellsItsInventoryAfterARestart) {
  LeasedRig rig;
  rig.order_store(1, "object/0", "bytes");
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  rig.lose_power();
  rig.controller.told.clear();
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until([&] { return rig.controller.told.size() >= 2; }));
  ASSERT_TRUE(rig.controller.told[1].has_contents());
  ASSERT_EQ(rig.controller.told[1].contents().shards_size(), 1);
  EXPECT_EQ(rig.controller.told[1].contents().shards(0).shard(), "object/0");
}

TEST(Agent, OpensANewSessionWhenTheControllerForgotIt) {
  LeasedRig rig;
  ASSERT_TRUE(rig.run_until([&] { return rig.controller.told.size() >= 3; }));
  rig.controller.session = link::Session(link::Session::End::Controller, {}, {});
  rig.controller.told.clear();
  rig.controller.send_assignment(rig.assignment("a", "x"));
  ASSERT_TRUE(rig.run_until(
      [&] { return !rig.task_statuses().empty() && rig.task_statuses().back()->outcome() == contract::TASK_DONE; }));
  EXPECT_TRUE(rig.controller.told[0].has_node_profile());
}

TEST(Agent, ARenewalIsAnsweredOnceAndSigned) {
  LeasedRig rig;
  rig.send_offer("home-renewal");
  ASSERT_FALSE(rig.run_until([&] { return rig.controller.told.back().has_offer_answer(); }, hour));
  EXPECT_EQ(rig.agent->report().renewal_text, "Another year?");
  rig.owner.renewal = contract::Choice::Declined;
  rig.lose_power();
  ASSERT_TRUE(rig.start());
  const auto answers = [&] {
    std::vector<contract::OfferAnswer> found;
    for (const contract::Message& message : rig.controller.told) {
      if (!message.has_offer_answer()) continue;
      Result<images::keys::Statement> statement = images::keys::parse_statement(message.offer_answer().dsse());
      EXPECT_TRUE(images::keys::verify_statement(*statement, rig.device->public_key(), contract::offer_answer_type));
      found.push_back(*contract::offer_answer_from(statement->payload));
    }
    return found;
  };
  ASSERT_TRUE(rig.run_until([&] { return !answers().empty(); }));
  rig.send_offer("home-renewal");
  ASSERT_FALSE(rig.run_until([&] { return answers().size() > 1; }, hour));
  EXPECT_EQ(answers()[0].choice, contract::Choice::Declined);
  EXPECT_EQ(answers()[0].offer.text, "home-renewal");
}

TEST(Agent, DrainsThenReleasesThenEnds) {
  LeasedRig rig;
  rig.finishes_tasks = false;
  rig.order_store(1, "object/0", "bytes");
  rig.controller.send_assignment(rig.assignment("running", "x"));
  ASSERT_TRUE(rig.run_until([&] { return !rig.sandbox.running.empty() && rig.shard_statuses().size() == 1; }));
  contract::Message drain;
  drain.mutable_drain()->set_reason("the lease ended");
  rig.controller.send(drain);
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase == Phase::Draining; }));
  rig.controller.send_assignment(rig.assignment("too late", "x"));
  const auto outcome_of = [&](const char* name) {
    contract::TaskOutcome last = contract::TASK_QUEUED;
    for (const auto* status : rig.task_statuses()) {
      if (status->assignment() == name) last = status->outcome();
    }
    return last;
  };
  ASSERT_TRUE(rig.run_until([&] {
    return outcome_of("running") == contract::TASK_STOPPED && outcome_of("too late") == contract::TASK_REFUSED;
  }));
  rig.order_release("ended");
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase == Phase::Released; }));
  EXPECT_EQ(rig.controller.releases, 1);
  ASSERT_EQ(rig.controller.receipts.size(), 1U);
  EXPECT_EQ(rig.controller.receipts[0].freed, gibibytes(6));
  EXPECT_TRUE(rig.files.list("/vault")->empty());
  EXPECT_TRUE(rig.files.list("/state/work/cache")->empty());
}

TEST(Agent, ObeysOnlyAReleaseOrderOfItsController) {
  LeasedRig rig;
  const images::keys::PrivateKey stranger = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  const contract::ReleaseOrder order{.machine = rig.voucher.machine,
                                     .agreement = AgreementId{"agreement-1"},
                                     .reason = "ended",
                                     .drained = true,
                                     .forced_by = {},
                                     .made_at = ScriptedController::whole(rig.now)};
  const contract::ReleaseOrder other{.machine = MachineId{std::string(64, 'a')},
                                     .agreement = AgreementId{"agreement-1"},
                                     .reason = "ended",
                                     .drained = true,
                                     .forced_by = {},
                                     .made_at = order.made_at};
  const contract::ReleaseOrder undrained{.machine = rig.voucher.machine,
                                         .agreement = AgreementId{"agreement-1"},
                                         .reason = "ended",
                                         .drained = false,
                                         .forced_by = {},
                                         .made_at = order.made_at};
  for (const std::string& dsse :
       {*images::keys::sign_statement(contract::release_order_type, contract::payload_of(order), stranger),
        *images::keys::sign_statement(contract::receipt_type, contract::payload_of(order), rig.controller.signing),
        *images::keys::sign_statement(contract::release_order_type, contract::payload_of(other),
                                      rig.controller.signing),
        *images::keys::sign_statement(contract::release_order_type, contract::payload_of(undrained),
                                      rig.controller.signing),
        std::string("not an envelope")}) {
    contract::Message release;
    release.mutable_release()->set_dsse(dsse);
    rig.controller.send(release);
  }
  ASSERT_FALSE(rig.run_until([&] { return rig.agent->report().phase != Phase::Leased; }, hour));
  EXPECT_EQ(rig.controller.releases, 0);
}

TEST(Agent, AnUnreachableControllerCannotKeepTheOwnersDisk) {
  LeasedRig rig;
  rig.order_release("terminated");
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase != Phase::Leased; }));
  rig.controller.reachable = false;
  ASSERT_TRUE(rig.run_until([&] { return rig.controller.releases == 1; }, hour));
  EXPECT_TRUE(*rig.files.exists("/state/owner/receipt.dsse"));
  rig.controller.reachable = true;
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase == Phase::Released; }));
}

TEST(Agent, BacksOffWhileNobodyAnswers) {
  LeasedRig rig;
  rig.controller.reachable = false;
  ASSERT_FALSE(rig.run_until([] { return false; }, 4 * hour));
  EXPECT_FALSE(rig.agent->report().trouble.empty());
  EXPECT_GE(rig.controller.unanswered, 8);
  EXPECT_LE(rig.controller.unanswered, 20) << "four hours of silence double the wait up to one hour";
  rig.controller.reachable = true;
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().trouble.empty(); }, 2 * hour));
}

}  // namespace
}  // namespace agent::daemon
