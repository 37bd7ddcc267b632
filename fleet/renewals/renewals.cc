#include "fleet/renewals/renewals.h"

#include <algorithm>

namespace fleet::renewals {
namespace {

using State = terms::AgreementState;

Decision wait_until(Instant due) { return {Act::None, "", due}; }

Decision decide_ending(const registry::Agreement& agreement, Instant now) {
  if (!agreement.ends_at) return {};
  if (!agreement.renewal) {
    if (now < *agreement.ends_at) return wait_until(*agreement.ends_at);
    return {Act::End, "the term is over, and nothing else was on offer", {}};
  }
  const registry::Renewal& renewal = *agreement.renewal;
  if (renewal.answer) {
    if (now < *agreement.ends_at) return wait_until(*agreement.ends_at);
    if (*renewal.answer == agent::contract::Choice::Accepted) return {Act::Renew, "the owner accepted the offer '" + renewal.offer.text + "'", {}};
    return {Act::End, "the owner declined the offer '" + renewal.offer.text + "'", {}};
  }
  const Instant until = std::max(*agreement.ends_at, renewal.answer_by);
  if (now < until) return wait_until(until);
  return {Act::End, "the offer '" + renewal.offer.text + "' was not answered", {}};
}

}  // namespace

Decision decide(const registry::Agreement& agreement, Duration lead, Instant now, const Settings& settings) {
  switch (agreement.state) {
    case State::Offered: {
      const Instant lapses = agreement.offered_at + settings.first_offer_life;
      if (now >= lapses) return {Act::Lapse, "the offer was never answered", {}};
      return wait_until(lapses);
    }
    case State::Active: {
      if (!agreement.ends_at) return {};
      const Instant offer = *agreement.ends_at - lead;
      if (now >= offer) return {Act::Offer, "the term ends at " + text_of(*agreement.ends_at), {}};
      return wait_until(offer);
    }
    case State::Ending:
      return decide_ending(agreement, now);
    case State::Terminated:
      if (agreement.ends_at && now < *agreement.ends_at) return wait_until(*agreement.ends_at);
      return {Act::Release, "terminated", {}};
    case State::Ended: return {Act::Release, "ended", {}};
    case State::Discontinued: return {Act::Release, "discontinued", {}};
    case State::Declined: return {Act::Release, "declined", {}};
    case State::Accepted:
    case State::InBreach:
    case State::Renewed:
    case State::Lapsed:
    case State::Releasing:
    case State::Released: return {};
  }
  return {};
}

Instant answer_by(const registry::Agreement& agreement, Instant now, const Settings& settings) {
  const Instant at_least = now + settings.answer_time_min;
  return agreement.ends_at ? std::max(*agreement.ends_at, at_least) : at_least;
}

bool furnishes(const registry::Agreement& agreement, Instant now) {
  switch (agreement.state) {
    case State::Active:
    case State::InBreach:
    case State::Ending:
    case State::Terminated: return !agreement.ends_at || now < *agreement.ends_at;
    default: return false;
  }
}

std::optional<Instant> drains_from(const registry::Agreement& agreement, const Settings& settings) {
  if (!agreement.ends_at) return {};
  const bool refused = agreement.renewal && agreement.renewal->answer == agent::contract::Choice::Declined;
  const bool nothing_follows = agreement.state == State::Ending && (refused || !agreement.renewal);
  if (!nothing_follows && agreement.state != State::Terminated) return {};
  return *agreement.ends_at - settings.drain_lead;
}

std::string offer_text(const terms::Offer& offer, const terms::Terms& terms, Instant ends_at, Instant answer_by) {
  std::string text = "Your agreement ends on " + text_of(ends_at) + ". We offer you another: " + offer.title + ".\n\nWhat you get:\n";
  for (const terms::Incentive& incentive : offer.incentives) text += "- " + incentive.text + "\n";
  text += "\nWhat you furnish:\n" + terms::plain_text(terms);
  if (!text.ends_with('\n')) text += '\n';
  text += "\nPlease answer by " + text_of(answer_by) +
          ". If you do not answer, or decline, your agreement ends, and all of your machine's space is given back to you.\n";
  return text;
}

}  // namespace fleet::renewals
