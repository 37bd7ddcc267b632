// What was agreed and what it is worth, from YAML files into checked structs. Every value in a struct that comes from here
// is in the range its own header states; references between rules (offer -> terms, offer -> renewal offer) lead somewhere.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/loading/rule_folder.h"
#include "policies/pricing/prices.h"
#include "policies/pricing/quote.h"
#include "policies/terms/terms.h"
#include "policies/terms/zone.h"
#include "policies/vocabulary/result.h"

namespace policies::loading {
using namespace policies::vocabulary;

// All rules in force, and their earlier versions when they are shipped too: a statement of last year names last year's.
// Lookups without a version yield the highest one. The pointers live as long as the Rules and are never null.
struct Rules {
  std::vector<terms::Model> models;
  std::vector<terms::Terms> terms;
  std::vector<terms::Offer> offers;
  std::vector<pricing::Prices> prices;

  // NotFound, naming what there is.
  [[nodiscard]] Result<const terms::Model*> find_model(const terms::ModelId& id) const;
  [[nodiscard]] Result<const terms::Terms*> find_terms(const TermsId& id, std::optional<std::int64_t> version = {}) const;
  [[nodiscard]] Result<const terms::Offer*> find_offer(const OfferId& id, std::optional<std::int64_t> version = {}) const;
  [[nodiscard]] Result<const pricing::Prices*> find_prices(const pricing::PricesId& id,
                                                          std::optional<std::int64_t> version = {}) const;
  // The prices named "standard", which loading requires.
  [[nodiscard]] const pricing::Prices& standard_prices() const;
};

// Each file holds one rule, whose `kind` (model, terms, offer, prices) says what it is. Errors of all files together.
Result<Rules> rules_from(const std::vector<RuleFile>& files);

// The rules of a folder: read_rule_folder, then rules_from.
Result<Rules> load_rules(const std::string& folder);

// One order. `file` is only for the messages. The zone must be one that `zones` know.
Result<terms::Order> load_order(std::string_view text, std::string file, const terms::ZoneRules& zones);
// The same from a file of at most yaml_size_max bytes.
Result<terms::Order> load_order_file(const std::string& path, const terms::ZoneRules& zones);

// All that an order leads to. NotFound when the order names what the rules do not have.
struct OrderInFull {
  terms::Order order;
  terms::Model model;
  terms::Offer offer;
  terms::Terms terms;
  pricing::Quote quote;
};
Result<OrderInFull> order_in_full(const Rules& rules, terms::Order order);

}  // namespace policies::loading
