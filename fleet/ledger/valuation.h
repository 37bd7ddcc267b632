// What a measurement is worth by some prices, with the arithmetic shown. Entries are made and explained by the same function.
#pragma once

#include <string>

#include "fleet/ledger/journal.h"
#include "policies/pricing/prices.h"

namespace fleet::ledger {

struct Valuation {
  Money amount;
  std::string formula;
};

// InvalidInput for an unknown kind, a missing quantity, or one outside the formula's range.
Result<Valuation> value_of(const Measurement& measurement, const policies::pricing::Prices& prices);

// The kinds of measurement, and what each of their entries debits and credits; "%" stands for the party.
struct Sides {
  std::string_view kind;
  std::string_view debit;
  std::string_view credit;
};
// Nothing for an unknown kind.
std::optional<Sides> sides_of(std::string_view kind);
std::string account_for(std::string_view side, const PartyId& party);

}  // namespace fleet::ledger
