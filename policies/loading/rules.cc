#include <algorithm>
#include <set>

#include "policies/loading/hardware_text.h"
#include "policies/loading/loading.h"
#include "policies/loading/model_section.h"
#include "policies/loading/strict_yaml.h"

namespace policies::loading {
namespace {

using pricing::Prices;
using pricing::PricesId;
using terms::Component;
using terms::Incentive;
using terms::IncentiveKind;
using terms::Model;
using terms::ModelId;
using terms::Offer;
using terms::Schedule;
using terms::Terms;

Terms terms_from(Section& root) {
  Terms rule;
  read_heading(root, rule);
  rule.title = root.text("title", {1, 80});
  rule.disk_share_percent = root.integer("disk_share_percent", {1, 90});
  rule.processor_hours = root.read("processor_hours", terms::daily_window_from);
  rule.powered_hours = root.read("powered_hours", terms::daily_window_from);
  rule.memory_ceiling_percent = root.integer("memory_ceiling_percent", {1, 100});
  rule.processor_ceiling_percent = root.integer("processor_ceiling_percent", {1, 100});
  rule.network_per_month = root.bytes("network_per_month", {Bytes{1'000'000}, Bytes{1'000'000'000'000'000}});
  rule.length = std::chrono::days(root.integer("length_days", {1, 3650}));
  rule.notice = std::chrono::days(root.integer("notice_days", {0, 365}));
  rule.grace = std::chrono::days(root.integer("grace_days", {0, 90}));
  rule.renewal_lead = std::chrono::days(root.integer("renewal_lead_days", {1, 3650}));
  if (rule.renewal_lead > rule.length) root.refuse("renewal_lead_days", "a renewal cannot be offered before the agreement begins");
  std::set<std::string> seen;
  for (Section& section : root.sections("breaches", {1, 50})) {
    terms::BreachRule breach{section.name("id"), section.text("what", {1, 400}), section.money("cost")};
    if (!seen.insert(breach.id).second) section.refuse("id", "'" + breach.id + "' is listed twice");
    rule.breaches.push_back(std::move(breach));
  }
  rule.summary = root.paragraphs("summary");
  return rule;
}

Incentive incentive_from(Section& section) {
  Incentive incentive;
  incentive.kind = section.one_of<IncentiveKind>("kind", {{"discount", IncentiveKind::Discount},
                                                          {"hardware-upgrade", IncentiveKind::HardwareUpgrade},
                                                          {"monthly-payment", IncentiveKind::MonthlyPayment},
                                                          {"free-support", IncentiveKind::FreeSupport},
                                                          {"internet-service", IncentiveKind::InternetService},
                                                          {"web-hosting", IncentiveKind::WebHosting}});
  incentive.text = section.text("text", {1, 200});
  if (incentive.kind == IncentiveKind::Discount) {
    incentive.percent = section.integer("percent", {1, 100});
    return incentive;
  }
  if (incentive.kind == IncentiveKind::HardwareUpgrade) {
    const auto component = section.one_of<Component>(
        "component", {{"disk", Component::Disk}, {"processor", Component::Processor}, {"memory", Component::Memory}, {"modem", Component::Modem},
                      {"backup-power", Component::BackupPower}});
    terms::Upgrade upgrade{component, read_amount(section, "from", component), read_amount(section, "to", component)};
    if (upgrade.to <= upgrade.from) section.refuse("to", "an upgrade must give more than was ordered");
    incentive.upgrade = upgrade;
    return incentive;
  }
  incentive.value = section.money("value");
  incentive.schedule = incentive.kind == IncentiveKind::MonthlyPayment
                           ? Schedule::Monthly
                           : section.one_of<Schedule>("schedule", {{"once", Schedule::Once}, {"monthly", Schedule::Monthly}});
  return incentive;
}

Offer offer_from(Section& root) {
  Offer offer;
  read_heading(root, offer);
  offer.title = root.text("title", {1, 80});
  offer.terms.text = root.name("terms");
  for (Section& section : root.sections("incentives", {1, 50})) offer.incentives.push_back(incentive_from(section));
  if (const std::optional<std::string> renewal = root.optional_name("renewal_offer")) offer.renewal_offer = OfferId(*renewal);
  return offer;
}

Prices prices_from(Section& root) {
  Prices prices;
  read_heading(root, prices);
  prices.currency = root.read("currency", currency_from);
  Section computing = root.section("client_computing");
  prices.cluster_base_per_hour = computing.number("base_per_hour", {0, 1000});
  prices.cluster_factor = computing.number("factor", {0, 1000});
  prices.cluster_exponent = computing.number("exponent", {0.1, 3});
  prices.threshold_gigaflops = computing.number("threshold_gigaflops", {0.001, 1e9});
  prices.rate_above_threshold = computing.number("rate_above_threshold", {1, 100});
  prices.transfer_per_leg_and_gigabyte = computing.number("transfer_per_leg_and_gigabyte", {0, 1000});
  prices.baseline_reliability = computing.number("baseline_reliability", {0.01, 0.999});
  Section owner = root.section("owner_computing");
  prices.per_megahertz_hour = owner.number("per_megahertz_hour", {0, 10});
  prices.per_gigahertz_hour_of_work = owner.number("per_gigahertz_hour_of_work", {0, 10'000});
  prices.conclusion_limit = std::chrono::hours(owner.integer("conclusion_limit_hours", {0, 168}));
  prices.lowest_availability = owner.number("lowest_availability", {0.0001, 0.5});
  prices.highest_availability = owner.number("highest_availability", {0.5, 0.9999});
  Section storage = root.section("storage");
  prices.storage_price_per_gigabyte_month = storage.number("client_price_per_gigabyte_month", {0, 1000});
  prices.storage_pay_per_gigabyte_month = storage.number("owner_pay_per_gigabyte_month", {0, 1000});
  return prices;
}

// Collects the errors of many files into one.
class Complaints {
 public:
  void add(const std::string& lines) { text_ += (text_.empty() ? "" : "\n") + lines; }
  void add(const Error& error) { add(error.message); }
  [[nodiscard]] Done verdict() const {
    if (text_.empty()) return {};
    return Error{ErrorCode::InvalidInput, text_, {}};
  }

 private:
  std::string text_;
};

template <typename Rule>
void keep(std::vector<Rule>& rules, Rule rule, const std::string& file, Complaints& complaints) {
  const bool known = std::any_of(rules.begin(), rules.end(), [&](const Rule& other) { return other.id == rule.id && other.version == rule.version; });
  if (known)
    complaints.add(file + ":1:1: '" + rule.id.text + "' version " + std::to_string(rule.version) + " is already given by another file");
  else
    rules.push_back(std::move(rule));
}

void read_file(const RuleFile& file, Rules& rules, Complaints& complaints) {
  Result<StrictYaml> yaml = StrictYaml::parse(file.text, file.name);
  if (!yaml) return complaints.add(yaml.error());
  Section root = yaml->root();
  if (!root.has("kind")) return complaints.add(root.place() + ": 'kind' is missing; it is one of: model, terms, offer, prices");
  const std::string kind = root.text("kind");
  const auto finish = [&](auto& all, auto rule) {
    if (Done whole = yaml->finish(); !whole) return complaints.add(whole.error());
    keep(all, std::move(rule), file.name, complaints);
  };
  if (kind == "model") return finish(rules.models, model_from(root));
  if (kind == "terms") return finish(rules.terms, terms_from(root));
  if (kind == "offer") return finish(rules.offers, offer_from(root));
  if (kind == "prices") return finish(rules.prices, prices_from(root));
  // Which keys it may have depends on what it is, so nothing else can be said of it.
  complaints.add(root.place("kind") + ": 'kind' must be one of: model, terms, offer, prices");
}

void check_references(const Rules& rules, Complaints& complaints) {
  for (const Offer& offer : rules.offers) {
    const std::string name = "offer '" + offer.id.text + "' version " + std::to_string(offer.version);
    if (Result<const Terms*> found = rules.find_terms(offer.terms); !found) complaints.add(name + ": " + found.error().message);
    if (!offer.renewal_offer) continue;
    if (Result<const Offer*> found = rules.find_offer(*offer.renewal_offer); !found) complaints.add(name + ": renewal: " + found.error().message);
  }
  if (Result<const Prices*> found = rules.find_prices(PricesId("standard")); !found) complaints.add(found.error().message);
}

template <typename Rule, typename RuleId>
Result<const Rule*> found_in(const std::vector<Rule>& rules, const RuleId& id, std::optional<std::int64_t> version, std::string_view what) {
  const Rule* best = nullptr;
  std::set<std::string> names;
  for (const Rule& rule : rules) {
    names.insert(rule.id.text);
    if (rule.id != id || (version && rule.version != *version)) continue;
    if (best == nullptr || rule.version > best->version) best = &rule;
  }
  if (best != nullptr) return best;
  std::string listed;
  for (const std::string& name : names) listed += (listed.empty() ? "" : ", ") + name;
  return Error{ErrorCode::NotFound,
               "there are no " + std::string(what) + " '" + id.text + "'" + (version ? " version " + std::to_string(*version) : "") +
                   "; there is: " + (listed.empty() ? "none" : listed),
               {}};
}

}  // namespace

Result<const Model*> Rules::find_model(const ModelId& id) const { return found_in(models, id, std::nullopt, "models"); }
Result<const Terms*> Rules::find_terms(const TermsId& id, std::optional<std::int64_t> version) const {
  return found_in(terms, id, version, "terms");
}
Result<const Offer*> Rules::find_offer(const OfferId& id, std::optional<std::int64_t> version) const {
  return found_in(offers, id, version, "offers");
}
Result<const Prices*> Rules::find_prices(const PricesId& id, std::optional<std::int64_t> version) const {
  return found_in(prices, id, version, "prices");
}
const Prices& Rules::standard_prices() const { return **find_prices(PricesId("standard")); }

Result<Rules> rules_from(const std::vector<RuleFile>& files) {
  Rules rules;
  Complaints complaints;
  for (const RuleFile& file : files) read_file(file, rules, complaints);
  // A reference may lead to a rule whose own file is at fault; say only what is wrong with the files first.
  if (Done verdict = complaints.verdict(); !verdict) return verdict.error();
  check_references(rules, complaints);
  if (Done verdict = complaints.verdict(); !verdict) return verdict.error();
  return rules;
}

Result<Rules> load_rules(const std::string& folder) {
  Result<std::vector<RuleFile>> files = read_rule_folder(folder);
  if (!files) return files.error();
  return rules_from(*files);
}

}  // namespace policies::loading
