// Goal: the page a buyer decides by is right to the cent and to the byte. Method: the source document's order and its variations,
// worked by hand.
#include "policies/pricing/quote.h"

#include <gtest/gtest.h>

namespace policies::pricing {
namespace {

using namespace terms;

constexpr std::uint64_t gb = 1'000'000'000;
const Currency usd{"USD"};

Model home_pc() {
  Model model;
  model.id = ModelId("home-pc");
  model.base_price = Money(54900, usd);
  model.options = {{Component::Disk, 20 * gb, Money(6000, usd)},       {Component::Disk, 40 * gb, Money(9000, usd)},
                   {Component::Processor, 750, Money(8000, usd)},      {Component::Processor, 1000, Money(13000, usd)},
                   {Component::Memory, gb / 4, Money(4000, usd)},      {Component::Memory, gb / 2, Money(8000, usd)}};
  return model;
}

Offer home_offer() {
  Offer offer;
  offer.id = OfferId("home");
  offer.terms = TermsId("home-night");
  Incentive discount;
  discount.percent = 15;
  Incentive disk;
  disk.kind = IncentiveKind::HardwareUpgrade;
  disk.upgrade = Upgrade{Component::Disk, 20 * gb, 40 * gb};
  Incentive processor = disk;
  processor.upgrade = Upgrade{Component::Processor, 750, 1000};
  Incentive support;
  support.kind = IncentiveKind::FreeSupport;
  support.value = Money(500, usd);
  support.schedule = Schedule::Monthly;
  offer.incentives = {discount, disk, processor, support};
  return offer;
}

terms::Terms home_night() {
  terms::Terms rule;
  rule.id = TermsId("home-night");
  rule.disk_share_percent = 15;
  return rule;
}

Order order() {
  Order order;
  order.id = OrderId("home-alice");
  order.model = ModelId("home-pc");
  order.offer = OfferId("home");
  order.ordered = {Bytes{20 * gb}, 750, Bytes{gb / 4}};
  return order;
}

TEST(Quote, IsThatOfTheSourceDocument) {
  const Quote quoted = *quote(order(), home_pc(), home_offer(), home_night());
  EXPECT_EQ(quoted.given, (Hardware{Bytes{40 * gb}, 1000, Bytes{gb / 4}}));
  // 549 + 60 + 80 + 40 = 729.00; 15 % of it = 109.35
  EXPECT_EQ(quoted.list_price.text(), "729.00 USD");
  EXPECT_EQ(quoted.discount.text(), "109.35 USD");
  EXPECT_EQ(quoted.price_to_pay.text(), "619.65 USD");
  ASSERT_EQ(quoted.incentives.size(), 4U);
  EXPECT_EQ(quoted.incentives[1].value.text(), "30.00 USD");
  EXPECT_EQ(quoted.incentives[2].value.text(), "50.00 USD");
  EXPECT_EQ(quoted.value_once.text(), "189.35 USD");
  EXPECT_EQ(quoted.value_monthly.text(), "5.00 USD");
  EXPECT_EQ(quoted.terms_id, TermsId("home-night"));
  // 15 % of 40 GB is 6 000 000 000; a whole number of MiB below that is 5722 * 1048576.
  EXPECT_EQ(quoted.leased_disk, mebibytes(5722));
}

TEST(Quote, OfADeclinedOrderIsThePlainMachineAtItsPrice) {
  Order declined = order();
  declined.lease = LeaseChoice::DeclinedAtOrder;
  const Quote quoted = *quote(declined, home_pc(), home_offer(), home_night());
  EXPECT_EQ(quoted.given, declined.ordered);
  EXPECT_EQ(quoted.price_to_pay, quoted.list_price);
  EXPECT_TRUE(quoted.incentives.empty());
  EXPECT_EQ(quoted.leased_disk.count, 0U);
  EXPECT_TRUE(quoted.terms_id.empty());
}

TEST(Quote, OfADeclinedOrderGivesTheDiskThatItsModelSays) {
  Order declined = order();
  declined.lease = LeaseChoice::DeclinedAtOrder;
  Model model = home_pc();
  EXPECT_EQ(quote(declined, model, home_offer(), home_night())->given.disk, Bytes{20 * gb}) << "the smaller disk";
  model.declined_disk = DeclinedDisk::AsOffered;
  const Quote quoted = *quote(declined, model, home_offer(), home_night());
  EXPECT_EQ(quoted.given.disk, Bytes{40 * gb}) << "the disk of every machine of the line, all of it the customer's";
  EXPECT_EQ(quoted.given.processor_mhz, 750) << "and nothing else of the offer";
  EXPECT_EQ(quoted.price_to_pay.text(), "729.00 USD");
  EXPECT_EQ(quoted.leased_disk.count, 0U);
}

TEST(Quote, PricesOptionsAndGivesThemAsIncentives) {
  Model model = home_pc();
  model.options.push_back({Component::Modem, static_cast<std::uint64_t>(Modem::Cellular), Money(12000, usd)});
  model.options.push_back({Component::BackupPower, static_cast<std::uint64_t>(BackupPower::Ups), Money(7500, usd)});
  Order with_modem = order();
  with_modem.ordered.modem = Modem::Cellular;
  Offer offer = home_offer();
  Incentive ups;
  ups.kind = IncentiveKind::HardwareUpgrade;
  ups.upgrade = Upgrade{Component::BackupPower, static_cast<std::uint64_t>(BackupPower::None), static_cast<std::uint64_t>(BackupPower::Ups)};
  offer.incentives.push_back(ups);
  const Quote quoted = *quote(with_modem, model, offer, home_night());
  EXPECT_EQ(quoted.list_price.text(), "849.00 USD") << "729 and a modem";
  EXPECT_EQ(quoted.given.modem, Modem::Cellular);
  EXPECT_EQ(quoted.given.backup_power, BackupPower::Ups);
  EXPECT_EQ(quoted.incentives.back().value.text(), "75.00 USD");
  with_modem.ordered.modem = Modem::Telephone;
  EXPECT_EQ(quote(with_modem, model, offer, home_night()).error().message, "model 'home-pc' has no modem of telephone; it offers none, cellular");
}

TEST(Quote, GivesOnlyTheUpgradesThatFitTheOrder) {
  Order larger = order();
  larger.ordered.disk = Bytes{40 * gb};
  const Quote quoted = *quote(larger, home_pc(), home_offer(), home_night());
  EXPECT_EQ(quoted.given, (Hardware{Bytes{40 * gb}, 1000, Bytes{gb / 4}}));
  EXPECT_EQ(quoted.incentives.size(), 3U);
}

TEST(Quote, OfARetrofitChargesOnlyWhatIsAdded) {
  Order retrofit = order();
  retrofit.kind = terms::OrderKind::Retrofit;
  retrofit.ordered.memory = Bytes{gb / 2};
  retrofit.present = Hardware{Bytes{20 * gb}, 750, Bytes{gb / 4}};
  Offer offer = home_offer();
  offer.incentives.resize(1);
  const Quote quoted = *quote(retrofit, home_pc(), offer, home_night());
  EXPECT_EQ(quoted.list_price.text(), "80.00 USD");
  EXPECT_EQ(quoted.price_to_pay.text(), "68.00 USD");
  // 15 % of 20 GB: 3 000 000 000 = 2861.02 MiB
  EXPECT_EQ(quoted.leased_disk, mebibytes(2861));
}

TEST(Quote, RefusesHardwareThatTheModelDoesNotOffer) {
  Order odd = order();
  odd.ordered.disk = Bytes{30 * gb};
  const auto refused = quote(odd, home_pc(), home_offer(), home_night());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::NotFound);
  EXPECT_EQ(refused.error().message, "model 'home-pc' has no disk of 30 GB; it offers 20 GB, 40 GB");
  Offer generous = home_offer();
  generous.incentives[1].upgrade->to = 999 * gb;
  EXPECT_EQ(quote(order(), home_pc(), generous, home_night()).error().code, ErrorCode::NotFound);
}

TEST(Quote, RefusesTwoCurrenciesAndADiscountAboveThePrice) {
  Offer euros = home_offer();
  euros.incentives[3].value = Money(500, {"EUR"});
  EXPECT_EQ(quote(order(), home_pc(), euros, home_night()).error().code, ErrorCode::InvalidInput);
  Offer twice = home_offer();
  twice.incentives[0].percent = 60;
  twice.incentives.push_back(twice.incentives[0]);
  EXPECT_EQ(quote(order(), home_pc(), twice, home_night()).error().code, ErrorCode::InvalidInput);
}

TEST(LeasedBytes, NeverExceedTheShare) {
  terms::Terms rule = home_night();
  for (const std::uint64_t disk : {gb, 7 * gb + 123, 40 * gb, 1'000'000 * gb}) {
    for (std::int64_t percent = 1; percent <= 90; percent += 7) {
      rule.disk_share_percent = percent;
      const std::uint64_t leased = leased_bytes(rule, Bytes{disk}).count;
      EXPECT_LE(leased, disk / 100 * static_cast<std::uint64_t>(percent) + disk % 100 * static_cast<std::uint64_t>(percent) / 100);
      EXPECT_EQ(leased % mebibytes(1).count, 0U);
    }
  }
}

}  // namespace
}  // namespace policies::pricing
