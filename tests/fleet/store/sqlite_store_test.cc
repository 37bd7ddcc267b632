// Goal: SqliteStore keeps the port's promises, and its own about files, versions and other processes. Method: the contract suite
// on it and on the fake, and files prepared with SQLite itself.
#include "fleet/store/sqlite_store.h"

#include <sqlite3.h>

#include <fstream>
#include <thread>

#include "tests/contracts/store_contract.h"
#include "tests/fakes/memory_store.h"
#include "tests/fleet/store/temporary_folder.h"

namespace tests::contracts {
namespace {

using tests::fleet_store::TemporaryFolder;

class SqliteSubject final : public StoreSubject {
 public:
  SqliteSubject() { reopen(); }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(folder_.file("fleet.db"));
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> store_;
};

class MemorySubject final : public StoreSubject {
 public:
  Store& store() override { return *store_; }
  void reopen() override { store_ = std::make_unique<fakes::MemoryStore>(*store_); }

 private:
  std::unique_ptr<fakes::MemoryStore> store_ = std::make_unique<fakes::MemoryStore>();
};

std::string name_of_subject(const ::testing::TestParamInfo<MakeStoreSubject>& info) {
  return info.index == 0 ? "Sqlite" : "Memory";
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         ::testing::Values<MakeStoreSubject>([]() -> std::unique_ptr<StoreSubject> { return std::make_unique<SqliteSubject>(); },
                                                             []() -> std::unique_ptr<StoreSubject> { return std::make_unique<MemorySubject>(); }),
                         name_of_subject);

void run_sql(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(SqliteStore, IsOpenedByOneProcessAtATime) {
  const TemporaryFolder folder;
  const auto first = SqliteStore::open(folder.file("fleet.db"));
  ASSERT_TRUE(first.has_value());
  const auto second = SqliteStore::open(folder.file("fleet.db"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
}

TEST(SqliteStore, RefusesAFileThatIsNoDatabase) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("fleet.db")) << std::string(8192, 'x');
  const auto opened = SqliteStore::open(folder.file("fleet.db"));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::Corrupt);
}

TEST(SqliteStore, RefusesADatabaseOfAnotherProgram) {
  const TemporaryFolder folder;
  run_sql(folder.file("fleet.db"), "CREATE TABLE moz_places (id INTEGER)");
  const auto opened = SqliteStore::open(folder.file("fleet.db"));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::Corrupt);
}

TEST(SqliteStore, RefusesASchemaOfALaterVersion) {
  const TemporaryFolder folder;
  ASSERT_TRUE(SqliteStore::open(folder.file("fleet.db")).has_value());
  run_sql(folder.file("fleet.db"), "INSERT INTO schema_versions VALUES (9999)");
  const auto opened = SqliteStore::open(folder.file("fleet.db"));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::Unsupported);
}

TEST(SqliteStore, WritesWithFullSynchronityToStrictTables) {
  const TemporaryFolder folder;
  {
    const auto store = SqliteStore::open(folder.file("fleet.db"));
    ASSERT_TRUE(store.has_value());
  }
  std::string schema;
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder.file("fleet.db").c_str(), &database), SQLITE_OK);
  const auto collect = [](void* into, int, char** values, char**) {
    *static_cast<std::string*>(into) += std::string(values[0]) + "\n";
    return 0;
  };
  sqlite3_exec(database, "SELECT sql FROM sqlite_schema WHERE name = 'ledger' UNION ALL SELECT journal_mode FROM pragma_journal_mode", collect, &schema, nullptr);
  sqlite3_close(database);
  EXPECT_EQ(schema, "CREATE TABLE ledger (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID\nwal\n");
}

TEST(SqliteStore, ShowsReadersWholeCommitsOnly) {
  const TemporaryFolder folder;
  const auto opened = SqliteStore::open(folder.file("fleet.db"));
  ASSERT_TRUE(opened.has_value());
  SqliteStore& store = **opened;
  std::atomic<bool> failed = false;
  std::thread writer([&] {
    for (int i = 1; i <= 300; ++i) {
      const std::vector<Batch> pair = {{{Table::Settings, "left", std::to_string(i)}}, {{Table::Settings, "right", std::to_string(i)}}};
      if (!store.commit(pair)) failed = true;
    }
  });
  std::string left;
  std::string right;
  int torn = 0;
  while (left != "300" && !failed) {
    const Done scanned = store.scan(Table::Settings, "", [&](std::string_view key, std::string_view value) { (key == "left" ? left : right) = value; });
    if (!scanned || left != right) ++torn;
  }
  writer.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace tests::contracts
