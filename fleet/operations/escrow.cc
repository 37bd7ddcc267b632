// The keys of lease partitions: taken over from the line, kept sealed, handed to the machine whose they are.
#include <algorithm>

#include "fleet/operations/world.h"
#include "images/keys/sealing.h"
#include "images/keys/statement.h"

namespace fleet::operations {
namespace {

constexpr std::string_view controller_purpose = "controller";

// What a line sent, opened with our own key.
struct Opened {
  contract::Escrow facts;
  contract::SlotKeys keys;
};

Result<Opened> opened(const keys::Statement& statement, const std::optional<keys::PrivateKey>& own) {
  Result<contract::Escrow> facts = contract::escrow_from(statement.payload);
  if (!facts) return facts.error().within("reading an escrow");
  const auto refused = [&](const std::string& why) { return Error{ErrorCode::Refused, why, {"reading the escrow of serial " + facts->serial}}; };
  if (!own || own->id() != facts->sealed_to)
    return refused("it is sealed to another controller's key (" + facts->sealed_to.text.substr(0, 16) + "...); export it again with the escrow.pub of this one");
  const Result<std::string> sealed = keys::bytes_of_base64(facts->sealed);
  if (!sealed) return refused("its sealed part is not base64");
  const Result<std::string> plain = keys::open_with(*own, *sealed, contract::escrow_context(*facts));
  if (!plain) return refused("its sealed part does not open, or belongs to another machine");
  Result<contract::SlotKeys> slots = contract::slot_keys_from(*plain);
  if (!slots) return refused("its sealed part holds no slot keys");
  return Opened{*std::move(facts), *std::move(slots)};
}

}  // namespace

Result<bool> Operations::import_escrow(std::string_view dsse, const std::string& by, Instant now, store::Batch& batch) {
  World& world = *world_;
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return statement.error().within("reading an escrow");
  const Result<contract::Escrow> claimed = contract::escrow_from(statement->payload);
  if (!claimed) return claimed.error().within("reading an escrow");
  const registry::Voucher* voucher = world.registry.find_voucher(claimed->machine);
  if (voucher == nullptr)
    return Error{ErrorCode::NotFound, "no voucher for machine " + claimed->machine.text.substr(0, 16) + "...; import it first", {"reading an escrow"}};
  const registry::Line* line = world.registry.find_line(voucher->line);
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(line == nullptr ? "" : line->public_key_pem);
  if (!key) return key.error().within("reading the key of line '" + voucher->line.text + "'");
  if (const Done proven = keys::verify_statement(*statement, *key, contract::escrow_type); !proven)
    return proven.error().within("the escrow of serial " + claimed->serial);
  if (claimed->serial != voucher->facts.serial || claimed->order != voucher->facts.order)
    return Error{ErrorCode::Refused, "the escrow is for serial '" + claimed->serial + "', order '" + claimed->order.text + "', its machine's voucher for '" +
                                         voucher->facts.serial + "', '" + voucher->facts.order.text + "'", {}};
  const Result<Opened> fresh = opened(*statement, world.own.escrow);
  if (!fresh) return fresh.error();
  const registry::Machine* machine = world.registry.find_machine(claimed->machine);
  if (machine != nullptr && machine->state == terms::MachineState::Released) return false;  // its partition is gone, and its keys with it
  if (const std::string* known = world.registry.find_escrow(claimed->machine)) {
    // Each export seals anew, so only what is inside tells whether it is the same.
    const Result<keys::Statement> before = keys::parse_statement(*known);
    const Result<Opened> earlier = before ? opened(*before, world.own.escrow) : Result<Opened>(before.error());
    if (earlier && earlier->facts.lease_uuid == fresh->facts.lease_uuid && contract::payload_of(earlier->keys) == contract::payload_of(fresh->keys)) return false;
    return Error{ErrorCode::Conflict, "other slot keys of machine " + claimed->serial + " were escrowed before", {}};
  }
  world.registry.keep_escrow(claimed->machine, dsse, {now, by, "line " + voucher->line.text}, batch);
  return true;
}

Result<SlotKeyAnswer> Operations::slot_key(const MachineId& id, Instant now, store::Batch& batch) {
  World& world = *world_;
  const registry::Machine* machine = world.registry.find_machine(id);
  if (machine == nullptr) return Error{ErrorCode::NotFound, "no machine '" + id.text.substr(0, 64) + "'", {}};
  const auto refused = [&](const std::string& why) { return Error{ErrorCode::Refused, why, {"giving machine " + machine->serial + " its slot key"}}; };
  const registry::Agreement* agreement = world.agreement_of(*machine);
  if (agreement == nullptr || machine->public_key_pem.empty() || world.answered_with(*agreement) != contract::Choice::Accepted)
    return refused("its owner has not accepted the terms");
  // While it is emptied it still needs its partition; not once it was told to give it back.
  constexpr terms::MachineState needing[] = {terms::MachineState::Enrolled, terms::MachineState::Leased, terms::MachineState::Suspended, terms::MachineState::Releasing};
  if (std::find(std::begin(needing), std::end(needing), machine->state) == std::end(needing) || !machine->release_order.empty())
    return refused("it is " + std::string(name_of(machine->state)) + " and furnishes nothing");
  const std::string* dsse = world.registry.find_escrow(id);
  if (dsse == nullptr)
    return Error{ErrorCode::NotFound, "no slot keys of machine " + machine->serial + " were escrowed; export them from its line and import them", {}};
  const Result<keys::Statement> statement = keys::parse_statement(*dsse);
  if (!statement) return statement.error();
  const Result<Opened> kept = opened(*statement, world.own.escrow);
  if (!kept) return kept.error();
  if (kept->facts.machine != id || kept->facts.serial != machine->serial) return refused("the escrow kept under its id is another machine's");
  const auto purpose = std::find(kept->keys.purposes.begin(), kept->keys.purposes.end(), controller_purpose);
  if (purpose == kept->keys.purposes.end()) return refused("its escrow has no slot of the controller");
  const auto slot = static_cast<std::size_t>(purpose - kept->keys.purposes.begin());
  world.registry.record({.kind = "slot-key-handed-out", .machine = id, .agreement = agreement->id,
                         .text = "slot " + std::to_string(slot) + " of lease partition " + kept->facts.lease_uuid},
                        {now, "machine", "asked for it"}, batch);
  return SlotKeyAnswer{static_cast<std::uint32_t>(slot), *purpose, kept->facts.lease_uuid, kept->keys.keys[slot]};
}

}  // namespace fleet::operations
