// Goal: kill -9 at any instant loses nothing that was acknowledged, and leaves no half of a batch. Method: a child process commits
// pairs of records in groups and writes each acknowledged number to a pipe; the parent kills it at moments drawn from a seed, opens
// the store, and looks for every number that came through the pipe. The store is kept over all rounds.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <semaphore>
#include <set>

#include "fleet/store/committer.h"
#include "fleet/store/sqlite_store.h"
#include "policies/vocabulary/random.h"

namespace tests {
namespace {
using namespace fleet::store;

constexpr int rounds = 48;

std::string key_of(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(12 - digits.size(), '0') + digits;
}

// Never returns: it is killed, or ends itself after ten seconds so that no test leaves it behind.
[[noreturn]] void commit_until_killed(const std::string& path, std::uint64_t first, int pipe) {
  ::alarm(10);
  Result<std::unique_ptr<SqliteStore>> store = SqliteStore::open(path);
  if (!store) ::_exit(3);
  std::counting_semaphore<200> waiting(200);
  GroupCommitter committer(**store, [](const std::function<void()>& task) { task(); });
  for (std::uint64_t number = first;; ++number) {
    waiting.acquire();
    const std::string value(100 + number % 400, 'v');
    committer.submit({{Table::Assignments, key_of(number), value}, {Table::Ledger, key_of(number), value}}, [&, number, pipe](const Done& done) {
      if (!done) ::_exit(4);
      if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(5);
      waiting.release();
    });
  }
}

struct Found {
  std::set<std::string> assignments;
  std::set<std::string> ledger;
};

Found read_back(const std::string& path) {
  Found found;
  Result<std::unique_ptr<SqliteStore>> store = SqliteStore::open(path);
  EXPECT_TRUE(store.has_value()) << store.error().text();
  if (!store) return found;
  EXPECT_TRUE((*store)->scan(Table::Assignments, "", [&](std::string_view key, std::string_view) { found.assignments.emplace(key); }).has_value());
  EXPECT_TRUE((*store)->scan(Table::Ledger, "", [&](std::string_view key, std::string_view) { found.ledger.emplace(key); }).has_value());
  return found;
}

TEST(SqliteStore, LosesNothingAcknowledgedWhenKilledAtRandomMoments) {
  std::string folder = ::testing::TempDir() + "leaseback-kill-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/fleet.db";
  const std::uint64_t seed = 20261121;
  policies::vocabulary::Random random(seed);
  std::set<std::string> acknowledged;
  int killed_under_load = 0;
  std::uint64_t next = 1;

  for (int round = 0; round < rounds; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      commit_until_killed(path, next, pipe[1]);
    }
    ::close(pipe[1]);
    // Some are killed while opening and recovering, most after a drawn number of acknowledgements and a drawn moment more.
    const std::uint64_t wanted = random.below(6) == 0 ? 0 : 1 + random.below(2000);
    const auto moment = std::chrono::microseconds(random.below(3000));
    std::uint64_t number = 0;
    std::uint64_t received = 0;
    const auto receive = [&] {
      if (::read(pipe[0], &number, sizeof number) != sizeof number) return false;
      acknowledged.insert(key_of(number));
      next = std::max(next, number + 1);
      ++received;
      return true;
    };
    while (received < wanted && receive()) {
    }
    const auto until = std::chrono::steady_clock::now() + moment;
    while (std::chrono::steady_clock::now() < until) {
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "seed " << seed << " round " << round << ": the child ended by itself with " << WEXITSTATUS(status);
    while (receive()) {
    }
    ::close(pipe[0]);
    killed_under_load += received > 0 ? 1 : 0;

    const Found found = read_back(path);
    ASSERT_EQ(found.assignments, found.ledger) << "seed " << seed << " round " << round << ": half a batch";
    for (const std::string& key : acknowledged)
      ASSERT_TRUE(found.assignments.contains(key)) << "seed " << seed << " round " << round << ": " << key << " was acknowledged and is lost";
    if (!found.assignments.empty()) next = std::max<std::uint64_t>(next, std::stoull(*found.assignments.rbegin()) + 1);
  }
  std::filesystem::remove_all(folder);
  EXPECT_GE(killed_under_load, 30);
  EXPECT_GT(acknowledged.size(), 1000U);
  std::cout << rounds << " kills (" << killed_under_load << " under load, seed " << seed << "): " << acknowledged.size()
            << " acknowledged batches, none lost\n";
}

}  // namespace
}  // namespace tests
