// Goal: a machine is leased only when its key, a registered line's voucher and its owner's signed yes come together; declined, it is
// given back; and nothing can be enrolled twice, by another, or by replay.
// Method: scripted machines against Operations in memory; each lie is told once.
#include <gtest/gtest.h>

#include "images/keys/certificates.h"
#include "images/keys/statement.h"
#include "tests/fleet/operations/rig.h"

namespace tests::fleet_operations {
namespace {

using terms::AgreementState;
using terms::MachineState;

TEST(Enrolment, AcceptedConsentLeasesTheMachineAndBooksItsIncentives) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  const auto answer = machine.enrol(contract::Choice::Accepted);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->outcome, operations::EnrolmentOutcome::Leased);
  EXPECT_TRUE(keys::verify_certificate(answer->certificate_pem, answer->authority_pem, rig.now));
  EXPECT_EQ(keys::certificate_facts(answer->certificate_pem)->subject_key.text, machine.id.text);
  EXPECT_EQ(keys::sha256(answer->terms_text), machine.facts.terms_digest);
  const auto countersigned = keys::parse_statement(answer->countersigned);
  ASSERT_TRUE(countersigned);
  EXPECT_EQ(countersigned->signatures.size(), 2U);
  EXPECT_TRUE(keys::verify_statement(*countersigned, machine.key.public_key(), contract::consent_type));
  const auto* record = rig.ops().registry().find_machine(machine.id);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->state, MachineState::Leased);
  const auto* agreement = rig.ops().registry().find_agreement(answer->agreement);
  EXPECT_EQ(agreement->state, AgreementState::Active);
  EXPECT_EQ(*agreement->ends_at, rig.now + std::chrono::hours(24 * 365));
  // Without the order, the upgrades that the voucher shows and the first month of support are booked; the discount waits.
  EXPECT_EQ(rig.ops().journal().size(), 3U);
  EXPECT_EQ(rig.ops().who(KeyId(machine.id.text)).machine, machine.id);
}

TEST(Enrolment, TheOrderLetsEveryIncentiveBeBookedAsQuotedAndOnlyOnce) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  ASSERT_TRUE(machine.enrol(contract::Choice::Accepted));
  const std::string order = R"(kind: new-machine
order: order-sn-1
customer: {id: alice, name: Alice Ambrose, site: home}
zone: America/Chicago
machine: {serial: SN-1, model: home-pc, disk: 20 GB, processor: 750 MHz, memory: 256 MB}
offer: home
lease: open-until-first-boot
network: {hostname: alice-pc, address: dhcp}
)";
  const auto imported = rig.use([&](auto& o, auto& b) { return o.import_order(order, "staff", rig.now, b); });
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_TRUE(*imported);
  EXPECT_EQ(rig.ops().journal().size(), 4U);
  EXPECT_FALSE(*rig.use([&](auto& o, auto& b) { return o.import_order(order, "staff", rig.now, b); }));
  EXPECT_EQ(rig.ops().journal().size(), 4U);
}

TEST(Enrolment, DeclinedConsentLeadsStraightToARelease) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  const auto answer = machine.enrol(contract::Choice::Declined);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->outcome, operations::EnrolmentOutcome::Declined);
  EXPECT_TRUE(answer->certificate_pem.empty());
  const auto order = keys::parse_statement(answer->release_order);
  ASSERT_TRUE(order);
  EXPECT_EQ(contract::release_order_from(order->payload)->reason, "declined");
  EXPECT_EQ(rig.ops().journal().size(), 0U);
  const auto receipt = rig.use([&](auto& o, auto& b) { return o.take_receipt(machine.release_receipt(), rig.now, b); });
  ASSERT_TRUE(receipt) << receipt.error().text();
  EXPECT_EQ(*receipt, MachineState::Released);
  EXPECT_EQ(rig.ops().registry().find_agreement(answer->agreement)->state, AgreementState::Released);
  // A receipt is believed once; the same again is no error.
  EXPECT_TRUE(rig.use([&](auto& o, auto& b) { return o.take_receipt(machine.release_receipt(), rig.now, b); }));
}

TEST(Enrolment, NoAnswerLeasesNothing) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  EXPECT_TRUE(*rig.use([&](auto& o, auto& b) { return o.import_voucher(machine.voucher(), "staff", rig.now, b); }));
  EXPECT_FALSE(*rig.use([&](auto& o, auto& b) { return o.import_voucher(machine.voucher(), "staff", rig.now, b); }));
  EXPECT_EQ(rig.ops().registry().find_machine(machine.id)->state, MachineState::Provisioned);
  fleet::store::Batch batch;
  EXPECT_EQ(rig.ops().messages(machine.id, "", "", rig.now, batch).error().code, ErrorCode::NotFound);
  rig.now += std::chrono::hours(24 * 366);
  rig.tick();
  EXPECT_EQ(rig.ops().registry().agreements().begin()->second.state, AgreementState::Lapsed);
  const auto late = machine.enrol(contract::Choice::Accepted);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::Refused);
}

TEST(Enrolment, TheSameConsentAgainGivesTheSameAnswerAndANewCertificate) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  const std::string consent = machine.consent(contract::Choice::Accepted);
  const auto first = machine.enrol_with(machine.enrolment(machine.voucher(), consent, rig.ops().nonce(rig.now).nonce, machine.key));
  const std::uint64_t entries = rig.ops().journal().size();
  const auto again = machine.enrol_with(machine.enrolment(machine.voucher(), consent, rig.ops().nonce(rig.now).nonce, machine.key));
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_EQ(first->countersigned, again->countersigned);
  EXPECT_EQ(first->agreement, again->agreement);
  EXPECT_NE(first->certificate_pem, again->certificate_pem);
  EXPECT_EQ(rig.ops().journal().size(), entries);
  const auto changed_mind = machine.enrol(contract::Choice::Declined);
  ASSERT_FALSE(changed_mind);
  EXPECT_EQ(changed_mind.error().code, ErrorCode::Conflict);
}

TEST(Enrolment, AReplayedEnrolmentIsRefused) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  const std::string words = machine.enrolment(machine.voucher(), machine.consent(contract::Choice::Accepted), rig.ops().nonce(rig.now).nonce, machine.key);
  ASSERT_TRUE(machine.enrol_with(words));
  const auto replayed = machine.enrol_with(words);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, ErrorCode::Unauthenticated);
  const std::string old = rig.ops().nonce(rig.now).nonce;
  rig.now += std::chrono::minutes(11);
  EXPECT_EQ(machine.enrol_with(machine.enrolment(machine.voucher(), machine.consent(contract::Choice::Accepted), old, machine.key)).error().code,
            ErrorCode::Unauthenticated);
}

TEST(Enrolment, LiesAreRefusedAndLeaveNothingBehind) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  ScriptedMachine other(rig, "SN-2", "bob");
  const keys::PrivateKey foreign_line = *keys::PrivateKey::generate(keys::KeyKind::SigningKey);
  const std::size_t before = rig.commits();
  const auto code_of = [&](const std::string& voucher, const std::string& consent, const keys::PrivateKey& signer) {
    const auto answer = machine.enrol_with(machine.enrolment(voucher, consent, rig.ops().nonce(rig.now).nonce, signer));
    return answer ? ErrorCode::Interrupted : answer.error().code;
  };
  const std::string yes = machine.consent(contract::Choice::Accepted);
  EXPECT_EQ(code_of(machine.voucher(), yes, other.key), ErrorCode::Unauthenticated);        // another's key
  EXPECT_EQ(code_of(machine.voucher(), other.consent(contract::Choice::Accepted), machine.key), ErrorCode::Unauthenticated);
  EXPECT_EQ(code_of(other.voucher(), yes, machine.key), ErrorCode::Refused);                // another's voucher
  const std::string foreign = *keys::sign_statement(contract::voucher_type, contract::payload_of(machine.facts), foreign_line);
  EXPECT_EQ(code_of(foreign, yes, machine.key), ErrorCode::Refused);                        // an unregistered line
  contract::Voucher changed = machine.facts;
  changed.terms_digest = keys::sha256("other terms");
  const std::string other_terms = *keys::sign_statement(contract::voucher_type, contract::payload_of(changed), rig.line);
  EXPECT_EQ(code_of(other_terms, yes, machine.key), ErrorCode::Refused);
  EXPECT_EQ(rig.commits(), before);
  EXPECT_TRUE(rig.ops().registry().machines().empty());
}

TEST(Enrolment, OneSerialIsOneMachine) {
  Rig rig;
  ScriptedMachine machine(rig, "SN-1", "alice");
  ScriptedMachine twin(rig, "SN-1", "mallory");
  ASSERT_TRUE(machine.enrol(contract::Choice::Accepted));
  const auto second = twin.enrol(contract::Choice::Accepted);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace tests::fleet_operations
