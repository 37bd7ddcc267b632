// The truth in one SQLite file: WAL, synchronous=FULL, one STRICT table per Table. A commit that returned survives kill -9 and
// power loss (as far as the disk keeps its promise).
//
// Threads: one thread may commit while another scans or gets; they use connections of their own, and a reader sees whole
// commits only. A `visit` of scan may get and scan, but not commit.
#pragma once

#include <memory>
#include <mutex>

#include "fleet/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fleet::store {

class SqliteStore final : public Store {
 public:
  // Opens or creates the file and brings its schema up to date, forward only. Unsupported when it was written by a later
  // version; Unavailable when another process has it open; Corrupt when it is no database of ours.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  Done commit(std::span<const Batch> batches) override;
  Done scan(Table table, std::string_view from,
            const std::function<void(std::string_view key, std::string_view value)>& visit) override;
  Result<std::string> get(Table table, std::string_view key) override;

  // Bytes that batches may not exceed, so that a runaway value is an error here and not a full disk: 64 MiB a value.
  static constexpr std::size_t value_bytes_max = std::size_t{64} << 20;
  static constexpr std::size_t key_bytes_max = 512;

 private:
  struct Connection;
  SqliteStore(std::unique_ptr<Connection> writer, std::unique_ptr<Connection> reader);
  Done apply(std::span<const Batch> batches);

  std::mutex writing_;
  std::unique_ptr<Connection> writer_;
  std::recursive_mutex reading_;
  std::unique_ptr<Connection> reader_;
};

}  // namespace fleet::store
