// Machines leave: drained, given up, released. And come back.
#include "agent/contract/messages.pb.h"
#include "fleet/operations/world.h"
#include "images/keys/statement.h"

namespace fleet::operations {
namespace {

// Why an agreement's machines are released: declined, ended, discontinued or terminated.
std::string reason_of(const registry::Agreement* agreement) {
  using State = terms::AgreementState;
  if (agreement != nullptr)
    for (auto step = agreement->history.rbegin(); step != agreement->history.rend(); ++step)
      for (const State state : {State::Declined, State::Ended, State::Discontinued, State::Terminated})
        if (step->state == name_of(state)) return step->state;
  return std::string(name_of(State::Ended));
}

}  // namespace

void Operations::World::start_draining(const MachineId& id, const registry::Happening& how, store::Batch& batch) {
  const registry::Machine* machine = registry.find_machine(id);
  if (machine == nullptr || machine->draining) return;
  registry.update(
      id,
      [&](registry::Machine& record) {
        record.draining = registry::Draining{how.at, how.reason};
        record.history.push_back({how.at, "drain", std::string(name_of(record.state)), how.by, how.reason});
      },
      batch);
  registry.record({.kind = "machine-draining", .machine = id, .agreement = machine->agreement, .party = machine->owner, .text = how.reason}, how, batch);
  refresh(id, how.at);
  placement.drain(id);
  placement_changed = true;
  apply(scheduler.give_up_machine(id, how.at, batch), how.at, batch);
}

void Operations::World::give_up(const MachineId& id, const registry::Happening& how, store::Batch& batch) {
  const registry::Machine* machine = registry.find_machine(id);
  if (machine == nullptr || machine->given_up) return;
  registry.update(
      id,
      [&](registry::Machine& record) {
        record.given_up = registry::GivenUp{how.at, how.reason};
        record.history.push_back({how.at, "give-up", std::string(name_of(record.state)), how.by, how.reason});
      },
      batch);
  registry.record({.kind = "machine-given-up", .machine = id, .agreement = machine->agreement, .party = machine->owner, .text = how.reason}, how, batch);
  if (machine->state == terms::MachineState::Leased) {
    const Done suspended = registry.advance(id, terms::MachineEvent::Suspend, how, batch);
    invariant(suspended.has_value(), "a leased machine could not be suspended");
  }
  refresh(id, how.at);
  placement.give_up_machine(id, how.at, batch);
  placement_changed = true;
  apply(scheduler.give_up_machine(id, how.at, batch), how.at, batch);
}

// Heard again: what it holds is stale until its inventory says what may be deleted; then it may furnish again.
void Operations::World::take_back(const MachineId& id, Instant now, store::Batch& batch) {
  const registry::Happening how{now, "machine", "it was heard again"};
  registry.update(
      id,
      [&](registry::Machine& record) {
        record.given_up.reset();
        record.history.push_back({now, "return", std::string(name_of(record.state)), how.by, how.reason});
      },
      batch);
  const registry::Machine& machine = *registry.find_machine(id);
  registry.record({.kind = "machine-returned", .machine = id, .agreement = machine.agreement, .party = machine.owner, .text = how.reason}, how, batch);
  if (machine.state == terms::MachineState::Suspended) {
    const Done resumed = registry.advance(id, terms::MachineEvent::Resume, how, batch);
    invariant(resumed.has_value(), "a suspended machine could not be resumed");
  }
  contract::Message message;
  message.mutable_contents_request();
  send(id, message);
}

Result<std::string> Operations::World::release_order(const registry::Machine& machine, const std::string& reason, const std::string& forced_by,
                                                     Instant now) const {
  contract::ReleaseOrder order{machine.id, machine.agreement, reason, forced_by.empty(), forced_by, std::chrono::floor<std::chrono::seconds>(now)};
  return keys::sign_statement(contract::release_order_type, contract::payload_of(order), own.signing);
}

void Operations::World::order_release(const MachineId& id, const std::string& forced_by, const registry::Happening& how, store::Batch& batch) {
  const registry::Machine& machine = *registry.find_machine(id);
  Result<std::string> order = release_order(machine, reason_of(agreement_of(machine)), forced_by, how.at);
  invariant(order.has_value(), "the controller's signing key cannot sign a release order");
  registry.update(id, [&](registry::Machine& record) { record.release_order = *order; }, batch);
  registry.keep_statement("release-order/" + id.text, *order, how, batch);
  registry.record({.kind = forced_by.empty() ? "release-ordered" : "release-forced", .machine = id, .agreement = machine.agreement, .party = machine.owner,
                   .text = how.reason}, how, batch);
  contract::Message message;
  message.mutable_release()->set_dsse(*std::move(order));
  send(id, message);
}

// A machine whose lease is over, and on which nothing lies that anybody counts on, is told that its partition may go.
void Operations::World::order_releases(Instant now, store::Batch& batch) {
  for (auto id = releasing.begin(); id != releasing.end();) {
    if (!placement.is_empty(*id) || !scheduler.held_by(*id).empty()) {
      ++id;
      continue;
    }
    order_release(*id, "", by_controller(now, ""), batch);
    id = releasing.erase(id);
  }
}

Result<terms::MachineState> Operations::World::take_release_receipt(std::string_view dsse, Instant now, store::Batch& batch) {
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return statement.error().within("reading a receipt");
  const Result<contract::Receipt> facts = contract::receipt_from(statement->payload);
  if (!facts) return facts.error().within("reading a receipt");
  const registry::Machine* machine = registry.find_machine(facts->machine);
  if (machine == nullptr || machine->public_key_pem.empty())
    return Error{ErrorCode::NotFound, "machine " + facts->machine.text.substr(0, 16) + "... is not known here", {}};
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(machine->public_key_pem);
  if (!key) return key.error();
  if (const Done proven = keys::verify_statement(*statement, *key, contract::receipt_type); !proven)
    return proven.error().within("the receipt of machine " + machine->serial);
  if (facts->kind != contract::ReceiptKind::Released) return Error{ErrorCode::InvalidInput, "a machine's receipt is about its release", {}};
  const std::string digest = keys::sha256(statement->payload).text;
  if (machine->state == terms::MachineState::Released) {
    if (machine->release_receipt == digest) return machine->state;
    return Error{ErrorCode::Conflict, "machine " + machine->serial + " is released already, by another receipt", {}};
  }
  if (machine->release_order.empty()) return Error{ErrorCode::Conflict, "machine " + machine->serial + " was not ordered to release anything", {}};
  const registry::Happening how{now, "machine", "freed " + facts->freed.text()};
  if (const Done released = registry.advance(machine->id, terms::MachineEvent::FinishRelease, how, batch); !released) return released.error();
  registry.update(machine->id, [&](registry::Machine& record) { record.release_receipt = digest; }, batch);
  registry.keep_statement("receipt/" + machine->id.text + "/released", dsse, how, batch);
  registry.drop_escrow(machine->id, how, batch);
  releasing.erase(machine->id);
  // What it was told to delete, and did not say that it did, went with the partition.
  placement.give_up_machine(machine->id, now, batch, "the machine was released");
  refresh(machine->id, now);
  due.disarm(DueKind::Silence, machine->id.text);
  const registry::Agreement* agreement = agreement_of(*machine);
  if (agreement != nullptr && agreement->state == terms::AgreementState::Releasing) {
    bool all = true;
    for (const MachineId& one : agreement->machines)
      if (const registry::Machine* other = registry.find_machine(one); other != nullptr && other->state != terms::MachineState::Released) all = false;
    if (all) {
      const Done over = registry.advance(agreement->id, terms::AgreementEvent::FinishRelease, how, batch);
      invariant(over.has_value(), "a releasing agreement could not be released");
    }
  }
  return machine->state;
}

Result<terms::MachineState> Operations::take_receipt(std::string_view receipt, Instant now, store::Batch& batch) {
  Result<terms::MachineState> state = world_->take_release_receipt(receipt, now, batch);
  if (state) world_->finish(now, batch);
  return state;
}

Done Operations::give_up_machine(const MachineId& id, const std::string& by, const std::string& reason, Instant now, store::Batch& batch) {
  const registry::Machine* machine = world_->registry.find_machine(id);
  if (machine == nullptr) return Error{ErrorCode::NotFound, "no machine '" + id.text.substr(0, 64) + "'", {}};
  if (machine->public_key_pem.empty() || machine->state == terms::MachineState::Released)
    return Error{ErrorCode::Conflict, "machine " + machine->serial + " is " + std::string(name_of(machine->state)) + ": it holds nothing to be given up", {}};
  world_->give_up(id, {now, by, reason}, batch);
  world_->finish(now, batch);
  return {};
}

Done Operations::force_release(const MachineId& id, const std::string& by, const std::string& reason, Instant now, store::Batch& batch) {
  const registry::Machine* machine = world_->registry.find_machine(id);
  if (machine == nullptr) return Error{ErrorCode::NotFound, "no machine '" + id.text.substr(0, 64) + "'", {}};
  if (machine->state != terms::MachineState::Releasing || !machine->release_order.empty())
    return Error{ErrorCode::Conflict,
                 "machine " + machine->serial + " is " + std::string(name_of(machine->state)) +
                     (machine->release_order.empty() ? ": only a machine whose lease is over can be forced to release before it is drained" : " and was ordered to release already"),
                 {}};
  if (by.empty() || by.size() > 256) return Error{ErrorCode::InvalidInput, "who forces a release goes on the record: a name of 1 to 256 bytes", {}};
  world_->order_release(id, by, {now, by, reason}, batch);
  world_->releasing.erase(id);
  world_->finish(now, batch);
  return {};
}

Done Operations::drain_machine(const MachineId& id, const std::string& by, const std::string& reason, Instant now, store::Batch& batch) {
  const registry::Machine* machine = world_->registry.find_machine(id);
  if (machine == nullptr) return Error{ErrorCode::NotFound, "no machine '" + id.text.substr(0, 64) + "'", {}};
  if (machine->state != terms::MachineState::Leased && machine->state != terms::MachineState::Suspended)
    return Error{ErrorCode::Conflict, "machine " + machine->serial + " is " + std::string(name_of(machine->state)) + ": there is nothing to drain", {}};
  world_->start_draining(id, {now, by, reason}, batch);
  world_->finish(now, batch);
  return {};
}

}  // namespace fleet::operations
