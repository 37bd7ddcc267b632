// Goal: each kind of measurement becomes the amount that the formulas of mission.md give, and every entry can be computed again from
// itself. Method: examples worked by hand (the arithmetic stands beside each), and running totals cut in many places.
#include "fleet/ledger/billing.h"

#include "policies/vocabulary/random.h"
#include "tests/fakes/memory_store.h"

namespace tests {
namespace {
using namespace fleet::ledger;
namespace scheduler = fleet::scheduler;
namespace placement = fleet::placement;

const Instant noon = *instant_from("2026-11-21T12:00:00Z");

Prices prices() {
  Prices made;
  made.id = policies::pricing::PricesId("standard");
  made.version = 3;
  made.per_megahertz_hour = 0.0001;
  made.baseline_reliability = 0.9;
  made.transfer_per_leg_and_gigabyte = 0.1;
  made.storage_price_per_gigabyte_month = 0.05;
  made.storage_pay_per_gigabyte_month = 0.02;
  return made;
}

scheduler::PowerSample sample(std::uint64_t power_mhz, std::uint32_t copies_permille, std::uint32_t reliability_ppm) {
  return {JobId("j00000001"), PartyId("acme"), 2, noon, power_mhz, copies_permille, reliability_ppm};
}

scheduler::WorkDone work(std::uint64_t before_ms, std::uint64_t after_ms) {
  scheduler::WorkDone done;
  done.machine = MachineId("m1");
  done.owner = PartyId("alice");
  done.settlement = 4;
  done.occupied_ms_before = before_ms;
  done.occupied_ms_after = after_ms;
  done.processor_mhz = 1000;
  done.availability_ppm = 500000;
  return done;
}

std::int64_t cents(const Result<Draft>& draft) {
  EXPECT_TRUE(draft.has_value()) << draft.error().text();
  return draft ? draft->postings.front().amount.minor_units() : -1;
}

TEST(Billing, ChargesAQuarterOfAnHourOfClusterPrice) {
  // P = 1,500 MHz = 1.5 GF: 0.25 x (4.5 + 0.296 x 1.5^1.155) = 0.25 x (4.5 + 0.296 x 1.59729...) = 1.2432
  const Result<Draft> draft = cluster_entry(sample(1500, 1000, 0), prices());
  EXPECT_EQ(cents(draft), 124);
  EXPECT_EQ(draft->natural_key, "cluster:j00000001:2");
  EXPECT_EQ(draft->rule, (Rule{"standard", 3}));
  EXPECT_EQ(draft->postings[0].account, "client:acme:receivable");
  EXPECT_EQ(draft->postings[1].account, "manufacturer:compute-income");
  // Two copies of everything run on 3,000 MHz: the client has the power of 1.5 GF.
  EXPECT_EQ(cents(cluster_entry(sample(3000, 2000, 0), prices())), 124);
}

TEST(Billing, ChargesAPremiumOnlyAboveTheBaseline) {
  // r = 0.99, R = 0.9: ln(0.01)/ln(0.1) - 1 = 1; k C N = 0.0001 x 10,000 MHz = 1 per hour; a quarter of it.
  EXPECT_EQ(cents(premium_entry(sample(10000, 1000, 990000), prices())), 25);
  EXPECT_TRUE(is_nil(*premium_entry(sample(10000, 1000, 900000), prices())));
  EXPECT_TRUE(is_nil(*premium_entry(sample(10000, 1000, 0), prices())));
}

TEST(Billing, ChargesDataByLegAndGigabyte) {
  // g = 0.1, 2 GB, r = 0.75, pi = 0.5: ln(0.25)/ln(0.5) + 1 = 3; 0.1 x 2 x 3 = 0.60
  const scheduler::DataMoved moved{JobId("j1"), PartyId("acme"), 0, Bytes{0}, Bytes{2000000000}, 750000, 500000};
  EXPECT_EQ(cents(transfer_entry(moved, prices())), 60);
  const scheduler::DataMoved more{JobId("j1"), PartyId("acme"), 1, Bytes{2000000000}, Bytes{3000000000}, 750000, 500000};
  EXPECT_EQ(cents(transfer_entry(more, prices())), 30);
}

TEST(Billing, PaysAnOwnerForOccupiedTime) {
  // k C = 0.0001 x 1,000 MHz = 0.1 per hour; ln(0.5)/ln(0.1) = 0.30103; ten hours: 0.30103
  const Result<Draft> draft = work_entry(work(0, 36000000), prices());
  EXPECT_EQ(cents(draft), 30);
  EXPECT_EQ(draft->natural_key, "work:m1:alice:4");
  EXPECT_EQ(draft->postings[0].account, "manufacturer:lease-cost");
  EXPECT_EQ(draft->postings[1].account, "owner:alice:payable");
  EXPECT_EQ(draft->postings[1].amount.minor_units(), -30);
}

TEST(Billing, NeverLosesFractionsHoweverShortTheTasksAre) {
  // A thousand settlements of 36 s each are worth 0.0003 apiece, and 0.30 together.
  std::int64_t sum = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) sum += cents(work_entry(work(i * 36000, (i + 1) * 36000), prices()));
  EXPECT_EQ(sum, 30);
  EXPECT_TRUE(is_nil(*work_entry(work(0, 30), prices())));
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::uint64_t total = 0;
    std::int64_t paid = 0;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t next = total + random.below(4000000);
      paid += cents(work_entry(work(total, next), prices()));
      total = next;
    }
    ASSERT_EQ(paid, cents(work_entry(work(0, total), prices()))) << "seed " << seed;
  }
}

TEST(Billing, ChargesAndPaysForStorageByTheGigabyteMonth) {
  // 100 GB = 97,656,250 KiB for 730 h = 2,628,000 s: 100 GB-months at 0.05 and 0.02.
  const std::uint64_t kib_seconds = 97656250ULL * 2628000ULL;
  EXPECT_EQ(cents(storage_charge_entry({PartyId("acme"), 0, 0, kib_seconds}, prices())), 500);
  EXPECT_EQ(cents(storage_pay_entry({MachineId("m1"), PartyId("alice"), 0, 0, kib_seconds}, prices())), 200);
  // A petabyte for ten years stays within 64 bits.
  EXPECT_EQ(cents(storage_charge_entry({PartyId("acme"), 0, 0, 976562500000ULL * 2628000ULL}, prices())), 5000000);
}

TEST(Billing, ShowsAnIncentiveWithoutOwingItTwice) {
  const Draft draft = incentive_entry({AgreementId("ag1"), PartyId("alice"), "discount", "once", Money(11235, Currency{"USD"}), "15 % off", {"home", 1}});
  EXPECT_EQ(draft.natural_key, "incentive:ag1:discount:once");
  fakes::MemoryStore store;
  Journal journal(Currency{"USD"});
  fleet::store::Batch batch;
  ASSERT_TRUE(journal.book(draft, noon, batch).has_value());
  ASSERT_TRUE(store.commit(std::span<const fleet::store::Batch>(&batch, 1)).has_value());
  EXPECT_EQ(journal.balance("incentives:discount").minor_units(), 11235);
  EXPECT_EQ(journal.balance_of(PartyId("alice")).minor_units(), 0);
  const Result<Statement> statement = journal.statement(store, PartyId("alice"), noon, noon + std::chrono::hours(1));
  EXPECT_EQ(statement->lines.size(), 2U);
  EXPECT_TRUE(explain(*Journal::entry(store, 1), prices())->agrees);
}

std::vector<Draft> one_of_each() {
  return {*cluster_entry(sample(1500, 1000, 0), prices()),
          *premium_entry(sample(10000, 1000, 990000), prices()),
          *transfer_entry({JobId("j1"), PartyId("acme"), 0, Bytes{0}, Bytes{2000000000}, 750000, 500000}, prices()),
          *work_entry(work(1000, 36000000), prices()),
          *storage_charge_entry({PartyId("acme"), 0, 5, 256640625000000}, prices()),
          *storage_pay_entry({MachineId("m1"), PartyId("alice"), 0, 5, 256640625000000}, prices())};
}

TEST(Explanation, ComputesEveryKindOfEntryAgainFromWhatIsStored) {
  fakes::MemoryStore store;
  Journal journal(Currency{"USD"});
  for (const Draft& draft : one_of_each()) {
    fleet::store::Batch batch;
    ASSERT_TRUE(journal.book(draft, noon, batch).has_value());
    ASSERT_TRUE(store.commit(std::span<const fleet::store::Batch>(&batch, 1)).has_value());
    const Result<Explanation> explained = explain(*Journal::entry(store, journal.size()), prices());
    ASSERT_TRUE(explained.has_value()) << explained.error().text();
    EXPECT_TRUE(explained->agrees) << draft.natural_key << ": " << explained->difference;
    EXPECT_NE(explained->formula.find(explained->computed.text()), std::string::npos) << explained->formula;
  }
}

TEST(Explanation, SaysWhenAnEntryIsNotWhatItsMeasurementIsWorth) {
  for (const Draft& draft : one_of_each()) {
    Entry entry{1, noon, draft, std::string(64, '0'), ""};
    entry.draft.postings[0].amount += Money(1, Currency{"USD"});
    entry.draft.postings[1].amount += Money(-1, Currency{"USD"});
    EXPECT_FALSE(explain(entry, prices())->agrees) << draft.natural_key;
    EXPECT_FALSE(explain(entry, prices())->difference.empty());
    entry = Entry{1, noon, draft, std::string(64, '0'), ""};
    std::swap(entry.draft.postings[0].account, entry.draft.postings[1].account);
    EXPECT_FALSE(explain(entry, prices())->agrees) << draft.natural_key;
  }
}

TEST(Explanation, RefusesOtherPricesThanTheEntryNames) {
  const Entry entry{1, noon, one_of_each()[0], std::string(64, '0'), ""};
  Prices other = prices();
  other.version = 4;
  EXPECT_EQ(explain(entry, other).error().code, ErrorCode::InvalidInput);
  Entry unknown = entry;
  unknown.draft.measurement.kind = "weather";
  EXPECT_EQ(explain(unknown, prices()).error().code, ErrorCode::InvalidInput);
  Entry incomplete = entry;
  incomplete.draft.measurement.quantities.clear();
  EXPECT_EQ(explain(incomplete, prices()).error().code, ErrorCode::InvalidInput);
}

}  // namespace
}  // namespace tests
