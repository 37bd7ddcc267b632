// Goal: the keys of a lease partition reach the machine whose they are, when its owner has accepted, and nobody else; each hand-out
// is on the record, no record holds a key. Method: the controller's use cases over a store in memory, restarted now and then.
#include <gtest/gtest.h>

#include "images/keys/sealing.h"
#include "images/keys/statement.h"
#include "tests/fleet/operations/rig.h"

namespace tests::fleet_operations {
namespace {

const std::string controller_key(64, '1');
const std::string recovery_key(64, '2');

struct Change {
  std::function<void(contract::Escrow&)> facts = [](contract::Escrow&) {};
  std::string first_key = controller_key;
  const keys::PrivateKey* signer = nullptr;
};

std::string escrow_of(const Rig& rig, const ScriptedMachine& machine, const Change& change = {}) {
  contract::SlotKeys slots;
  slots.purposes = {"controller", "recovery"};
  slots.keys = {change.first_key, recovery_key};
  contract::Escrow escrow{machine.facts.serial, machine.id, machine.facts.order, "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11", rig.escrow.id(), "", rig.now};
  escrow.made_at = std::chrono::floor<std::chrono::seconds>(rig.now);
  escrow.sealed = keys::base64_of(*keys::seal_to(rig.escrow.public_key(), contract::payload_of(slots), contract::escrow_context(escrow)));
  change.facts(escrow);
  return *keys::sign_statement(contract::escrow_type, contract::payload_of(escrow), change.signer == nullptr ? rig.line : *change.signer);
}

class Escrows : public testing::Test {
 protected:
  Escrows() {
    EXPECT_TRUE(rig.use([&](auto& o, auto& b) { return o.import_voucher(machine.voucher(), "staff", rig.now, b); }));
  }
  Result<bool> import(const std::string& dsse) {
    return rig.use([&](auto& o, auto& b) { return o.import_escrow(dsse, "staff anna", rig.now, b); });
  }
  Result<operations::SlotKeyAnswer> ask(const MachineId& id) {
    return rig.use([&](auto& o, auto& b) { return o.slot_key(id, rig.now, b); });
  }
  std::vector<std::string> events_about(const MachineId& id) {
    std::vector<std::string> kinds;
    for (const auto& event : rig.ops().registry().recent_events_of(id, 1000)) kinds.push_back(event.kind);
    return kinds;
  }
  std::ptrdiff_t handed_out(const MachineId& id) {
    const auto kinds = events_about(id);
    return std::count(kinds.begin(), kinds.end(), "slot-key-handed-out");
  }
  Rig rig;
  ScriptedMachine machine{rig, "SN-1", "alice"};
};

TEST_F(Escrows, ReachTheMachineAfterItsOwnerAccepted) {
  const auto imported = import(escrow_of(rig, machine));
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_TRUE(*imported);
  const auto early = ask(machine.id);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::Refused) << "no answer is no consent";

  ASSERT_TRUE(machine.enrol(contract::Choice::Accepted));
  rig.restart();
  const auto answer = ask(machine.id);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->key, controller_key);
  EXPECT_EQ(answer->slot, 0U);
  EXPECT_EQ(answer->lease_uuid, "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11");
  ASSERT_TRUE(ask(machine.id));
  EXPECT_EQ(handed_out(machine.id), 2) << "each hand-out is an event";
}

TEST_F(Escrows, StandInNoRecordInClear) {
  ASSERT_TRUE(import(escrow_of(rig, machine)));
  ASSERT_TRUE(machine.enrol(contract::Choice::Accepted));
  ASSERT_TRUE(ask(machine.id));
  for (std::size_t table = 0; table < fleet::store::table_count; ++table)
    ASSERT_TRUE(rig.store.scan(static_cast<fleet::store::Table>(table), "", [](std::string_view key, std::string_view value) {
      EXPECT_EQ(value.find(controller_key), std::string_view::npos) << key;
      EXPECT_EQ(value.find(recovery_key), std::string_view::npos) << key;
    }));
}

TEST_F(Escrows, OfOneMachineAreNotGivenToAnother) {
  ScriptedMachine other(rig, "SN-2", "bob");
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.import_voucher(other.voucher(), "staff", rig.now, b); }));
  ASSERT_TRUE(import(escrow_of(rig, machine)));
  ASSERT_TRUE(other.enrol(contract::Choice::Accepted));
  const auto answer = ask(other.id);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::NotFound);
  // The sealed part of one machine under the name of another does not open: it is bound to its machine.
  const auto swapped = import(escrow_of(rig, machine, {.facts = [&](contract::Escrow& facts) {
                                          facts.machine = other.id;
                                          facts.serial = other.facts.serial;
                                          facts.order = other.facts.order;
                                        }}));
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().code, ErrorCode::Refused);
}

TEST_F(Escrows, AreImportedOnce) {
  ASSERT_TRUE(*import(escrow_of(rig, machine)));
  rig.restart();
  const auto again = import(escrow_of(rig, machine));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_FALSE(*again) << "sealed anew, the same inside";
  const auto other = import(escrow_of(rig, machine, {.first_key = std::string(64, '9')}));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::Conflict);
}

TEST_F(Escrows, AreRefusedWhenTheyAreNotTheLines) {
  const keys::PrivateKey stranger = *keys::PrivateKey::generate(keys::KeyKind::SigningKey);
  EXPECT_FALSE(import(escrow_of(rig, machine, {.signer = &stranger})));
  EXPECT_FALSE(import(escrow_of(rig, machine, {.facts = [](contract::Escrow& facts) { facts.serial = "SN-9"; }})));
  EXPECT_FALSE(import(escrow_of(rig, machine, {.facts = [](contract::Escrow& facts) { facts.order = OrderId("other"); }})));
  EXPECT_FALSE(import(escrow_of(rig, machine, {.facts = [](contract::Escrow& facts) { facts.lease_uuid = "another"; }})));
  EXPECT_FALSE(import(escrow_of(rig, machine, {.facts = [&](contract::Escrow& facts) { facts.sealed_to = stranger.id(); }})));
  EXPECT_FALSE(import(escrow_of(rig, machine, {.facts = [](contract::Escrow& facts) { facts.sealed = "AAAA"; }})));
  EXPECT_FALSE(import("{}"));
  EXPECT_EQ(rig.ops().registry().find_escrow(machine.id), nullptr);
}

TEST_F(Escrows, GoWithTheRelease) {
  ASSERT_TRUE(import(escrow_of(rig, machine)));
  ASSERT_TRUE(machine.enrol(contract::Choice::Declined));
  const auto declined = ask(machine.id);
  ASSERT_FALSE(declined);
  EXPECT_EQ(declined.error().code, ErrorCode::Refused);
  ASSERT_TRUE(rig.use([&](auto& o, auto& b) { return o.take_receipt(machine.release_receipt(), rig.now, b); }));
  rig.restart();
  EXPECT_EQ(rig.ops().registry().find_escrow(machine.id), nullptr);
  const auto kinds = events_about(machine.id);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "slot-keys-destroyed"), 1);
  const auto late = import(escrow_of(rig, machine));
  ASSERT_TRUE(late) << late.error().text();
  EXPECT_FALSE(*late) << "its partition is gone";
}

}  // namespace
}  // namespace tests::fleet_operations
