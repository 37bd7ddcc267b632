// Goal: what is acknowledged is durable, in order, and many batches share one commit. Method: a store that can be held in the
// middle of a commit, and a post that runs callbacks when the test says so.
#include "fleet/store/committer.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "tests/fakes/memory_store.h"

namespace tests {
namespace {
using namespace fleet::store;
using fakes::MemoryStore;

// Holds each commit until it is let go.
class HeldStore final : public Store {
 public:
  explicit HeldStore(Store& inner) : inner_(inner) {}
  Done commit(std::span<const Batch> batches) override {
    std::unique_lock lock(mutex_);
    ++begun_;
    news_.notify_all();
    news_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    return inner_.commit(batches);
  }
  Done scan(Table table, std::string_view from, const std::function<void(std::string_view, std::string_view)>& visit) override {
    return inner_.scan(table, from, visit);
  }
  Result<std::string> get(Table table, std::string_view key) override { return inner_.get(table, key); }

  void wait_for_commit(int number) {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return begun_ >= number; });
  }
  void let_go(int commits) {
    const std::lock_guard lock(mutex_);
    allowed_ += commits;
    news_.notify_all();
  }

 private:
  Store& inner_;
  std::mutex mutex_;
  std::condition_variable news_;
  int begun_ = 0;
  int allowed_ = 0;
};

// The event loop of a daemon, run by hand.
class Loop {
 public:
  Post post() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      news_.notify_all();
    };
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return !tasks_.empty(); });
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<std::function<void()>> tasks_;
};

Batch one(const std::string& key) { return {{Table::Events, key, "x"}}; }

TEST(GroupCommitter, PutsAllThatQueuedDuringACommitIntoTheNextOne) {
  MemoryStore memory;
  HeldStore store(memory);
  Loop loop;
  std::vector<std::string> order;
  {
    GroupCommitter committer(store, loop.post());
    committer.submit(one("a"), [&](const Done& done) { order.push_back(done ? "a" : "failed"); });
    store.wait_for_commit(1);
    for (const std::string key : {"b", "c", "d"})
      committer.submit(one(key), [&order, key](const Done& done) { order.push_back(done ? key : "failed"); });
    store.let_go(2);
    loop.run_one();
    loop.run_one();
  }
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(memory.commits(), 2U);
  EXPECT_EQ(memory.batches(), 4U);
}

TEST(GroupCommitter, AnswersNothingBeforeItIsDurable) {
  MemoryStore memory;
  HeldStore store(memory);
  Loop loop;
  bool answered = false;
  GroupCommitter committer(store, loop.post());
  committer.submit(one("a"), [&](const Done&) { answered = true; });
  store.wait_for_commit(1);
  EXPECT_FALSE(answered);
  EXPECT_FALSE(memory.get(Table::Events, "a").has_value());
  store.let_go(1);
  loop.run_one();
  EXPECT_TRUE(answered);
  EXPECT_TRUE(memory.get(Table::Events, "a").has_value());
}

TEST(GroupCommitter, LetsAnEmptyBatchWaitForThoseBeforeItAndWritesNothingForIt) {
  MemoryStore memory;
  HeldStore store(memory);
  Loop loop;
  std::vector<std::string> order;
  GroupCommitter committer(store, loop.post());
  committer.submit(one("a"), [&](const Done&) { order.emplace_back("change"); });
  store.wait_for_commit(1);
  committer.submit({}, [&](const Done&) { order.emplace_back("idle poll"); });
  store.let_go(1);
  loop.run_one();
  loop.run_one();
  EXPECT_EQ(order, (std::vector<std::string>{"change", "idle poll"}));
  EXPECT_EQ(memory.commits(), 1U);
}

TEST(GroupCommitter, StopsForGoodAfterAFailedCommit) {
  MemoryStore memory;
  Loop loop;
  std::vector<std::optional<ErrorCode>> outcomes;
  const auto note = [&](const Done& done) { outcomes.push_back(done ? std::nullopt : std::optional(done.error().code)); };
  GroupCommitter committer(memory, loop.post());
  committer.submit(one("a"), note);
  loop.run_one();
  memory.fail_next_commit(ErrorCode::OutOfSpace);
  committer.submit(one("b"), note);
  loop.run_one();
  committer.submit(one("c"), note);
  loop.run_one();
  committer.submit({}, note);
  loop.run_one();
  EXPECT_EQ(outcomes, (std::vector<std::optional<ErrorCode>>{std::nullopt, ErrorCode::OutOfSpace, ErrorCode::OutOfSpace, ErrorCode::OutOfSpace}));
  EXPECT_TRUE(memory.get(Table::Events, "a").has_value());
  EXPECT_FALSE(memory.get(Table::Events, "b").has_value());
  EXPECT_FALSE(memory.get(Table::Events, "c").has_value());
}

TEST(GroupCommitter, CommitsWhatIsWaitingBeforeItEnds) {
  MemoryStore memory;
  int answered = 0;
  {
    GroupCommitter committer(memory, [](const std::function<void()>& task) { task(); });
    for (int i = 0; i < 1000; ++i) committer.submit(one(std::to_string(i)), [&](const Done& done) { answered += done ? 1 : 0; });
  }
  EXPECT_EQ(answered, 1000);
  EXPECT_TRUE(memory.get(Table::Events, "999").has_value());
}

TEST(DirectCommitter, CommitsBeforeItReturnsAndStopsAfterAFailure) {
  MemoryStore memory;
  DirectCommitter committer(memory);
  std::vector<bool> outcomes;
  const auto note = [&](const Done& done) { outcomes.push_back(done.has_value()); };
  committer.submit(one("a"), note);
  committer.submit({}, note);
  memory.fail_next_commit(ErrorCode::IoFailure);
  committer.submit(one("b"), note);
  committer.submit(one("c"), note);
  EXPECT_EQ(outcomes, (std::vector<bool>{true, true, false, false}));
  EXPECT_FALSE(memory.get(Table::Events, "c").has_value());
}

TEST(MemoryStore, LosesTheAnswerButNotTheCommitWhenThePowerGoesBetween) {
  MemoryStore memory;
  memory.lose_next_answer();
  const Batch batch = one("a");
  EXPECT_FALSE(memory.commit(std::span(&batch, 1)).has_value());
  EXPECT_TRUE(memory.get(Table::Events, "a").has_value());
}

TEST(MemoryStore, AppliesNothingWhenItsDiskIsFull) {
  MemoryStore memory;
  memory.limit_to(Bytes{8});
  const std::vector<Batch> batches = {one("1234"), one("56789")};
  EXPECT_EQ(memory.commit(batches).error().code, ErrorCode::OutOfSpace);
  EXPECT_FALSE(memory.get(Table::Events, "1234").has_value());
}

}  // namespace
}  // namespace tests
