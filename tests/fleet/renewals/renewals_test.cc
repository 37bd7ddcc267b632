// Goal: an owner is offered a renewal in time, is never held to what they did not accept, and is given back their machine.
// Method: agreements as values at chosen moments around their terms.
#include "fleet/renewals/renewals.h"

#include <gtest/gtest.h>

namespace fleet::renewals {
namespace {

using std::chrono::hours;
using State = terms::AgreementState;
using agent::contract::Choice;

const Instant start{std::chrono::seconds(1'800'000'000)};
const Instant end = start + hours(24 * 365);
const Duration lead = hours(24 * 30);

registry::Agreement in(State state) {
  registry::Agreement agreement;
  agreement.state = state;
  agreement.offered_at = start;
  agreement.starts_at = start;
  agreement.ends_at = end;
  return agreement;
}

registry::Agreement ending(std::optional<Choice> answer, Instant offered_at = end - lead) {
  registry::Agreement agreement = in(State::Ending);
  agreement.renewal = registry::Renewal{OfferId("more"), "text", offered_at, {}, answer, {}};
  agreement.renewal->answer_by = answer_by(agreement, offered_at, {});
  return agreement;
}

Act act(const registry::Agreement& agreement, Instant now) { return decide(agreement, lead, now, {}).act; }

TEST(Renewals, OfferGoesOutTheLeadBeforeTheEnd) {
  EXPECT_EQ(act(in(State::Active), end - lead - Duration(1)), Act::None);
  EXPECT_EQ(decide(in(State::Active), lead, start, {}).due, end - lead);
  EXPECT_EQ(act(in(State::Active), end - lead), Act::Offer);
}

TEST(Renewals, AnswersCountAtTheEndOfTheTermAndNotBefore) {
  EXPECT_EQ(act(ending(Choice::Accepted), end - Duration(1)), Act::None);
  EXPECT_EQ(act(ending(Choice::Accepted), end), Act::Renew);
  EXPECT_EQ(act(ending(Choice::Declined), end - Duration(1)), Act::None);
  EXPECT_EQ(act(ending(Choice::Declined), end), Act::End);
}

TEST(Renewals, NoAnswerIsNoConsent) {
  EXPECT_EQ(act(ending({}), end - Duration(1)), Act::None);
  EXPECT_EQ(act(ending({}), end), Act::End);
}

TEST(Renewals, ALateOfferStillLeavesTimeToAnswerButFurnishesNothingMeanwhile) {
  const registry::Agreement late = ending({}, end + hours(5));
  EXPECT_EQ(act(late, end + hours(6)), Act::None);
  EXPECT_FALSE(furnishes(late, end + hours(6)));
  EXPECT_EQ(act(late, end + hours(5 + 24 * 3)), Act::End);
  EXPECT_EQ(act(ending(Choice::Declined, end + hours(5)), end + hours(6)), Act::End);
}

TEST(Renewals, WithoutAnOfferTheTermStillRunsToItsEnd) {
  EXPECT_EQ(act(in(State::Ending), end - Duration(1)), Act::None);
  EXPECT_EQ(act(in(State::Ending), end), Act::End);
}

TEST(Renewals, EveryEndLeadsToARelease) {
  for (const State state : {State::Ended, State::Discontinued, State::Declined}) EXPECT_EQ(act(in(state), start), Act::Release);
  EXPECT_EQ(act(in(State::Terminated), end - Duration(1)), Act::None) << "notice runs";
  EXPECT_EQ(act(in(State::Terminated), end), Act::Release);
}

TEST(Renewals, LastStatesNeedNothing) {
  for (const State state : {State::Renewed, State::Lapsed, State::Releasing, State::Released, State::Accepted, State::InBreach}) {
    EXPECT_EQ(act(in(state), end + hours(10'000)), Act::None) << name_of(state);
    EXPECT_FALSE(decide(in(state), lead, end, {}).due) << name_of(state);
  }
}

TEST(Renewals, AFirstOfferLapses) {
  EXPECT_EQ(act(in(State::Offered), start + Settings{}.first_offer_life - Duration(1)), Act::None);
  EXPECT_EQ(act(in(State::Offered), start + Settings{}.first_offer_life), Act::Lapse);
}

TEST(Renewals, OnlyAgreementsInForceFurnish) {
  for (const State state : terms::all_agreement_states()) {
    const bool in_force = state == State::Active || state == State::InBreach || state == State::Ending || state == State::Terminated;
    EXPECT_EQ(furnishes(in(state), end - Duration(1)), in_force) << name_of(state);
    EXPECT_FALSE(furnishes(in(state), end)) << name_of(state);
  }
}

TEST(Renewals, MachinesAreEmptiedBeforeACertainEnd) {
  EXPECT_EQ(drains_from(ending(Choice::Declined), {}), end - Settings{}.drain_lead);
  EXPECT_EQ(drains_from(in(State::Terminated), {}), end - Settings{}.drain_lead);
  EXPECT_FALSE(drains_from(ending({}), {})) << "the owner may still accept";
  EXPECT_FALSE(drains_from(ending(Choice::Accepted), {}));
  EXPECT_FALSE(drains_from(in(State::Active), {}));
}

TEST(Renewals, TheOfferSaysWhatItIsAndWhatSilenceMeans) {
  terms::Offer offer;
  offer.title = "Another year";
  offer.incentives = {{terms::IncentiveKind::MonthlyPayment, 0, {}, Money(500, {}), terms::Schedule::Monthly, "Five dollars a month"}};
  terms::Terms agreed;
  agreed.summary = "You lease the night.";
  const std::string text = offer_text(offer, agreed, end, end);
  for (const char* part : {"Another year", "Five dollars a month", "If you do not answer"}) EXPECT_NE(text.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace fleet::renewals
