// The life of an agreement after the first answer: in force, near its end, renewed or ended, its machines given back.
#include <algorithm>

#include "agent/contract/messages.pb.h"
#include "fleet/operations/world.h"
#include "images/keys/statement.h"

namespace fleet::operations {

void Operations::World::activate(const AgreementId& id, Instant starts_at, const registry::Happening& how, store::Batch& batch) {
  const registry::Agreement& agreement = *registry.find_agreement(id);
  const terms::Terms* agreed = terms_of(agreement);
  invariant(agreed != nullptr, "an agreement was accepted whose terms are unknown");
  registry.update(
      id,
      [&](registry::Agreement& record) {
        record.starts_at = starts_at;
        record.ends_at = starts_at + agreed->length;
      },
      batch);
  const Done active = registry.advance(id, terms::AgreementEvent::Activate, how, batch);
  invariant(active.has_value(), "an accepted agreement could not become active");
  book_incentives(id, how.at, batch);
  due.arm(DueKind::Agreement, id.text, how.at);
}

void Operations::World::offer_renewal(const AgreementId& id, Instant now, store::Batch& batch) {
  if (const Done near = registry.advance(id, terms::AgreementEvent::NearEnd, by_controller(now, "the term nears its end"), batch); !near) return;
  const registry::Agreement& agreement = *registry.find_agreement(id);
  const Result<const terms::Offer*> current = rules.find_offer(agreement.offer, agreement.offer_version);
  const OfferId next = current && (*current)->renewal_offer ? *(*current)->renewal_offer : OfferId();
  const Result<const terms::Offer*> offer = rules.find_offer(next);
  const Result<const terms::Terms*> offered_terms = offer ? rules.find_terms((*offer)->terms) : Result<const terms::Terms*>(offer.error());
  if (!offered_terms) return;  // nothing follows: the agreement ends at its end
  registry::Renewal renewal;
  renewal.offer = next;
  renewal.offered_at = now;
  renewal.answer_by = renewals::answer_by(agreement, now, settings.renewals);
  renewal.text = renewals::offer_text(**offer, **offered_terms, *agreement.ends_at, renewal.answer_by);
  registry.update(id, [&](registry::Agreement& record) { record.renewal = renewal; }, batch);
  registry.record({.kind = "renewal-offered", .machine = agreement.machines.front(), .agreement = id, .party = agreement.owner, .text = next.text},
                  by_controller(now, ""), batch);
  // One machine asks the owner; a site's others would only ask again.
  contract::Message message;
  contract::RenewalOffer& words = *message.mutable_renewal_offer();
  words.set_agreement(id.text);
  words.set_offer(next.text);
  words.set_text(renewal.text);
  words.set_answer_by_ms(renewal.answer_by.time_since_epoch().count());
  send(agreement.machines.front(), message);
}

void Operations::World::take_answer(const registry::Machine& machine, std::string_view dsse, Instant now, store::Batch& batch) {
  const auto refuse = [&](const std::string& why) {
    registry.record({.kind = "offer-answer-refused", .machine = machine.id, .agreement = machine.agreement, .party = machine.owner, .text = why},
                    by_controller(now, ""), batch);
  };
  const Result<keys::Statement> statement = keys::parse_statement(dsse);
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(machine.public_key_pem);
  if (!statement || !key || !keys::verify_statement(*statement, *key, contract::offer_answer_type)) return refuse("it is not signed by the machine");
  const Result<contract::OfferAnswer> answer = contract::offer_answer_from(statement->payload);
  if (!answer) return refuse(answer.error().message);
  const registry::Agreement* agreement = registry.find_agreement(answer->agreement);
  const bool ours = agreement != nullptr && answer->machine == machine.id &&
                    std::find(agreement->machines.begin(), agreement->machines.end(), machine.id) != agreement->machines.end();
  if (!ours) return refuse("it is about another machine's agreement");
  if (agreement->state != terms::AgreementState::Ending || !agreement->renewal || agreement->renewal->offer != answer->offer)
    return refuse("no such offer is open");
  // The first answer counts; the same again, after a session was reset, changes nothing.
  if (agreement->renewal->answer) return *agreement->renewal->answer == answer->choice ? void() : refuse("it was answered otherwise before");
  if (now > agreement->renewal->answer_by) return refuse("it came after " + text_of(agreement->renewal->answer_by));
  Result<std::string> countersigned = keys::countersign_statement(dsse, own.signing);
  if (!countersigned) return refuse(countersigned.error().message);

  const AgreementId id = agreement->id;
  const std::string word = answer->choice == contract::Choice::Accepted ? "accepted" : "declined";
  registry.update(
      id,
      [&](registry::Agreement& record) {
        record.renewal->answer = answer->choice;
        record.renewal->answered_at = now;
      },
      batch);
  registry.keep_statement("offer-answer/" + id.text, *countersigned, {now, "machine", ""}, batch);
  registry.record({.kind = "renewal-" + word, .machine = machine.id, .agreement = id, .party = machine.owner, .text = answer->offer.text}, {now, "owner", ""}, batch);
  send_notice(*registry.find_agreement(id), "Your answer is recorded: the offer '" + answer->offer.text + "' is " + word + ".", now);
  refresh(machine.id, now);
  step_agreement(id, now, batch);
}

// What was offered takes the place of what ends: a new agreement, in force from the end of the old one.
void Operations::World::renew(const AgreementId& id, const std::string& reason, Instant now, store::Batch& batch) {
  const registry::Happening how = by_controller(now, reason);
  const registry::Agreement old = *registry.find_agreement(id);
  const Result<const terms::Offer*> offer = rules.find_offer(old.renewal->offer);
  const Result<const terms::Terms*> agreed = offer ? rules.find_terms((*offer)->terms) : Result<const terms::Terms*>(offer.error());
  if (!agreed) {
    registry.record({.kind = "renewal-impossible", .agreement = id, .party = old.owner, .text = agreed.error().text()}, how, batch);
    if (registry.advance(id, terms::AgreementEvent::End, how, batch)) release(id, "ended", now, batch);
    return;
  }
  if (const Done renewed = registry.advance(id, terms::AgreementEvent::Renew, how, batch); !renewed) return;
  registry::Agreement next;
  next.machines = old.machines;
  next.owner = old.owner;
  next.terms = (*agreed)->id;
  next.terms_version = (*agreed)->version;
  next.terms_text = terms::canonical_text(**agreed, old.zone);
  next.terms_digest = keys::sha256(next.terms_text);
  next.offer = (*offer)->id;
  next.offer_version = (*offer)->version;
  next.order = old.order;
  next.zone = old.zone;
  next.answered_by = old.answered_by;
  next.follows = id;
  const AgreementId following = registry.add_agreement(std::move(next), how, batch);
  registry.update(id, [&](registry::Agreement& record) { record.followed_by = following; }, batch);
  value_incentives(following, now, batch);
  const Done accepted = registry.advance(following, terms::AgreementEvent::Accept, {now, "owner", "renewal of " + id.text}, batch);
  invariant(accepted.has_value(), "a renewed agreement could not be accepted");
  activate(following, old.ends_at.value_or(now), how, batch);
  for (const MachineId& machine : old.machines) {
    registry.update(machine, [&](registry::Machine& record) { record.agreement = following; }, batch);
    refresh(machine, now);
    send_config(*registry.find_machine(machine));
  }
  send_notice(*registry.find_agreement(following), "Your agreement was renewed.", now);
}

// Empties the machines and gives them back.
void Operations::World::release(const AgreementId& id, const std::string& reason, Instant now, store::Batch& batch) {
  const registry::Happening how = by_controller(now, reason);
  if (const Done releasing_now = registry.advance(id, terms::AgreementEvent::StartRelease, how, batch); !releasing_now) return;
  const registry::Agreement& agreement = *registry.find_agreement(id);
  for (const MachineId& machine : agreement.machines) {
    if (const Done started = registry.advance(machine, terms::MachineEvent::StartRelease, how, batch); !started) continue;
    start_draining(machine, how, batch);
    releasing.insert(machine);
    contract::Message message;
    message.mutable_drain()->set_reason(reason);
    send(machine, message);
  }
  send_notice(agreement, "Your agreement is over (" + reason + "). Your machine is being emptied; then all its space is yours.", now);
}

void Operations::World::step_agreement(const AgreementId& id, Instant now, store::Batch& batch) {
  constexpr int steps_max = 4;
  for (int i = 0; i < steps_max; ++i) {
    const registry::Agreement* agreement = registry.find_agreement(id);
    if (agreement == nullptr) return;
    const terms::Terms* agreed = terms_of(*agreement);
    const Duration lead = agreed == nullptr ? Duration(0) : Duration(agreed->renewal_lead);
    const renewals::Decision decision = renewals::decide(*agreement, lead, now, settings.renewals);
    const registry::Happening how = by_controller(now, decision.reason);
    const auto drains_from = renewals::drains_from(*agreement, settings.renewals);
    switch (decision.act) {
      case renewals::Act::None: {
        std::optional<Instant> next = decision.due;
        if (drains_from && now >= *drains_from)
          for (const MachineId& machine : agreement->machines) start_draining(machine, by_controller(now, "the lease ends at " + text_of(*agreement->ends_at)), batch);
        else if (drains_from && (!next || *drains_from < *next))
          next = drains_from;
        if (next) due.arm(DueKind::Agreement, id.text, *next);
        // At the end of the term nothing more is furnished, also while an answer is awaited.
        if (agreement->ends_at && now >= *agreement->ends_at)
          for (const MachineId& machine : agreement->machines) refresh(machine, now);
        else if (agreement->ends_at && next && *next > *agreement->ends_at)
          due.arm(DueKind::Agreement, id.text, *agreement->ends_at);
        return;
      }
      case renewals::Act::Offer: offer_renewal(id, now, batch); break;
      case renewals::Act::Renew: renew(id, decision.reason, now, batch); break;
      case renewals::Act::End:
        if (!registry.advance(id, terms::AgreementEvent::End, how, batch)) return;
        break;
      case renewals::Act::Lapse:
        if (!registry.advance(id, terms::AgreementEvent::Lapse, how, batch)) return;
        break;
      case renewals::Act::Release: release(id, decision.reason, now, batch); break;
    }
  }
}

Done Operations::terminate_agreement(const AgreementId& id, const std::string& by, const std::string& reason, Instant now, store::Batch& batch) {
  World& world = *world_;
  const registry::Agreement* agreement = world.registry.find_agreement(id);
  if (agreement == nullptr) return Error{ErrorCode::NotFound, "no agreement '" + id.text.substr(0, 64) + "'", {}};
  if (const Done done = world.registry.advance(id, terms::AgreementEvent::Terminate, {now, by, reason}, batch); !done) return done;
  const terms::Terms* agreed = world.terms_of(*agreement);
  const Instant notice_over = now + (agreed == nullptr ? Duration(0) : Duration(agreed->notice));
  world.registry.update(
      id, [&](registry::Agreement& record) { record.ends_at = record.ends_at ? std::min(*record.ends_at, notice_over) : notice_over; }, batch);
  world.send_notice(*agreement, "Notice was given (" + reason + "). Your agreement ends at " + text_of(*agreement->ends_at) + ".", now);
  for (const MachineId& machine : agreement->machines) world.refresh(machine, now);
  world.step_agreement(id, now, batch);
  world.finish(now, batch);
  return {};
}

}  // namespace fleet::operations
