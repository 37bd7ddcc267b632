// Goal: what a customer signs is one exact text, and what is promised is what both sides mean. Method: golden bytes written
// out here, every field changed in turn, and the source document's hours.
#include "policies/terms/terms.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace policies::terms {
namespace {

Terms home_night() {
  Terms terms;
  terms.id = TermsId("home-night");
  terms.version = 1;
  terms.dated = "2026-11-21";
  terms.title = "Home, nights";
  terms.disk_share_percent = 15;
  terms.processor_hours = {1380, 420};
  terms.powered_hours = {1320, 300};
  terms.memory_ceiling_percent = 50;
  terms.processor_ceiling_percent = 90;
  terms.network_per_month = Bytes{20'000'000'000};
  terms.length = std::chrono::days(365);
  terms.notice = std::chrono::days(14);
  terms.grace = std::chrono::days(7);
  terms.renewal_lead = std::chrono::days(30);
  terms.breaches = {{"machine-off", "The machine was off.", Money(2500, {"USD"})}};
  terms.summary = "A \"small\" part.\nAt night.";
  return terms;
}

TEST(Terms, CanonicalTextIsFrozen) {
  EXPECT_EQ(canonical_text(home_night(), "America/Chicago"),
            "{\"format\":\"leaseback-terms-1\",\"id\":\"home-night\",\"version\":1,\"dated\":\"2026-11-21\",\"title\":\"Home, nights\","
            "\"zone\":\"America/Chicago\",\"disk_share_percent\":15,\"processor_hours\":\"23:00-07:00\",\"powered_hours\":\"22:00-05:00\","
            "\"memory_ceiling_percent\":50,\"processor_ceiling_percent\":90,\"network_bytes_per_month\":20000000000,\"length_days\":365,"
            "\"notice_days\":14,\"grace_days\":7,\"renewal_lead_days\":30,\"breaches\":[{\"id\":\"machine-off\",\"what\":\"The machine was "
            "off.\",\"cost\":\"25.00 USD\"}],\"summary\":\"A \\\"small\\\" part.\\nAt night.\"}\n");
}

TEST(Terms, EveryFieldChangesTheCanonicalText) {
  const std::vector<std::function<void(Terms&)>> changes = {
      [](Terms& t) { t.id.text += "x"; },
      [](Terms& t) { ++t.version; },
      [](Terms& t) { t.dated = "2026-11-22"; },
      [](Terms& t) { t.title += "x"; },
      [](Terms& t) { ++t.disk_share_percent; },
      [](Terms& t) { ++t.processor_hours.to_minute; },
      [](Terms& t) { ++t.powered_hours.to_minute; },
      [](Terms& t) { ++t.memory_ceiling_percent; },
      [](Terms& t) { ++t.processor_ceiling_percent; },
      [](Terms& t) { ++t.network_per_month.count; },
      [](Terms& t) { t.length += std::chrono::days(1); },
      [](Terms& t) { t.notice += std::chrono::days(1); },
      [](Terms& t) { t.grace += std::chrono::days(1); },
      [](Terms& t) { t.renewal_lead += std::chrono::days(1); },
      [](Terms& t) { t.breaches[0].id += "x"; },
      [](Terms& t) { t.breaches[0].what += "x"; },
      [](Terms& t) { t.breaches[0].cost += Money(1, {"USD"}); },
      [](Terms& t) { t.breaches.clear(); },
      [](Terms& t) { t.summary += "x"; },
  };
  std::set<std::string> texts = {canonical_text(home_night(), "UTC"), canonical_text(home_night(), "Europe/Warsaw")};
  for (const auto& change : changes) {
    Terms changed = home_night();
    change(changed);
    texts.insert(canonical_text(changed, "UTC"));
  }
  EXPECT_EQ(texts.size(), changes.size() + 2);
}

TEST(Terms, PromiseOnlyWhatIsBothLeasedAndSwitchedOn) {
  Terms terms = home_night();
  EXPECT_EQ(promised(terms), (std::vector<DailyWindow>{{1380, 300}}));
  terms.powered_hours = {};
  EXPECT_EQ(promised(terms), (std::vector<DailyWindow>{{1380, 420}}));
  terms.powered_hours = {600, 660};
  EXPECT_TRUE(promised(terms).empty());
}

TEST(Terms, PlainTextNamesEveryNumberThatBinds) {
  const std::string text = plain_text(home_night());
  for (const char* part : {"15 %", "from 23:00 to 07:00", "from 22:00 to 05:00", "from 23:00 to 05:00", "50 %", "90 %", "20 GB", "365 days",
                           "14 days", "30 days", "7 days", "The machine was off.", "25.00 USD", "home-night, version 1"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Hardware, ReadsLikeACatalogue) {
  EXPECT_EQ(amount_text(Component::Disk, 40'000'000'000), "40 GB");
  EXPECT_EQ(amount_text(Component::Processor, 750), "750 MHz");
  EXPECT_EQ(amount_text(Component::Processor, 1000), "1 GHz");
  EXPECT_EQ(amount_text(Component::Processor, 1400), "1.4 GHz");
  EXPECT_EQ(amount_text(Component::Processor, 1450), "1450 MHz");
}

}  // namespace
}  // namespace policies::terms
