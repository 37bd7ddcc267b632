// Goal: no rule reaches a customer that contradicts itself or another. Method: small rules made here, each spoilt in one way;
// and the rules that we ship, loaded whole.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "policies/loading/loading.h"
#include "policies/loading/strict_yaml.h"

namespace policies::loading {
namespace {

const RuleFile model{"model.yaml", R"(kind: model
id: pc
version: 1
dated: 2026-11-21
name: PC
base_price: 500.00 USD
disks: [{size: 20 GB, price: 60 USD}, {size: 40 GB, price: 90 USD}]
processors: [{speed: 1.4 GHz, price: 80 USD}]
memories: [{size: 256 MB, price: 40 USD}]
)"};
const RuleFile terms_file{"terms.yaml", R"(kind: terms
id: night
version: 1
dated: 2026-11-21
title: Night
disk_share_percent: 15
processor_hours: 23:00-07:00
powered_hours: always
memory_ceiling_percent: 50
processor_ceiling_percent: 90
network_per_month: 20 GB
length_days: 365
notice_days: 14
grace_days: 14
renewal_lead_days: 30
breaches: [{id: off, what: It was off., cost: 0 USD}]
summary: At night.
)"};
const RuleFile offer{"offer.yaml", R"(kind: offer
id: home
version: 1
dated: 2026-11-21
title: Home
terms: night
incentives:
  - {kind: discount, percent: 15, text: less}
  - {kind: hardware-upgrade, component: disk, from: 20 GB, to: 40 GB, text: more}
  - {kind: monthly-payment, value: 3 USD, text: paid}
  - {kind: web-hosting, value: 6 USD, schedule: once, text: a site}
renewal_offer: home
)"};
const RuleFile prices_file{"prices.yaml", R"(kind: prices
id: standard
version: 1
dated: 2026-11-21
currency: EUR
client_computing: {base_per_hour: 4.5, factor: 0.296, exponent: 1.155, threshold_gigaflops: 100, rate_above_threshold: 1.5, transfer_per_leg_and_gigabyte: 0.02, baseline_reliability: 0.9}
owner_computing: {per_megahertz_hour: 0.00005, per_gigahertz_hour_of_work: 0.05, conclusion_limit_hours: 2, lowest_availability: 0.01, highest_availability: 0.99}
storage: {client_price_per_gigabyte_month: 0.05, owner_pay_per_gigabyte_month: 0.004}
)"};

RuleFile changed(RuleFile file, const std::string& from, const std::string& to) {
  const std::size_t at = file.text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  file.text.replace(at, from.size(), to);
  return file;
}

std::string fault(const std::vector<RuleFile>& files) {
  Result<Rules> rules = rules_from(files);
  return rules ? "no fault" : rules.error().message;
}

TEST(Rules, ReadWhatAModelSaysOfPartsFirmwareAndIndicator) {
  RuleFile whole = model;
  whole.text += R"(modems: [{kind: cellular, price: 120 USD}]
backup_powers: [{kind: ups, price: 75 USD}]
declined_disk: as-offered
parts: {products: [PC 1, PC 1a], tpm: true, wired_ports: 2, wireless_ports: 1}
firmware: {remote_wake: enabled, power_on_after_power_loss: as-found, administrator_lock: disabled}
indicator: {led: "chassis:green:indicator"}
)";
  const Rules rules = *rules_from({whole, terms_file, offer, prices_file});
  const terms::Model& pc = **rules.find_model(terms::ModelId("pc"));
  EXPECT_EQ(pc.options.back().component, terms::Component::BackupPower);
  EXPECT_EQ(pc.declined_disk, terms::DeclinedDisk::AsOffered);
  EXPECT_EQ(pc.parts.products, (std::vector<std::string>{"PC 1", "PC 1a"}));
  EXPECT_TRUE(pc.parts.tpm_required);
  EXPECT_EQ(pc.parts.wired_ports, 2);
  EXPECT_EQ(pc.firmware.remote_wake, terms::FirmwareWish::On);
  EXPECT_EQ(pc.firmware.power_on_after_power_loss, terms::FirmwareWish::AsFound);
  EXPECT_EQ(pc.firmware.administrator_lock, terms::FirmwareWish::Off);
  EXPECT_EQ(pc.indicator_led, "chassis:green:indicator");
  EXPECT_NE(fault({changed(whole, "chassis:green:indicator", "../../etc"), terms_file, offer, prices_file}).find("is not the name of a LED"), std::string::npos);
  EXPECT_NE(fault({changed(whole, "kind: cellular", "kind: none"), terms_file, offer, prices_file}).find("leave it out"), std::string::npos);
  EXPECT_NE(fault({changed(whole, "remote_wake: enabled", "remote_wake: true"), terms_file, offer, prices_file}).find("as-found, disabled, enabled"),
            std::string::npos);
}

TEST(Rules, ReadEveryField) {
  const Rules rules = *rules_from({model, terms_file, offer, prices_file});
  const terms::Model& pc = **rules.find_model(terms::ModelId("pc"));
  EXPECT_EQ(pc.base_price.text(), "500.00 USD");
  ASSERT_EQ(pc.options.size(), 4U);
  EXPECT_EQ(pc.options[2].component, terms::Component::Processor);
  EXPECT_EQ(pc.options[2].amount, 1400U);
  const terms::Terms& night = **rules.find_terms(TermsId("night"));
  EXPECT_EQ(night.processor_hours, (terms::DailyWindow{1380, 420}));
  EXPECT_TRUE(night.powered_hours.is_always());
  EXPECT_EQ(night.length, std::chrono::days(365));
  const terms::Offer& home = **rules.find_offer(OfferId("home"));
  ASSERT_EQ(home.incentives.size(), 4U);
  EXPECT_EQ(home.incentives[0].percent, 15);
  EXPECT_EQ(home.incentives[1].upgrade->to, 40'000'000'000U);
  EXPECT_EQ(home.incentives[2].schedule, terms::Schedule::Monthly);
  EXPECT_EQ(home.incentives[3].schedule, terms::Schedule::Once);
  EXPECT_EQ(home.renewal_offer, OfferId("home"));
  EXPECT_EQ(rules.standard_prices().currency.code, "EUR");
  EXPECT_EQ(rules.standard_prices().conclusion_limit, std::chrono::hours(2));
  EXPECT_EQ(rules.standard_prices().storage_pay_per_gigabyte_month, 0.004);
}

TEST(Rules, FindTheNewestVersionAndTheOneAskedFor) {
  RuleFile newer = changed(terms_file, "version: 1", "version: 3");
  newer = changed(newer, "disk_share_percent: 15", "disk_share_percent: 10");
  const Rules rules = *rules_from({newer, model, terms_file, offer, prices_file});
  EXPECT_EQ((*rules.find_terms(TermsId("night")))->disk_share_percent, 10);
  EXPECT_EQ((*rules.find_terms(TermsId("night"), 1))->disk_share_percent, 15);
  EXPECT_EQ(rules.find_terms(TermsId("night"), 2).error().code, ErrorCode::NotFound);
  EXPECT_EQ(rules.find_offer(OfferId("office")).error().message, "there are no offers 'office'; there is: home");
}

TEST(Rules, SayWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::vector<RuleFile>, std::string>> cases = {
      {{changed(terms_file, "disk_share_percent: 15", "disk_share_percent: 95")}, "terms.yaml:6:21: 'disk_share_percent' is '95', but must be 1 to 90"},
      {{changed(terms_file, "23:00-07:00", "23:00-23:00")},
       "terms.yaml:7:18: 'processor_hours': '23:00-23:00' could mean all day or nothing; for all day write 'always'"},
      {{changed(terms_file, "renewal_lead_days: 30", "renewal_lead_days: 366")},
       "terms.yaml:15:20: 'renewal_lead_days': a renewal cannot be offered before the agreement begins"},
      {{changed(terms_file, "[{id: off", "[{id: off, what: a, cost: 0 USD}, {id: off")}, "terms.yaml:16:50: 'breaches[2].id': 'off' is listed twice"},
      {{changed(model, "40 GB", "20 GB")}, "model.yaml:7:46: 'disks[2].size': 20 GB is offered twice"},
      {{changed(model, "1.4 GHz", "fast")},
       "model.yaml:8:22: 'processors[1].speed': 'fast' is not a speed such as '750 MHz' or '2.4 GHz', 1 MHz to 100 GHz"},
      {{changed(model, "500.00 USD", "500.00 XYZ")},
       "model.yaml:6:13: 'base_price': 'XYZ' is not a supported currency (AUD, CAD, CHF, EUR, GBP, NZD, PLN, SEK, USD)"},
      {{changed(offer, "to: 40 GB", "to: 20 GB")}, "offer.yaml:9:64: 'incentives[2].to': an upgrade must give more than was ordered"},
      {{changed(offer, "percent: 15", "percent: 101")}, "offer.yaml:8:31: 'incentives[1].percent' is '101', but must be 1 to 100"},
      {{changed(offer, "percent: 15", "value: 15 USD")}, "offer.yaml:8:5: 'incentives[1].percent' is missing\n"
                                                         "offer.yaml:8:22: unknown key 'value'; allowed are: kind, text, percent"},
      {{changed(prices_file, "baseline_reliability: 0.9}", "baseline_reliability: 1}")},
       "prices.yaml:6:184: 'client_computing.baseline_reliability' is '1', but must be 0.01 to 0.999"},
      {{changed(prices_file, "kind: prices", "kind: price")}, "prices.yaml:1:7: 'kind' must be one of: model, terms, offer, prices"},
      {{changed(prices_file, "kind: prices\n", "")}, "prices.yaml:1:1: 'kind' is missing; it is one of: model, terms, offer, prices"},
      {{terms_file, terms_file}, "terms.yaml:1:1: 'night' version 1 is already given by another file"},
      {{terms_file, prices_file, changed(offer, "terms: night", "terms: day")}, "offer 'home' version 1: there are no terms 'day'; there is: night"},
      {{terms_file, prices_file, changed(offer, "renewal_offer: home", "renewal_offer: away")},
       "offer 'home' version 1: renewal: there are no offers 'away'; there is: home"},
      {{terms_file}, "there are no prices 'standard'; there is: none"},
  };
  for (const auto& [files, message] : cases) {
    EXPECT_EQ(fault(files), message);
  }
}

TEST(Rules, ReportTheFaultsOfAllFiles) {
  const std::string said = fault({changed(model, "version: 1", "version: 0"), changed(offer, "title: Home", "titel: Home")});
  EXPECT_NE(said.find("model.yaml:3:10: 'version' is '0'"), std::string::npos) << said;
  EXPECT_NE(said.find("offer.yaml:5:1: unknown key 'titel'"), std::string::npos) << said;
}

TEST(ShippedRules, LoadAndKnowWhatToOfferNext) {
  const Result<Rules> rules = load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  ASSERT_TRUE(rules) << rules.error().text();
  EXPECT_GE(rules->models.size(), 2U);
  for (const terms::Offer& one : rules->offers) EXPECT_TRUE(one.renewal_offer.has_value()) << one.id.text;
}

TEST(ShippedRules, OfferEveryUpgradeThatAnOfferPromises) {
  const Rules rules = *load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  for (const terms::Offer& one : rules.offers)
    for (const terms::Incentive& incentive : one.incentives) {
      if (!incentive.upgrade) continue;
      const bool sold = std::any_of(rules.models.begin(), rules.models.end(), [&](const terms::Model& m) {
        const auto has = [&](std::uint64_t amount) {
          return std::any_of(m.options.begin(), m.options.end(), [&](const terms::HardwareOption& option) {
            return option.component == incentive.upgrade->component && option.amount == amount;
          });
        };
        return has(incentive.upgrade->from) && has(incentive.upgrade->to);
      });
      EXPECT_TRUE(sold) << one.id.text << ": " << incentive.text;
    }
}

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "leaseback-rules-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(path_ / name, std::ios::binary) << text; }
  std::filesystem::path path_;
};

TEST_F(Folder, IsReadByNameAndOnlyItsYaml) {
  write("b.yaml", "b");
  write("a.yaml", "a");
  write("notes.txt", "x");
  const std::vector<RuleFile> files = *read_rule_folder(path_.string());
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].text, "a");
  EXPECT_EQ(files[1].name, (path_ / "b.yaml").string());
}

TEST_F(Folder, ThatHoldsNothingIsNotTakenForRules) {
  EXPECT_EQ(read_rule_folder(path_.string()).error().code, ErrorCode::NotFound);
  EXPECT_EQ(read_rule_folder((path_ / "none").string()).error().code, ErrorCode::NotFound);
}

TEST_F(Folder, RefusesAFileBeyondTheLimitAndAFolderForAFile) {
  write("large.yaml", std::string(yaml_size_max, 'x'));
  EXPECT_TRUE(read_text_file((path_ / "large.yaml").string()));
  write("large.yaml", std::string(yaml_size_max + 1, 'x'));
  EXPECT_EQ(read_text_file((path_ / "large.yaml").string()).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(read_text_file(path_.string()).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(read_text_file((path_ / "none").string()).error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace policies::loading
