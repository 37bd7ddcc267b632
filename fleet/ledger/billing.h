// Measurements become entries, by the formulas of policies/pricing; and an entry is explained by computing it again.
//
// Amounts come from running totals where small spans add up: the price of the total after less the price of the total before,
// each rounded half to even. A draft of no amount (is_nil) need not be booked: its span is in the next one.
// Every function is pure. An error is that of the formula, for a measurement outside its range.
#pragma once

#include "fleet/ledger/journal.h"
#include "fleet/placement/object.h"
#include "fleet/scheduler/job.h"
#include "policies/pricing/prices.h"

namespace fleet::ledger {

using Prices = policies::pricing::Prices;

// "cluster:<job>:<sample>": a quarter of an hour of cluster price at the power sampled. 1,000 MHz count as one GF.
Result<Draft> cluster_entry(const scheduler::PowerSample& sample, const Prices& prices);
// "premium:<job>:<sample>": a quarter of an hour of the premium for reliability above R; nil when no more than R was asked.
Result<Draft> premium_entry(const scheduler::PowerSample& sample, const Prices& prices);
// "transfer:<job>:<settlement>"
Result<Draft> transfer_entry(const scheduler::DataMoved& moved, const Prices& prices);
// "work:<machine>:<owner>:<settlement>": pay for occupied time, k C ln(1-pi)/ln(1-R) per hour.
Result<Draft> work_entry(const scheduler::WorkDone& work, const Prices& prices);
// "stored:<client>:<settlement>"
Result<Draft> storage_charge_entry(const placement::StorageUsed& used, const Prices& prices);
// "held:<machine>:<owner>:<settlement>"
Result<Draft> storage_pay_entry(const placement::StorageFurnished& furnished, const Prices& prices);

// What an owner got for agreeing: valued by the offer, booked when the agreement becomes active (or the month begins).
struct IncentiveGiven {
  AgreementId agreement;
  PartyId owner;
  std::string kind;      // as the offer names it: "discount", "upgrade", ...
  std::string occasion;  // "once", or the month: makes the natural key "incentive:<agreement>:<kind>:<occasion>"
  Money value;           // above zero
  std::string text;      // for people
  Rule rule;             // the offer and its version
};
// Granted to the owner and used by them at once: their total does not change, both lines stand in their statement.
Draft incentive_entry(const IncentiveGiven& given);

// True when every posting is zero.
[[nodiscard]] bool is_nil(const Draft& draft);

struct Explanation {
  std::string formula;   // "0.25 h x (4.5 + 0.296 x 1.5^1.155) = 1.243..."
  Money computed;        // what the measurement is worth by these prices
  Money booked;          // the amount that the entry moves to or from the party
  bool agrees = false;   // computed == booked, and the postings are those that the measurement asks for
  std::string difference;  // why it does not agree; empty when it does
};
// Computes the entry again from nothing but its measurement and `prices`. InvalidInput when the prices are not those that the
// entry's rule names (id and version), or the kind of measurement is unknown. An incentive is explained by its value.
Result<Explanation> explain(const Entry& entry, const Prices& prices);

}  // namespace fleet::ledger
