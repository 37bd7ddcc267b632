// What an order costs and brings: the page a buyer sees before deciding, and what the factory then builds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policies/terms/terms.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace policies::pricing {
using namespace policies::vocabulary;

struct QuotedIncentive {
  terms::Incentive incentive;
  Money value;  // each time its schedule comes round
};

struct Quote {
  OrderId order;
  TermsId terms_id;   // empty when the customer declined
  terms::Hardware ordered;
  terms::Hardware given;                 // with the upgrades that apply
  Money list_price;                      // of what was ordered; for a retrofit, of what is added to what is there
  Money discount;                        // 0 or more
  Money price_to_pay;                    // list price − discount
  std::vector<QuotedIncentive> incentives;  // those that apply to this order
  Money value_once;                      // of all incentives given once, discount included
  Money value_monthly;                   // of all that come each month
  Bytes leased_disk;                     // share of the given disk, down to a whole MiB; 0 when declined
};

// The bytes of a disk that `terms` lease, rounded down to a whole MiB.
Bytes leased_bytes(const terms::Terms& terms, Bytes disk);

// An order whose lease is open until first boot is quoted as if accepted: the factory prepares it so. One that declined at
// order time gets what it ordered at the list price (with the disk that its model gives to such orders), and nothing is leased.
// `offer` and `terms` must be those the order names. Errors: NotFound when the model does not offer what was ordered, or not
// what an upgrade gives; InvalidInput for money of several currencies.
Result<Quote> quote(const terms::Order& order, const terms::Model& model, const terms::Offer& offer, const terms::Terms& terms);

}  // namespace policies::pricing
