// Who is near the end of a term, what to offer, and what to do with the answer. Pure: an agreement and a moment give what is
// to be done; fleet/operations does it.
#pragma once

#include <optional>
#include <string>

#include "fleet/registry/records.h"
#include "policies/terms/terms.h"

namespace fleet::renewals {
using namespace policies::vocabulary;
namespace terms = policies::terms;

struct Settings {
  // A machine whose lease will end and not be renewed is emptied so long before the end, if that is known by then.
  Duration drain_lead = std::chrono::hours(24 * 7);
  // An owner has at least this long to answer, also when the offer went out late (the controller was down at its time).
  Duration answer_time_min = std::chrono::hours(24 * 3);
  // An offer made to a new customer that is never answered lapses after this.
  Duration first_offer_life = std::chrono::hours(24 * 365);
};

enum class Act {
  None,
  Offer,    // offer a renewal now: NearEnd
  End,      // the term is over, without a renewal: End, then release
  Renew,    // the answer was yes and the term is over: Renew, and a new agreement follows
  Lapse,    // the first offer was never answered
  Release,  // ended, terminated (notice over), discontinued or declined: empty the machine and give it back
};

struct Decision {
  Act act = Act::None;
  std::string reason;          // for people
  std::optional<Instant> due;  // with None: when to ask again; nothing: not before other news
};

// What an agreement needs at `now`. `lead` is its terms' renewal lead.
//   Offered: lapses after first_offer_life. Active: a renewal is offered `lead` before the end. Ending: until the end of the
//   term, or answer_time_min after the offer if that is later, an answer is awaited; then, or at the end of the term when the answer
//   is there, it is renewed or ends. No answer is no consent. Terminated: released when the notice is over.
Decision decide(const registry::Agreement& agreement, Duration lead, Instant now, const Settings& settings);

// Until when the owner may answer an offer that goes out at `now`.
Instant answer_by(const registry::Agreement& agreement, Instant now, const Settings& settings);

// True while the agreement lets the machine furnish anything: active, in breach within grace, ending or under notice, and its
// term not over.
bool furnishes(const registry::Agreement& agreement, Instant now);

// Since when, or from when on, the machines are to be emptied although the lease still runs: its end is certain and drain_lead
// away. Nothing while the end is not certain.
std::optional<Instant> drains_from(const registry::Agreement& agreement, const Settings& settings);

// What the owner is shown: the offer, its incentives and terms, until when to answer, and what no answer means.
std::string offer_text(const terms::Offer& offer, const terms::Terms& terms, Instant ends_at, Instant answer_by);

}  // namespace fleet::renewals
