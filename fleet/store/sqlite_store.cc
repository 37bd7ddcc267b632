#include "fleet/store/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace fleet::store {
namespace {

constexpr int application_id = 0x4c42464c;  // "LBFL": tells our file from any other SQLite database

ErrorCode code_of(int outcome) {
  switch (outcome & 0xff) {
    case SQLITE_FULL: return ErrorCode::OutOfSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::Corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::Unavailable;
    case SQLITE_TOOBIG: return ErrorCode::LimitExceeded;
    default: return ErrorCode::IoFailure;
  }
}

Error error_of(sqlite3* database, int outcome) {
  return Error{code_of(outcome), database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(outcome), {}};
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Result<Statement> prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int outcome = sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (outcome != SQLITE_OK) return error_of(database, outcome);
  return Statement(statement);
}

Done execute(sqlite3* database, const std::string& sql) {
  const int outcome = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  if (outcome != SQLITE_OK) return error_of(database, outcome);
  return {};
}

Result<std::int64_t> number_from(sqlite3* database, const std::string& sql) {
  Result<Statement> statement = prepare(database, sql);
  if (!statement) return statement.error();
  const int outcome = sqlite3_step(statement->get());
  if (outcome == SQLITE_DONE) return 0;
  if (outcome != SQLITE_ROW) return error_of(database, outcome);
  return sqlite3_column_int64(statement->get(), 0);
}

void bind_text(sqlite3_stmt* statement, int place, std::string_view text) {
  // SQLITE_STATIC: the text outlives the step, after which the binding is cleared. A null pointer would bind NULL, not "".
  sqlite3_bind_text64(statement, place, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

std::string_view column(sqlite3_stmt* statement, int place) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, place));
  return {text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(statement, place))};
}

// Forward only: a shipped migration is never changed, only followed by another.
const std::vector<std::string>& migrations() {
  static const std::vector<std::string> all = [] {
    std::string first;
    for (std::size_t i = 0; i < table_count; ++i)
      first += "CREATE TABLE " + std::string(name_of(static_cast<Table>(i))) +
               " (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";
    return std::vector<std::string>{first};
  }();
  return all;
}

Done migrate(sqlite3* database) {
  const Result<std::int64_t> id = number_from(database, "PRAGMA application_id");
  if (!id) return id.error();
  const Result<std::int64_t> tables = number_from(database, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  if (*id != application_id && *tables != 0)
    return Error{ErrorCode::Corrupt, "it is a database of another program; name a file that is ours or not there yet", {}};

  if (Done begun = execute(database, "BEGIN IMMEDIATE"); !begun) return begun;
  const auto undone = [&](Error error) -> Done {
    sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
    return error;
  };
  if (Done made = execute(database, "PRAGMA application_id=" + std::to_string(application_id) +
                                        ";CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY) STRICT");
      !made)
    return undone(made.error());
  const Result<std::int64_t> version = number_from(database, "SELECT max(version) FROM schema_versions");
  if (!version) return undone(version.error());
  const auto known = static_cast<std::int64_t>(migrations().size());
  if (*version > known)
    return undone({ErrorCode::Unsupported, "its schema is version " + std::to_string(*version) + ", this program knows " +
                                               std::to_string(known) + "; start the newer program", {}});
  for (std::int64_t next = *version + 1; next <= known; ++next) {
    const std::string sql = migrations()[static_cast<std::size_t>(next - 1)] +
                            "INSERT INTO schema_versions VALUES (" + std::to_string(next) + ")";
    if (Done done = execute(database, sql); !done)
      return undone(done.error().within("bringing the schema to version " + std::to_string(next)));
  }
  if (Done ended = execute(database, "COMMIT"); !ended) return undone(ended.error());
  return {};
}

}  // namespace

struct SqliteStore::Connection {
  sqlite3* database = nullptr;
  int lock = -1;
  Statement begin, end, undo;
  std::array<Statement, table_count> put, erase, find;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    for (auto* statements : {&put, &erase, &find})
      for (Statement& statement : *statements) statement.reset();
    begin.reset();
    end.reset();
    undo.reset();
    if (database != nullptr) sqlite3_close(database);
    if (lock >= 0) ::close(lock);
  }

  Done connect(const std::string& path, int flags) {
    const int outcome = sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    if (outcome != SQLITE_OK) return error_of(database, outcome);
    sqlite3_busy_timeout(database, 10000);
    return execute(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
                             "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-65536; PRAGMA trusted_schema=OFF");
  }

  // The kernel drops this lock with the process, however it ends.
  Done lock_out_others(const std::string& path) {
    lock = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) return Error{ErrorCode::IoFailure, std::generic_category().message(errno), {}};
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
      return Error{ErrorCode::Unavailable, "another process has it open; one controller works on one store", {}};
    return {};
  }

  Done prepare_all() {
    const auto make = [this](Statement& into, const std::string& sql) -> Done {
      Result<Statement> made = prepare(database, sql);
      if (!made) return made.error();
      into = std::move(*made);
      return {};
    };
    if (Done done = make(begin, "BEGIN IMMEDIATE"); !done) return done;
    if (Done done = make(end, "COMMIT"); !done) return done;
    if (Done done = make(undo, "ROLLBACK"); !done) return done;
    for (std::size_t i = 0; i < table_count; ++i) {
      const std::string table(name_of(static_cast<Table>(i)));
      if (Done done = make(put.at(i), "INSERT INTO " + table +
                                          " VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
          !done)
        return done;
      if (Done done = make(erase.at(i), "DELETE FROM " + table + " WHERE key = ?1"); !done) return done;
      if (Done done = make(find.at(i), "SELECT value FROM " + table + " WHERE key = ?1"); !done) return done;
    }
    return {};
  }

  Done step(sqlite3_stmt* statement) const {
    const int outcome = sqlite3_step(statement);
    Done done;
    if (outcome != SQLITE_DONE && outcome != SQLITE_ROW) done = error_of(database, outcome);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return done;
  }
};

SqliteStore::SqliteStore(std::unique_ptr<Connection> writer, std::unique_ptr<Connection> reader)
    : writer_(std::move(writer)), reader_(std::move(reader)) {}

SqliteStore::~SqliteStore() {
  // The reader first: whoever closes last folds the log into the file, and only the writer may write.
  reader_.reset();
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path) {
  const std::string doing = "opening the store " + path;
  auto writer = std::make_unique<Connection>();
  if (Done done = writer->lock_out_others(path); !done) return done.error().within(doing);
  if (Done done = writer->connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); !done) return done.error().within(doing);
  if (Done done = migrate(writer->database); !done) return done.error().within(doing);
  if (Done done = writer->prepare_all(); !done) return done.error().within(doing);
  auto reader = std::make_unique<Connection>();
  if (Done done = reader->connect(path, SQLITE_OPEN_READWRITE); !done) return done.error().within(doing);
  if (Done done = execute(reader->database, "PRAGMA query_only=ON"); !done) return done.error().within(doing);
  if (Done done = reader->prepare_all(); !done) return done.error().within(doing);
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(writer), std::move(reader)));
}

Done SqliteStore::apply(std::span<const Batch> batches) {
  for (const Batch& batch : batches)
    for (const Change& change : batch) {
      const auto table = static_cast<std::size_t>(change.table);
      sqlite3_stmt* statement = change.value ? writer_->put.at(table).get() : writer_->erase.at(table).get();
      bind_text(statement, 1, change.key);
      if (change.value) bind_text(statement, 2, *change.value);
      if (Done done = writer_->step(statement); !done)
        return done.error().within("writing " + std::string(name_of(change.table)) + " " + change.key);
    }
  return {};
}

Done SqliteStore::commit(std::span<const Batch> batches) {
  bool anything = false;
  for (const Batch& batch : batches)
    for (const Change& change : batch) {
      anything = true;
      if (change.key.empty() || change.key.size() > key_bytes_max)
        return Error{ErrorCode::InvalidInput, "a key of " + std::to_string(change.key.size()) + " bytes in " +
                                                  std::string(name_of(change.table)) + "; 1 to 512 are lawful", {}};
      if (change.value && change.value->size() > value_bytes_max)
        return Error{ErrorCode::LimitExceeded, "a value of " + std::to_string(change.value->size()) + " bytes for " +
                                                   change.key + "; at most 64 MiB are lawful", {}};
    }
  if (!anything) return {};
  const std::lock_guard lock(writing_);
  if (Done begun = writer_->step(writer_->begin.get()); !begun) return begun.error().within("beginning a commit");
  Done applied = apply(batches);
  if (applied) applied = writer_->step(writer_->end.get());
  if (!applied) {
    // Some failures have rolled back already; then this one's complaint says nothing new.
    const Done undone = writer_->step(writer_->undo.get());
    static_cast<void>(undone.has_value());
    return applied.error().within("committing");
  }
  return {};
}

Done SqliteStore::scan(Table table, std::string_view from,
                       const std::function<void(std::string_view key, std::string_view value)>& visit) {
  const std::lock_guard lock(reading_);
  const std::string doing = "reading " + std::string(name_of(table));
  Result<Statement> statement =
      prepare(reader_->database, "SELECT key, value FROM " + std::string(name_of(table)) + " WHERE key >= ?1 ORDER BY key");
  if (!statement) return statement.error().within(doing);
  bind_text(statement->get(), 1, from);
  int outcome = SQLITE_ROW;
  while ((outcome = sqlite3_step(statement->get())) == SQLITE_ROW)
    visit(column(statement->get(), 0), column(statement->get(), 1));
  if (outcome != SQLITE_DONE) return error_of(reader_->database, outcome).within(doing);
  return {};
}

Result<std::string> SqliteStore::get(Table table, std::string_view key) {
  const std::lock_guard lock(reading_);
  sqlite3_stmt* statement = reader_->find.at(static_cast<std::size_t>(table)).get();
  bind_text(statement, 1, key);
  const int outcome = sqlite3_step(statement);
  Result<std::string> found = Error{ErrorCode::NotFound, std::string(name_of(table)) + " has no " + std::string(key), {}};
  if (outcome == SQLITE_ROW) found = std::string(column(statement, 0));
  if (outcome != SQLITE_ROW && outcome != SQLITE_DONE) found = error_of(reader_->database, outcome);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return found;
}

}  // namespace fleet::store
