// A machine proves its key, shows its voucher and what its owner answered; it is leased or given back, and the owner gets our
// signature beside the machine's.
#include "fleet/operations/world.h"
#include "images/keys/certificates.h"
#include "images/keys/statement.h"
#include "policies/vocabulary/hex.h"

namespace fleet::operations {
namespace {

// What an enrolment claims, after every signature in it was verified but before it is held against what we know.
struct Claim {
  contract::Enrolment enrolment;
  keys::PublicKey key;
  contract::Consent consent;
  std::string consent_payload;
};

Error unproven(std::string why) { return {ErrorCode::Unauthenticated, std::move(why), {"enrolling a machine"}}; }

Result<Claim> claim_from(std::string_view dsse) {
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  if (!statement) return statement.error().within("reading an enrolment");
  Result<contract::Enrolment> enrolment = contract::enrolment_from(statement->payload);
  if (!enrolment) return enrolment.error().within("reading an enrolment");
  Result<keys::PublicKey> key = keys::PublicKey::from_pem(enrolment->public_key_pem);
  if (!key) return key.error().within("reading the machine's key");
  if (key->id().text != enrolment->machine.text) return unproven("the key is not that of machine " + enrolment->machine.text.substr(0, 16) + "...");
  if (const Done proven = keys::verify_statement(*statement, *key, contract::enrolment_type); !proven) return unproven(proven.error().message);

  const Result<keys::Statement> words = keys::parse_statement(enrolment->consent);
  if (!words) return words.error().within("reading the consent of an enrolment");
  if (const Done proven = keys::verify_statement(*words, *key, contract::consent_type); !proven)
    return unproven("the consent is not signed by the machine: " + proven.error().message);
  Result<contract::Consent> consent = contract::consent_from(words->payload);
  if (!consent) return consent.error().within("reading the consent of an enrolment");
  if (consent->machine != enrolment->machine) return Error{ErrorCode::Refused, "the consent is another machine's", {"enrolling a machine"}};
  return Claim{*std::move(enrolment), *std::move(key), *std::move(consent), words->payload};
}

}  // namespace

NonceAnswer Operations::nonce(Instant now) {
  World& world = *world_;
  // So many at once are not machines: the oldest promise goes, whoever held it asks again.
  while (!world.nonces_given.empty() && (world.nonces_given.front().first <= now || world.nonces_given.size() >= world.settings.nonces_max)) {
    world.nonces.erase(world.nonces_given.front().second);
    world.nonces_given.pop_front();
  }
  std::string nonce = hex_of(keys::random_bytes(32));
  world.nonces[nonce] = now + world.settings.nonce_life;
  world.nonces_given.emplace_back(now + world.settings.nonce_life, nonce);
  return {std::move(nonce), world.own.authority_pem, world.own.signing.public_key().pem()};
}

// The answer to whoever is enrolled: with a fresh certificate, or with the order to release.
Result<EnrolmentAnswer> Operations::World::enrolment_answer(const MachineId& id, const keys::PublicKey& key, Instant now, store::Batch& batch) {
  const registry::Machine& machine = *registry.find_machine(id);
  const registry::Agreement& agreement = *registry.find_agreement(machine.agreement);
  EnrolmentAnswer answer;
  answer.agreement = agreement.id;
  answer.countersigned = consent_of(agreement);
  if (answered_with(agreement) == contract::Choice::Declined) {
    answer.outcome = EnrolmentOutcome::Declined;
    answer.release_order = machine.release_order;
    return answer;
  }
  const Result<std::string> pem = certificate(machine.id.text, key, settings.machine_certificate_life, now);
  if (!pem) return pem.error().within("issuing a certificate");
  const Result<keys::CertificateFacts> facts = keys::certificate_facts(*pem);
  if (!facts) return facts.error().within("issuing a certificate");
  registry.update(
      id,
      [&](registry::Machine& record) {
        record.certificate_serial = facts->serial;
        record.certificate_until = facts->not_after;
      },
      batch);
  answer.outcome = EnrolmentOutcome::Leased;
  answer.certificate_pem = *pem;
  answer.authority_pem = own.authority_pem;
  answer.terms_text = agreement.terms_text;
  return answer;
}

// A renewed agreement rests on the consent of the first.
const registry::Agreement& Operations::World::first_of(const registry::Agreement& agreement) const {
  const registry::Agreement* first = &agreement;
  while (!first->follows.empty())
    if (const registry::Agreement* before = registry.find_agreement(first->follows))
      first = before;
    else
      break;
  return *first;
}

std::string Operations::World::consent_of(const registry::Agreement& agreement) const { return first_of(agreement).countersigned; }

contract::Choice Operations::World::answered_with(const registry::Agreement& agreement) const {
  return first_of(agreement).starts_at ? contract::Choice::Accepted : contract::Choice::Declined;
}

Done Operations::World::accept(const MachineId& id, const AgreementId& agreement, const std::string& owner, Instant now, store::Batch& batch) {
  const registry::Happening how{now, "owner " + owner, "accepted at the machine"};
  if (const Done done = registry.advance(agreement, terms::AgreementEvent::Accept, how, batch); !done) return done;
  if (const Done done = registry.advance(id, terms::MachineEvent::Enrol, how, batch); !done) return done;
  activate(agreement, now, how, batch);
  if (const Done done = registry.advance(id, terms::MachineEvent::StartLease, how, batch); !done) return done;
  refresh(id, now);
  due.arm(DueKind::Silence, id.text, now + settings.silence_limit);
  send_config(*registry.find_machine(id));
  return {};
}

Done Operations::World::decline(const MachineId& id, const AgreementId& agreement, const std::string& owner, Instant now, store::Batch& batch) {
  const registry::Happening how{now, "owner " + owner, "declined at the machine"};
  if (const Done done = registry.advance(agreement, terms::AgreementEvent::Decline, how, batch); !done) return done;
  if (const Done done = registry.advance(agreement, terms::AgreementEvent::StartRelease, how, batch); !done) return done;
  if (const Done done = registry.advance(id, terms::MachineEvent::Decline, how, batch); !done) return done;
  if (const Done done = registry.advance(id, terms::MachineEvent::StartRelease, how, batch); !done) return done;
  Result<std::string> order = release_order(*registry.find_machine(id), "declined", "", now);
  if (!order) return order.error();
  registry.update(id, [&](registry::Machine& record) { record.release_order = *order; }, batch);
  registry.keep_statement("release-order/" + id.text, *order, how, batch);
  refresh(id, now);
  return {};
}

Result<EnrolmentAnswer> Operations::enrol(std::string_view dsse, Instant now, store::Batch& batch) {
  World& world = *world_;
  const Result<Claim> claim = claim_from(dsse);
  if (!claim) return claim.error();
  const auto promised = world.nonces.find(claim->enrolment.nonce);
  if (promised == world.nonces.end() || promised->second <= now)
    return unproven("the nonce was not given by this controller, or is used or too old; ask for another");
  world.nonces.erase(promised);

  Result<registry::Voucher> voucher = world.checked_voucher(claim->enrolment.voucher, now);
  if (!voucher) return voucher.error().within("enrolling a machine");
  const MachineId id = claim->enrolment.machine;
  if (voucher->facts.machine != id) return Error{ErrorCode::Refused, "the voucher is another machine's", {"enrolling a machine"}};
  if (claim->consent.terms_digest != voucher->facts.terms_digest)
    return Error{ErrorCode::Refused, "the consent is about other terms than the voucher", {"enrolling a machine"}};
  // Nothing is changed before everything is known to be lawful.
  if (const registry::Machine* known = world.registry.find_machine(id)) {
    const registry::Voucher* before = world.registry.find_voucher(id);
    if (before == nullptr || contract::payload_of(before->facts) != contract::payload_of(voucher->facts))
      return Error{ErrorCode::Conflict, "machine " + known->serial + " was vouched for differently before", {"enrolling a machine"}};
    const registry::Agreement* agreement = world.registry.find_agreement(known->agreement);
    invariant(agreement != nullptr, "a machine has no agreement");
    if (agreement->state == terms::AgreementState::Lapsed)
      return Error{ErrorCode::Refused, "the offer to machine " + known->serial + " lapsed at " + text_of(agreement->state_since), {"enrolling a machine"}};
    const std::string recorded = world.consent_of(*agreement);
    if (!recorded.empty()) {
      const Result<keys::Statement> earlier = keys::parse_statement(recorded);
      if (!earlier || earlier->payload != claim->consent_payload)
        return Error{ErrorCode::Conflict, "another answer of machine " + known->serial + "'s owner is recorded already", {"enrolling a machine"}};
      if (known->state == terms::MachineState::Released && world.answered_with(*agreement) == contract::Choice::Accepted)
        return Error{ErrorCode::Conflict, "machine " + known->serial + " is released", {"enrolling a machine"}};
      return world.enrolment_answer(id, claim->key, now, batch);
    }
  }
  Result<registry::Agreement> offer = world.offered(voucher->facts);
  if (!offer) return offer.error().within("enrolling a machine");
  Result<std::string> countersigned = keys::countersign_statement(claim->enrolment.consent, world.own.signing);
  if (!countersigned) return countersigned.error().within("countersigning a consent");

  const registry::Happening how{now, "machine", "enrolment"};
  store::Batch changes;
  const Result<bool> added = world.registry.add_voucher(*std::move(voucher), *std::move(offer), how, changes);
  if (!added) return added.error().within("enrolling a machine");
  const AgreementId agreement = world.registry.find_machine(id)->agreement;
  if (*added) world.value_incentives(agreement, now, changes);
  world.registry.update(id, [&](registry::Machine& record) { record.public_key_pem = claim->key.pem(); }, changes);
  world.registry.update(
      agreement,
      [&](registry::Agreement& record) {
        record.answered_by = claim->consent.answered_by;
        record.countersigned = *countersigned;
      },
      changes);
  world.registry.keep_statement("consent/" + id.text, *countersigned, how, changes);
  const bool yes = claim->consent.choice == contract::Choice::Accepted;
  const Done answered = yes ? world.accept(id, agreement, claim->consent.answered_by, now, changes)
                            : world.decline(id, agreement, claim->consent.answered_by, now, changes);
  invariant(answered.has_value(), "an offer that stands could not be answered");
  Result<EnrolmentAnswer> answer = world.enrolment_answer(id, claim->key, now, changes);
  if (!answer) return answer;
  world.finish(now, changes);
  batch.insert(batch.end(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
  return answer;
}

}  // namespace fleet::operations
