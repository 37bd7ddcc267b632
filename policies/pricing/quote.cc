#include "policies/pricing/quote.h"

#include <algorithm>
#include <array>
#include <limits>

namespace policies::pricing {
namespace {

using terms::Component;
using terms::HardwareOption;
using terms::Incentive;
using terms::IncentiveKind;
using terms::Model;
using terms::Offer;
using terms::Order;
using terms::OrderKind;
using terms::Schedule;
using terms::Terms;

Result<Money> option_price(const Model& model, Component component, std::uint64_t amount) {
  const bool may_be_none = component == Component::Modem || component == Component::BackupPower;
  if (may_be_none && amount == 0) return Money(0, model.base_price.currency());
  std::string choices = may_be_none ? "none" : "";
  for (const HardwareOption& option : model.options) {
    if (option.component != component) continue;
    if (option.amount == amount) return option.price;
    choices += (choices.empty() ? "" : ", ") + amount_text(component, option.amount);
  }
  return Error{ErrorCode::NotFound,
               "model '" + model.id.text + "' has no " + std::string(name_of(component)) + " of " + amount_text(component, amount) +
                   "; it offers " + (choices.empty() ? "nothing" : choices),
               {}};
}

// What is charged before any incentive. A retrofit pays only for what is more than what is there.
Result<Money> list_price_of(const Order& order, const Model& model) {
  Money total = order.kind == OrderKind::NewMachine ? model.base_price : Money(0, model.base_price.currency());
  for (const Component component : terms::all_components) {
    const std::uint64_t wanted = amount_of(order.ordered, component);
    // A retrofit never takes away: what differs is added.
    if (order.kind == OrderKind::Retrofit && wanted == amount_of(*order.present, component)) continue;
    Result<Money> price = option_price(model, component, wanted);
    if (!price) return price.error();
    total += *price;
  }
  return total;
}

Done check_currencies(const Model& model, const Offer& offer) {
  const Currency& currency = model.base_price.currency();
  const auto same = [&](const Money& money) { return money.currency() == currency; };
  const bool options_agree =
      std::all_of(model.options.begin(), model.options.end(), [&](const HardwareOption& option) { return same(option.price); });
  const bool incentives_agree = std::all_of(offer.incentives.begin(), offer.incentives.end(), [&](const Incentive& incentive) {
    const bool valued = incentive.kind != IncentiveKind::Discount && incentive.kind != IncentiveKind::HardwareUpgrade;
    return !valued || same(incentive.value);
  });
  if (options_agree && incentives_agree) return {};
  return Error{ErrorCode::InvalidInput,
               "model '" + model.id.text + "' and offer '" + offer.id.text + "' must name all money in " + currency.code, {}};
}

// What one incentive is worth for this order; nothing when it does not apply.
Result<std::optional<Money>> value_of(const Incentive& incentive, const Order& order, const Model& model, const Money& list_price) {
  switch (incentive.kind) {
    case IncentiveKind::Discount: return std::optional(part_of(list_price, incentive.percent, 100));
    case IncentiveKind::HardwareUpgrade: {
      const terms::Upgrade& upgrade = *incentive.upgrade;
      if (amount_of(order.ordered, upgrade.component) != upgrade.from) return std::optional<Money>();
      Result<Money> from = option_price(model, upgrade.component, upgrade.from);
      if (!from) return from.error();
      Result<Money> to = option_price(model, upgrade.component, upgrade.to);
      if (!to) return to.error();
      return std::optional(*to - *from);
    }
    default: return std::optional(incentive.value);
  }
}

// A line that builds all its machines with the disk of the offer gives that to whoever declined, too; a retrofit keeps what it has.
Done give_declined_disk(const Order& order, const Model& model, const Offer& offer, terms::Hardware& given) {
  if (model.declined_disk == terms::DeclinedDisk::AsOrdered || order.kind == OrderKind::Retrofit) return {};
  for (const Incentive& incentive : offer.incentives) {
    if (!incentive.upgrade || incentive.upgrade->component != Component::Disk || order.ordered.disk.count != incentive.upgrade->from) continue;
    if (Result<Money> offered = option_price(model, Component::Disk, incentive.upgrade->to); !offered) return offered.error();
    given.disk = Bytes{incentive.upgrade->to};
  }
  return {};
}

}  // namespace

Bytes leased_bytes(const terms::Terms& terms, Bytes disk) {
  const auto percent = static_cast<std::uint64_t>(terms.disk_share_percent);
  invariant(percent >= 1 && percent <= 90, "the leased share of a disk must be 1 to 90 percent");
  const std::uint64_t share = disk.count / 100 * percent + disk.count % 100 * percent / 100;
  return Bytes{share >> 20 << 20};
}

Result<Quote> quote(const Order& order, const Model& model, const Offer& offer, const Terms& terms) {
  invariant(order.model == model.id && order.offer == offer.id && offer.terms == terms.id, "a quote needs the rules that its order names");
  if (Done checked = check_currencies(model, offer); !checked) return checked.error();
  Result<Money> list_price = list_price_of(order, model);
  if (!list_price) return list_price.error();
  const Money nothing(0, list_price->currency());
  Quote result{order.id, {}, order.ordered, order.ordered, *list_price, nothing, *list_price, {}, nothing, nothing, {}};
  if (order.lease == terms::LeaseChoice::DeclinedAtOrder) {
    if (Done given = give_declined_disk(order, model, offer, result.given); !given) return given.error();
    return result;
  }

  result.terms_id = terms.id;
  for (const Incentive& incentive : offer.incentives) {
    Result<std::optional<Money>> value = value_of(incentive, order, model, *list_price);
    if (!value) return value.error().within("valuing offer '" + offer.id.text + "'");
    if (!*value) continue;
    if (incentive.kind == IncentiveKind::Discount) result.discount += **value;
    if (incentive.upgrade) set_amount(result.given, incentive.upgrade->component, incentive.upgrade->to);
    (incentive.schedule == Schedule::Once ? result.value_once : result.value_monthly) += **value;
    result.incentives.push_back({incentive, **value});
  }
  if (result.discount.minor_units() > list_price->minor_units())
    return Error{ErrorCode::InvalidInput, "the discounts of offer '" + offer.id.text + "' exceed the whole price", {}};
  result.price_to_pay = *list_price - result.discount;
  result.leased_disk = leased_bytes(terms, result.given.disk);
  return result;
}

}  // namespace policies::pricing
