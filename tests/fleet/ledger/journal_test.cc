// Goal: the journal balances, never books an event twice, and shows any change made to it afterwards. Method: entries on a store in
// memory, restarts, and records changed behind the journal's back.
#include "fleet/ledger/journal.h"

#include "policies/vocabulary/random.h"
#include "tests/fakes/memory_store.h"

namespace tests {
namespace {
using namespace fleet::ledger;
using fakes::MemoryStore;
using fleet::store::Batch;
using fleet::store::Table;

const Currency usd{"USD"};
const Instant noon = *instant_from("2026-11-21T12:00:00Z");

Draft draft(const std::string& key, std::int64_t cents, const std::string& client = "acme") {
  Draft made;
  made.natural_key = key;
  made.rule = {"standard", 1};
  made.measurement = {"cluster-power", "job j1", {{"power_mhz", 1000}, {"copies_permille", 1000}}};
  made.text = "a quarter of an hour";
  made.postings = {{client_account(PartyId(client)), Money(cents, usd)}, {"manufacturer:compute-income", Money(-cents, usd)}};
  return made;
}

class JournalTest : public ::testing::Test {
 protected:
  std::uint64_t book(const Draft& made, Instant at = noon) {
    Batch batch;
    const Result<std::uint64_t> number = journal_.book(made, at, batch);
    EXPECT_TRUE(number.has_value()) << number.error().text();
    EXPECT_TRUE(store_.commit(std::span<const Batch>(&batch, 1)).has_value());
    return number.value_or(0);
  }
  MemoryStore store_;
  Journal journal_{usd};
};

TEST_F(JournalTest, NumbersEntriesWithoutGapsAndKeepsThemAcrossRestarts) {
  EXPECT_EQ(book(draft("a", 120)), 1U);
  EXPECT_EQ(book(draft("b", 130)), 2U);
  Journal again(usd);
  ASSERT_TRUE(again.load(store_).has_value());
  EXPECT_EQ(again.size(), 2U);
  EXPECT_EQ(again.balance("client:acme:receivable").minor_units(), 250);
  EXPECT_EQ(again.balance("manufacturer:compute-income").minor_units(), -250);
  EXPECT_EQ(again.balance("nobody:here").minor_units(), 0);
  Batch batch;
  EXPECT_EQ(*again.book(draft("c", 1), noon, batch), 3U);
}

TEST_F(JournalTest, BooksTheSameEventOnceAlsoAfterARestart) {
  EXPECT_EQ(book(draft("cluster:j1:0", 120)), 1U);
  EXPECT_EQ(book(draft("cluster:j1:0", 120)), 1U);
  Journal again(usd);
  ASSERT_TRUE(again.load(store_).has_value());
  EXPECT_TRUE(again.is_booked("cluster:j1:0"));
  Batch batch;
  EXPECT_EQ(*again.book(draft("cluster:j1:0", 120), noon, batch), 1U);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(again.balance("client:acme:receivable").minor_units(), 120);
}

TEST_F(JournalTest, RefusesWhatDoesNotBalanceOrNamesNoAccount) {
  const std::vector<std::pair<std::string, std::function<void(Draft&)>>> faults = {
      {"unbalanced", [](Draft& made) { made.postings[1].amount = Money(-119, usd); }},
      {"one posting", [](Draft& made) { made.postings.pop_back(); }},
      {"no key", [](Draft& made) { made.natural_key.clear(); }},
      {"long key", [](Draft& made) { made.natural_key = std::string(257, 'k'); }},
      {"no account", [](Draft& made) { made.postings[1].account = "income"; }},
      {"a party with a colon", [](Draft& made) { made.postings[0].account = "client:a:b:receivable"; }},
      {"another currency", [](Draft& made) { for (Posting& posting : made.postings) posting.amount = Money(posting.amount.minor_units(), Currency{"EUR"}); }},
  };
  for (const auto& [name, fault] : faults) {
    Draft made = draft("a", 120);
    fault(made);
    Batch batch;
    const Result<std::uint64_t> booked = journal_.book(made, noon, batch);
    ASSERT_FALSE(booked.has_value()) << name;
    EXPECT_EQ(booked.error().code, ErrorCode::InvalidInput) << name;
    EXPECT_TRUE(batch.empty()) << name;
  }
  EXPECT_EQ(journal_.size(), 0U);
}

TEST_F(JournalTest, WritesEntriesInOneFormThatNeverChanges) {
  book(draft("cluster:j1:0", 120));
  // Golden: the chain of every journal there is depends on these bytes. The hash was computed by another program.
  const std::string without_hash =
      R"({"number":1,"at":"2026-11-21T12:00:00Z","natural_key":"cluster:j1:0","rule":{"id":"standard","version":1},)"
      R"("measurement":{"kind":"cluster-power","subject":"job j1","quantities":{"power_mhz":1000,"copies_permille":1000}},)"
      R"("text":"a quarter of an hour","postings":[{"account":"client:acme:receivable","amount":"1.20 USD"},)"
      R"({"account":"manufacturer:compute-income","amount":"-1.20 USD"}],)"
      R"("previous_hash":"0000000000000000000000000000000000000000000000000000000000000000")";
  const std::string hash = "364424d5e727b510021d0c79e24394547c2aaf1ea25ebc11341a480dffc487fa";
  EXPECT_EQ(store_.get(Table::Ledger, "000000000001").value_or(""), without_hash + R"(,"hash":")" + hash + R"("})");
}

TEST_F(JournalTest, ShowsAChangedEntry) {
  for (int i = 0; i < 5; ++i) book(draft("e" + std::to_string(i), 100 + i));
  ASSERT_TRUE(Journal::verify(store_)->chain_intact);
  std::string text = *store_.get(Table::Ledger, "000000000003");
  for (std::size_t place = text.find("1.02"); place != std::string::npos; place = text.find("1.02")) text.replace(place, 4, "9.02");
  store_.tamper(Table::Ledger, "000000000003", text);
  const Result<Verification> verified = Journal::verify(store_);
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->entries, 5U);
  EXPECT_TRUE(verified->balanced);
  EXPECT_FALSE(verified->chain_intact);
  EXPECT_NE(verified->first_fault.find("000000000003"), std::string::npos);
  EXPECT_EQ(Journal(usd).load(store_).error().code, ErrorCode::Corrupt);
}

TEST_F(JournalTest, ShowsAnEntryThatWasChangedTogetherWithItsHash) {
  for (int i = 0; i < 3; ++i) book(draft("e" + std::to_string(i), 100 + i));
  Entry entry = *Journal::entry(store_, 2);
  entry.draft.postings[0].amount = Money(900, usd);
  entry.draft.postings[1].amount = Money(-900, usd);
  entry.hash = hash_of(entry);
  store_.tamper(Table::Ledger, "000000000002", text_of(entry));
  const Result<Verification> verified = Journal::verify(store_);
  EXPECT_FALSE(verified->chain_intact);
  EXPECT_NE(verified->first_fault.find("000000000003"), std::string::npos);
}

TEST_F(JournalTest, ShowsARemovedEntryAndAnUnbalancedOne) {
  for (int i = 0; i < 3; ++i) book(draft("e" + std::to_string(i), 100 + i));
  Entry entry = *Journal::entry(store_, 1);
  entry.draft.postings[0].amount = Money(101, usd);
  store_.tamper(Table::Ledger, "000000000001", text_of(entry));
  EXPECT_FALSE(Journal::verify(store_)->balanced);
  const Batch removal = {{Table::Ledger, "000000000001", std::nullopt}};
  ASSERT_TRUE(store_.commit(std::span<const Batch>(&removal, 1)).has_value());
  EXPECT_FALSE(Journal::verify(store_)->chain_intact);
}

TEST_F(JournalTest, StatesWhatAPartyOwesAndIsOwedWithinAPeriod) {
  book(draft("a", 120), noon);
  book(draft("b", 130), noon + std::chrono::hours(1));
  book(draft("x", 999, "acme2"), noon);
  Draft pay = draft("work:m1:0", 30);
  pay.postings = {{"manufacturer:lease-cost", Money(30, usd)}, {owner_account(PartyId("acme")), Money(-30, usd)}};
  book(pay, noon + std::chrono::hours(1));
  const Result<Statement> all = journal_.statement(store_, PartyId("acme"), noon, noon + std::chrono::hours(2));
  ASSERT_TRUE(all.has_value());
  ASSERT_EQ(all->lines.size(), 3U);
  EXPECT_EQ(all->total.minor_units(), 220);
  EXPECT_EQ(all->lines[2].account, "owner:acme:payable");
  EXPECT_EQ(all->lines[2].amount.minor_units(), -30);
  EXPECT_EQ(all->lines[0].measurement, draft("a", 120).measurement);
  EXPECT_EQ(journal_.balance_of(PartyId("acme")).minor_units(), 220);
  EXPECT_EQ(journal_.billed_since(PartyId("acme"), noon + std::chrono::minutes(1)).minor_units(), 130);
  // The end of a period is the beginning of the next: no line is in both.
  EXPECT_EQ(journal_.statement(store_, PartyId("acme"), noon, noon + std::chrono::hours(1))->total.minor_units(), 120);
  EXPECT_EQ(journal_.statement(store_, PartyId("nobody"), noon, noon + std::chrono::hours(9))->lines.size(), 0U);
}

TEST_F(JournalTest, PagesThroughEntries) {
  for (int i = 0; i < 7; ++i) book(draft("e" + std::to_string(i), 100));
  EXPECT_EQ(Journal::entries(store_, 1, 3)->size(), 3U);
  EXPECT_EQ(Journal::entries(store_, 6, 3)->front().number, 6U);
  EXPECT_EQ(Journal::entries(store_, 6, 3)->size(), 2U);
  EXPECT_EQ(Journal::entries(store_, 8, 3)->size(), 0U);
  EXPECT_EQ(Journal::entry(store_, 8).error().code, ErrorCode::NotFound);
}

TEST_F(JournalTest, RefusesTextThatIsNotInTheOneLawfulForm) {
  book(draft("a", 120));
  const std::string text = *store_.get(Table::Ledger, "000000000001");
  EXPECT_TRUE(entry_from(text).has_value());
  for (const std::string& other : {std::string(), std::string("{}"), std::string("[]"), " " + text, text.substr(0, text.size() - 1), text + "x"})
    EXPECT_EQ(entry_from(other).error().code, ErrorCode::Corrupt) << other.substr(0, 40);
}

TEST(JournalHistories, NeverDifferByACrashOrARepetition) {
  // The same events, in the same order; one history is booked straight, the other crashes and is told events again.
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    std::vector<Draft> events;
    for (int i = 0; i < 80; ++i) events.push_back(draft("event:" + std::to_string(i), static_cast<std::int64_t>(random.below(500)), "client" + std::to_string(random.below(4))));
    MemoryStore straight_store;
    Journal straight(usd);
    for (const Draft& event : events) {
      Batch batch;
      ASSERT_TRUE(straight.book(event, noon, batch).has_value());
      ASSERT_TRUE(straight_store.commit(std::span<const Batch>(&batch, 1)).has_value());
    }
    MemoryStore store;
    Journal journal(usd);
    std::size_t next = 0;
    while (next < events.size()) {
      Batch batch;
      const std::size_t group = 1 + random.below(5);
      for (std::size_t i = 0; i < group && next + i < events.size(); ++i) ASSERT_TRUE(journal.book(events[next + i], noon, batch).has_value());
      const std::uint64_t luck = random.below(5);
      if (luck == 0) store.fail_next_commit(ErrorCode::IoFailure);
      if (luck == 1) store.lose_next_answer();
      if (store.commit(std::span<const Batch>(&batch, 1)).has_value()) {
        next = std::min(events.size(), next + group);
        if (random.below(4) == 0) next -= std::min<std::size_t>(next, random.below(10));  // told again
      } else {
        journal = Journal(usd);
        ASSERT_TRUE(journal.load(store).has_value());
      }
    }
    for (int client = 0; client < 4; ++client) {
      const PartyId party("client" + std::to_string(client));
      ASSERT_EQ(journal.balance_of(party), straight.balance_of(party)) << "seed " << seed;
    }
    const Result<Verification> verified = Journal::verify(store);
    ASSERT_TRUE(verified->chain_intact && verified->balanced) << "seed " << seed << " " << verified->first_fault;
    ASSERT_EQ(verified->entries, events.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tests
