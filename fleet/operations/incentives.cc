// What a customer gets for agreeing, in money: valued as it was quoted, booked when the agreement is in force.
#include "fleet/operations/world.h"
#include "policies/pricing/quote.h"

namespace fleet::operations {
namespace {

// The price of one amount of a component in a model; nothing when the model does not offer it.
std::optional<Money> option_price(const terms::Model& model, terms::Component component, std::uint64_t amount) {
  for (const terms::HardwareOption& option : model.options)
    if (option.component == component && option.amount == amount) return option.price;
  return {};
}

std::string kind_of(const terms::Incentive& incentive) {
  std::string kind(name_of(incentive.kind));
  if (incentive.upgrade) kind += " " + std::string(name_of(incentive.upgrade->component));
  return kind;
}

// Two of the same kind stand apart by a number.
void add(std::vector<registry::GrantedIncentive>& granted, const terms::Incentive& incentive, const Money& value) {
  if (value.minor_units() <= 0) return;
  std::string kind = kind_of(incentive);
  for (int number = 2;; ++number) {
    const bool taken = std::any_of(granted.begin(), granted.end(), [&](const auto& one) { return one.kind == kind; });
    if (!taken) break;
    kind = kind_of(incentive) + " " + std::to_string(number);
  }
  granted.push_back({kind, incentive.text, value, incentive.schedule});
}

// The beginning of the month that is `months` after the one `start` lies in, but never before `start`.
Instant months_after(Instant start, std::int32_t months) {
  const auto day = std::chrono::floor<std::chrono::days>(start);
  const std::chrono::year_month_day date(day);
  std::chrono::year_month_day later = date + std::chrono::months(months);
  if (!later.ok()) later = later.year() / later.month() / std::chrono::last;
  return std::chrono::sys_days(later) + (start - day);
}

}  // namespace

// By the order when we have it: then exactly as quoted. Without it only what needs no order can be valued; the rest waits for it.
void Operations::World::value_incentives(const AgreementId& id, Instant now, store::Batch& batch) {
  const registry::Agreement& agreement = *registry.find_agreement(id);
  const Result<const terms::Offer*> offer = rules.find_offer(agreement.offer, agreement.offer_version);
  if (!offer) return;
  std::vector<registry::GrantedIncentive> granted;
  const auto order_text = orders.find(agreement.order.text);
  bool complete = true;
  if (order_text != orders.end() && agreement.follows.empty()) {
    const Result<terms::Order> order = policies::loading::load_order(order_text->second, "order", zones);
    const auto full = order ? policies::loading::order_in_full(rules, *order) : Result<policies::loading::OrderInFull>(order.error());
    if (full)
      for (const policies::pricing::QuotedIncentive& one : full->quote.incentives) add(granted, one.incentive, one.value);
    complete = full.has_value();
  } else {
    const registry::Voucher* voucher = agreement.machines.empty() ? nullptr : registry.find_voucher(agreement.machines.front());
    const Result<const terms::Model*> model = rules.find_model(terms::ModelId(voucher == nullptr ? "" : voucher->facts.model));
    const terms::Terms* agreed = terms_of(agreement);
    for (const terms::Incentive& incentive : (*offer)->incentives) {
      if (incentive.kind == terms::IncentiveKind::Discount || (incentive.upgrade && agreement.follows.empty() == false)) {
        complete = false;
        continue;
      }
      if (!incentive.upgrade) {
        add(granted, incentive, incentive.value);
        continue;
      }
      // The voucher tells what was built: an upgrade counts when its result is there.
      const terms::Upgrade& upgrade = *incentive.upgrade;
      const bool built = voucher != nullptr && agreed != nullptr &&
                         (upgrade.component == terms::Component::Processor ? voucher->facts.processor_mhz == upgrade.to
                          : upgrade.component == terms::Component::Disk
                              ? voucher->facts.lease == policies::pricing::leased_bytes(*agreed, Bytes{upgrade.to})
                              : false);
      const auto from = model ? option_price(**model, upgrade.component, upgrade.from) : std::nullopt;
      const auto to = model ? option_price(**model, upgrade.component, upgrade.to) : std::nullopt;
      if (built && from && to)
        add(granted, incentive, *to - *from);
      else
        complete = false;
    }
  }
  if (!complete && agreement.follows.empty())
    registry.record({.kind = "incentives-incomplete", .agreement = id, .party = agreement.owner,
                     .text = "order '" + agreement.order.text + "' is not known here: import it, so that all incentives can be valued"},
                    by_controller(now, ""), batch);
  registry.update(id, [&](registry::Agreement& record) { record.incentives = std::move(granted); }, batch);
}

void Operations::World::book_incentives(const AgreementId& id, Instant now, store::Batch& batch) {
  const registry::Agreement* agreement = registry.find_agreement(id);
  if (agreement == nullptr || !agreement->starts_at) return;
  const ledger::Rule rule{agreement->offer.text, static_cast<std::uint32_t>(agreement->offer_version)};
  const auto grant = [&](const registry::GrantedIncentive& incentive, const std::string& occasion) {
    book(ledger::incentive_entry({agreement->id, agreement->owner, incentive.kind, occasion, incentive.value, incentive.text, rule}), now, batch);
  };
  bool monthly = false;
  for (const registry::GrantedIncentive& incentive : agreement->incentives) {
    if (incentive.schedule == terms::Schedule::Once) grant(incentive, "once");
    monthly = monthly || incentive.schedule == terms::Schedule::Monthly;
  }
  if (!monthly) return;
  std::int32_t months = agreement->months_granted;
  constexpr std::int32_t at_once_max = 120;
  for (std::int32_t i = 0; i < at_once_max; ++i) {
    const Instant begins = months_after(*agreement->starts_at, months);
    if (begins > now || !renewals::furnishes(*agreement, begins)) break;
    for (const registry::GrantedIncentive& incentive : agreement->incentives)
      if (incentive.schedule == terms::Schedule::Monthly) grant(incentive, "month " + std::to_string(months + 1));
    ++months;
  }
  const Instant next = months_after(*agreement->starts_at, months);
  if (renewals::furnishes(*agreement, now)) due.arm(DueKind::Incentive, id.text, std::max(next, now + std::chrono::minutes(1)));
  if (months != agreement->months_granted)
    registry.update(id, [&](registry::Agreement& record) { record.months_granted = months; }, batch);
}

}  // namespace fleet::operations
