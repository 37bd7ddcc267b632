// Goal: the registry remembers exactly what it was told, moves states only along their tables, and knows who holds which key.
// Method: records written to a store in memory and loaded again; every unlawful step is refused and leaves no trace.
#include "fleet/registry/registry.h"

#include <gtest/gtest.h>

#include "tests/fakes/memory_store.h"

namespace fleet::registry {
namespace {

using tests::fakes::MemoryStore;
using terms::AgreementEvent;
using terms::AgreementState;
using terms::MachineEvent;
using terms::MachineState;

Instant at(int second) { return Instant(std::chrono::seconds(1'800'000'000 + second)); }
std::string hex(char digit) { return std::string(64, digit); }

Voucher voucher(char machine, const std::string& serial, const std::string& owner = "alice") {
  Voucher one;
  one.facts.serial = serial;
  one.facts.machine = MachineId(hex(machine));
  one.facts.order = OrderId("order-" + serial);
  one.facts.owner = PartyId(owner);
  one.facts.model = "home-pc";
  one.facts.terms = TermsId("home-night");
  one.facts.terms_version = 1;
  one.facts.terms_digest = Digest(hex('a'));
  one.facts.offer = OfferId("home");
  one.facts.zone = "America/Chicago";
  one.facts.plan_digest = Digest(hex('b'));
  one.facts.lease = Bytes{6'000'000'000};
  one.facts.processor_mhz = 1'000;
  one.facts.made_at = at(0);
  one.dsse = "{}";
  one.line = PartyId("line-1");
  one.imported_at = at(1);
  return one;
}

Agreement offered() {
  Agreement agreement;
  agreement.owner = PartyId("alice");
  agreement.terms = TermsId("home-night");
  agreement.terms_version = 1;
  agreement.terms_digest = Digest(hex('a'));
  agreement.offer = OfferId("home");
  agreement.zone = "America/Chicago";
  return agreement;
}

class RegistryTest : public ::testing::Test {
 protected:
  Happening how(int second = 1) { return {at(second), "staff anna", "because"}; }
  void commit() {
    ASSERT_TRUE(store_.commit(std::span<const store::Batch>(&batch_, 1)));
    batch_.clear();
  }
  // Everything in it, as text.
  static std::string picture(const Registry& registry) {
    std::string text;
    for (const auto& [id, party] : registry.parties()) text += text_of(party) + "\n";
    for (const auto& [id, line] : registry.lines()) text += text_of(line) + "\n";
    for (const auto& [id, machine] : registry.machines()) text += text_of(machine) + "\n" + text_of(*registry.find_voucher(id)) + "\n";
    for (const auto& [id, agreement] : registry.agreements()) text += text_of(agreement) + "\n";
    return text + std::to_string(registry.events());
  }
  MemoryStore store_;
  store::Batch batch_;
  Registry registry_;
};

TEST_F(RegistryTest, IsTheSameAfterALoad) {
  ASSERT_TRUE(registry_.add_line({.id = PartyId("line-1"), .name = "Line 1", .public_key_pem = "pem", .key = KeyId(hex('1'))}, how(), batch_));
  ASSERT_TRUE(registry_.add_party({.id = PartyId("acme"), .name = "Acme \"& Söhne\"", .roles = {Role::Client}, .key = KeyId(hex('2')), .spending_limit = Money(5'000, {})}, how(), batch_));
  ASSERT_TRUE(*registry_.add_voucher(voucher('3', "SN-1"), offered(), how(), batch_));
  const MachineId machine(hex('3'));
  const AgreementId agreement = registry_.find_machine(machine)->agreement;
  registry_.update(
      machine,
      [](Machine& one) {
        one.profile = {"1", "debian", 2, 1'000, Bytes{1 << 30}, Bytes{5}, true, Bytes{7}};
        one.status = {at(3), WindowWord::Open, OwnerWord::Away, 1, 2, Bytes{3}, Bytes{4}, 500, PartitionWord::Unavailable, "its TPM refused"};
        one.draining = Draining{at(4), "why"};
        one.given_up = GivenUp{at(5), "silent"};
        one.certificate_until = at(6);
        one.earned = Money(12, {});
      },
      batch_);
  registry_.update(
      agreement,
      [](Agreement& one) {
        one.starts_at = at(7);
        one.ends_at = at(8);
        one.incentives = {{"discount", "15 % off", Money(100, {}), terms::Schedule::Once}, {"free-support", "support", Money(5, {}), terms::Schedule::Monthly}};
        one.renewal = Renewal{OfferId("more"), "text", at(9), at(10), contract::Choice::Declined, at(11)};
      },
      batch_);
  commit();
  Registry again;
  ASSERT_TRUE(again.load(store_));
  EXPECT_EQ(picture(again), picture(registry_));
  EXPECT_EQ(again.find_agreement(agreement)->renewal->answer, contract::Choice::Declined);
  EXPECT_EQ(again.find_line_by_key(KeyId(hex('1')))->id.text, "line-1");
}

TEST_F(RegistryTest, MovesStatesOnlyAlongTheirTables) {
  ASSERT_TRUE(registry_.add_voucher(voucher('3', "SN-1"), offered(), how(), batch_));
  const MachineId machine(hex('3'));
  const AgreementId agreement = registry_.find_machine(machine)->agreement;
  commit();
  EXPECT_EQ(registry_.find_machine(machine)->state, MachineState::Provisioned);
  const std::string before = picture(registry_);
  EXPECT_EQ(registry_.advance(machine, MachineEvent::StartLease, how(), batch_).error().code, ErrorCode::Conflict);
  EXPECT_EQ(registry_.advance(agreement, AgreementEvent::Activate, how(), batch_).error().code, ErrorCode::Conflict);
  EXPECT_EQ(registry_.advance(MachineId(hex('9')), MachineEvent::Enrol, how(), batch_).error().code, ErrorCode::NotFound);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(picture(registry_), before);
  ASSERT_TRUE(registry_.advance(machine, MachineEvent::Enrol, how(20), batch_));
  const Machine& enrolled = *registry_.find_machine(machine);
  EXPECT_EQ(enrolled.state, MachineState::Enrolled);
  EXPECT_EQ(enrolled.state_since, at(20));
  EXPECT_EQ(enrolled.history.back().event, "enrol");
  EXPECT_EQ(enrolled.history.back().by, "staff anna");
}

TEST_F(RegistryTest, KeepsOneVoucherForEachMachineAndSerial) {
  EXPECT_TRUE(*registry_.add_voucher(voucher('3', "SN-1"), offered(), how(), batch_));
  commit();
  EXPECT_FALSE(*registry_.add_voucher(voucher('3', "SN-1"), offered(), how(), batch_));
  EXPECT_EQ(registry_.add_voucher(voucher('3', "SN-2"), offered(), how(), batch_).error().code, ErrorCode::Conflict);
  EXPECT_EQ(registry_.add_voucher(voucher('4', "SN-1"), offered(), how(), batch_).error().code, ErrorCode::Conflict);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(registry_.agreements().size(), 1U);
}

TEST_F(RegistryTest, KnowsWhoHoldsAKey) {
  ASSERT_TRUE(registry_.add_party({.id = PartyId("acme"), .roles = {Role::Client}, .key = KeyId(hex('2'))}, how(), batch_));
  EXPECT_TRUE(registry_.who(KeyId(hex('2'))).client);
  EXPECT_FALSE(registry_.who(KeyId(hex('2'))).staff);
  EXPECT_FALSE(registry_.who(KeyId(hex('8'))).known());
  EXPECT_FALSE(registry_.who(KeyId()).known());
  // A voucher alone does not make a machine a caller; its proven key does.
  ASSERT_TRUE(registry_.add_voucher(voucher('3', "SN-1"), offered(), how(), batch_));
  EXPECT_FALSE(registry_.who(KeyId(hex('3'))).known());
  registry_.update(MachineId(hex('3')), [](Machine& one) { one.public_key_pem = "pem"; }, batch_);
  EXPECT_EQ(registry_.who(KeyId(hex('3'))).machine.text, hex('3'));
}

TEST_F(RegistryTest, GivesNobodyTheKeyOfAnother) {
  ASSERT_TRUE(registry_.add_party({.id = PartyId("acme"), .roles = {Role::Client}, .key = KeyId(hex('2'))}, how(), batch_));
  ASSERT_TRUE(registry_.add_line({.id = PartyId("line-1"), .key = KeyId(hex('1'))}, how(), batch_));
  commit();
  const auto code = [this](Party party) {
    const Done done = registry_.add_party(std::move(party), how(), batch_);
    return done ? ErrorCode::Interrupted : done.error().code;
  };
  EXPECT_EQ(code({.id = PartyId("thief"), .roles = {Role::Staff}, .key = KeyId(hex('2'))}), ErrorCode::AlreadyExists);
  EXPECT_EQ(code({.id = PartyId("thief"), .roles = {Role::Staff}, .key = KeyId(hex('1'))}), ErrorCode::AlreadyExists);
  EXPECT_EQ(code({.id = PartyId("acme"), .roles = {Role::Staff}, .key = KeyId(hex('7'))}), ErrorCode::AlreadyExists);
  EXPECT_EQ(code({.id = PartyId("Bad Name"), .roles = {Role::Client}}), ErrorCode::InvalidInput);
  EXPECT_EQ(code({.id = PartyId("nobody")}), ErrorCode::InvalidInput);
  EXPECT_TRUE(batch_.empty());
  // One party may be several things: who furnishes may also buy.
  EXPECT_TRUE(registry_.add_party({.id = PartyId("acme"), .roles = {Role::Owner}}, how(), batch_));
  EXPECT_TRUE(registry_.find_party(PartyId("acme"))->is(Role::Owner));
  EXPECT_TRUE(registry_.find_party(PartyId("acme"))->is(Role::Client));
}

TEST_F(RegistryTest, NumbersEventsWithoutGapsAcrossLoads) {
  for (int i = 0; i < 5; ++i) registry_.record({.kind = "test", .text = std::to_string(i)}, how(i), batch_);
  commit();
  Registry again;
  ASSERT_TRUE(again.load(store_));
  again.record({.kind = "test", .text = "5"}, how(5), batch_);
  const auto events = again.events_from(store_, 3, 10);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 4U);
  EXPECT_EQ(events->front().number, 3U);
  EXPECT_EQ(events->back().text, "5");
}

TEST_F(RegistryTest, FindsAMachineByWhatPeopleType) {
  ASSERT_TRUE(registry_.add_voucher(voucher('3', "SN-1"), offered(), how(), batch_));
  Voucher near = voucher('4', "SN-2");
  near.facts.machine = MachineId("3" + std::string(63, '4'));
  ASSERT_TRUE(registry_.add_voucher(near, offered(), how(), batch_));
  EXPECT_EQ(registry_.resolve_machine("SN-1")->text, hex('3'));
  EXPECT_EQ(registry_.resolve_machine("334").has_value(), false);
  EXPECT_EQ(registry_.resolve_machine("3333")->text, hex('3'));
  EXPECT_EQ(registry_.resolve_machine("3").error().code, ErrorCode::Conflict);
  EXPECT_EQ(registry_.resolve_machine("").error().code, ErrorCode::NotFound);
}

TEST_F(RegistryTest, SaysWhichRecordIsCorrupt) {
  ASSERT_TRUE(registry_.add_party({.id = PartyId("acme"), .roles = {Role::Client}}, how(), batch_));
  commit();
  for (const std::string bad : {"", "[]", "{\"party\": 7}", "{\"roles\": [\"king\"]}", "{\"since\": \"yesterday\"}"}) {
    store_.tamper(store::Table::Parties, "acme", bad);
    Registry again;
    const Done loaded = again.load(store_);
    ASSERT_FALSE(loaded) << bad;
    EXPECT_EQ(loaded.error().code, ErrorCode::Corrupt);
    EXPECT_NE(loaded.error().text().find("acme"), std::string::npos);
  }
}

}  // namespace
}  // namespace fleet::registry
