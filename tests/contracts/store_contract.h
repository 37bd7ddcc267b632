// Goal: every Store keeps the port's promises. Method: one suite, run on each implementation through a subject that can make,
// reopen and damage nothing else than what the port shows.
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(make_sqlite_subject));
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "fleet/store/store.h"

namespace tests::contracts {
using namespace fleet::store;

class StoreSubject {
 public:
  virtual ~StoreSubject() = default;
  virtual Store& store() = 0;
  // The process ends and starts again on what is durable.
  virtual void reopen() = 0;
};
using MakeStoreSubject = std::unique_ptr<StoreSubject> (*)();

class StoreContract : public ::testing::TestWithParam<MakeStoreSubject> {
 protected:
  void SetUp() override { subject_ = GetParam()(); }
  Store& store() { return subject_->store(); }
  Done commit(Batch batch) { return store().commit(std::span<const Batch>(&batch, 1)); }
  std::vector<std::pair<std::string, std::string>> all(Table table, std::string_view from = "") {
    std::vector<std::pair<std::string, std::string>> records;
    const Done done = store().scan(table, from, [&](std::string_view key, std::string_view value) { records.emplace_back(key, value); });
    EXPECT_TRUE(done.has_value());
    return records;
  }
  std::unique_ptr<StoreSubject> subject_;
};

using Records = std::vector<std::pair<std::string, std::string>>;

TEST_P(StoreContract, FindsWhatWasCommittedAfterReopening) {
  ASSERT_TRUE(commit({{Table::Jobs, "j1", R"({"name":"tiles"})"}}).has_value());
  subject_->reopen();
  const Result<std::string> found = store().get(Table::Jobs, "j1");
  ASSERT_TRUE(found.has_value()) << found.error().text();
  EXPECT_EQ(*found, R"({"name":"tiles"})");
}

TEST_P(StoreContract, SaysNotFoundForWhatIsNotThere) {
  const Result<std::string> found = store().get(Table::Parties, "nobody");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::NotFound);
}

TEST_P(StoreContract, AppliesChangesInOrderWithinAndAcrossBatches) {
  const std::vector<Batch> batches = {{{Table::Settings, "a", "1"}, {Table::Settings, "a", "2"}, {Table::Settings, "b", "1"}},
                                      {{Table::Settings, "a", "3"}, {Table::Settings, "b", std::nullopt}}};
  ASSERT_TRUE(store().commit(batches).has_value());
  EXPECT_EQ(all(Table::Settings), (Records{{"a", "3"}}));
}

TEST_P(StoreContract, KeepsTablesApart) {
  Batch batch;
  for (std::size_t i = 0; i < table_count; ++i) batch.push_back({static_cast<Table>(i), "key", std::to_string(i)});
  ASSERT_TRUE(commit(batch).has_value());
  subject_->reopen();
  for (std::size_t i = 0; i < table_count; ++i) EXPECT_EQ(all(static_cast<Table>(i)), (Records{{"key", std::to_string(i)}}));
}

TEST_P(StoreContract, ScansInKeyOrderFromTheGivenKey) {
  ASSERT_TRUE(commit({{Table::Events, "000010", "x"}, {Table::Events, "000002", "y"}, {Table::Events, "000003", "z"}}).has_value());
  EXPECT_EQ(all(Table::Events), (Records{{"000002", "y"}, {"000003", "z"}, {"000010", "x"}}));
  EXPECT_EQ(all(Table::Events, "000003"), (Records{{"000003", "z"}, {"000010", "x"}}));
  EXPECT_EQ(all(Table::Events, "000004"), (Records{{"000010", "x"}}));
  EXPECT_EQ(all(Table::Events, "1"), Records{});
}

TEST_P(StoreContract, RemovingWhatIsNotThereIsNoError) {
  EXPECT_TRUE(commit({{Table::Shards, "ghost", std::nullopt}}).has_value());
  EXPECT_EQ(all(Table::Shards), Records{});
}

TEST_P(StoreContract, AppliesNothingOfACommitThatIsRefused) {
  const std::vector<Batch> batches = {{{Table::Jobs, "good", "1"}}, {{Table::Jobs, std::string(513, 'k'), "1"}}};
  const Done refused = store().commit(batches);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidInput);
  subject_->reopen();
  EXPECT_EQ(all(Table::Jobs), Records{});
}

TEST_P(StoreContract, KeepsLongKeysAndLargeAndEmptyValues) {
  const std::string key(512, 'k');
  const std::string large(3 << 20, 'v');
  ASSERT_TRUE(commit({{Table::Sessions, key, large}, {Table::Sessions, "empty", ""}}).has_value());
  subject_->reopen();
  EXPECT_EQ(store().get(Table::Sessions, key).value_or(""), large);
  const Result<std::string> empty = store().get(Table::Sessions, "empty");
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(*empty, "");
}

TEST_P(StoreContract, KeepsUnicodeAndQuotesAsTheyAre) {
  const std::string value = R"({"name":"Zoë'; DROP TABLE jobs; --"})";
  ASSERT_TRUE(commit({{Table::Parties, "zoë'", value}}).has_value());
  EXPECT_EQ(all(Table::Parties), (Records{{"zoë'", value}}));
}

TEST_P(StoreContract, CommittingNothingIsNoError) {
  EXPECT_TRUE(store().commit({}).has_value());
  EXPECT_TRUE(commit({}).has_value());
}

TEST_P(StoreContract, LetsAVisitorReadOtherRecords) {
  ASSERT_TRUE(commit({{Table::Objects, "o", "1"}, {Table::Shards, "o/0", "s"}}).has_value());
  std::string seen;
  const Done done = store().scan(Table::Objects, "", [&](std::string_view key, std::string_view) {
    seen = store().get(Table::Shards, std::string(key) + "/0").value_or("none");
  });
  EXPECT_TRUE(done.has_value());
  EXPECT_EQ(seen, "s");
}

}  // namespace tests::contracts
