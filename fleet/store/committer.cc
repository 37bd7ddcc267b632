#include "fleet/store/committer.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace fleet::store {
namespace {

constexpr std::size_t group_max = 4096;

struct Waiting {
  Batch batch;
  OnDurable on_durable;
};

}  // namespace

struct GroupCommitter::State {
  State(Store& the_store, Post the_post) : store(the_store), post(std::move(the_post)) {}

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      news.wait(lock, [this] { return ending || !waiting.empty(); });
      if (waiting.empty()) return;
      std::vector<Batch> batches;
      auto callbacks = std::make_shared<std::vector<OnDurable>>();  // shared: std::function wants copies
      while (!waiting.empty() && callbacks->size() < group_max) {
        if (!waiting.front().batch.empty()) batches.push_back(std::move(waiting.front().batch));
        callbacks->push_back(std::move(waiting.front().on_durable));
        waiting.pop_front();
      }
      const bool stopped = !outcome;
      lock.unlock();
      Done committed;
      if (!stopped && !batches.empty()) committed = store.commit(batches);
      lock.lock();
      if (!committed) outcome = committed;
      const Done answer = outcome;
      lock.unlock();
      post([callbacks, answer] {
        for (const OnDurable& callback : *callbacks)
          if (callback) callback(answer);
      });
      lock.lock();
    }
  }

  Store& store;
  Post post;
  std::mutex mutex;
  std::condition_variable news;
  std::deque<Waiting> waiting;
  Done outcome;
  bool ending = false;
  std::thread writer;
};

GroupCommitter::GroupCommitter(Store& store, Post post) : state_(std::make_unique<State>(store, std::move(post))) {
  state_->writer = std::thread([state = state_.get()] { state->run(); });
}

GroupCommitter::~GroupCommitter() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->news.notify_one();
  state_->writer.join();
}

void GroupCommitter::submit(Batch batch, OnDurable on_durable) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back({std::move(batch), std::move(on_durable)});
  }
  state_->news.notify_one();
}

void DirectCommitter::submit(Batch batch, OnDurable on_durable) {
  if (outcome_ && !batch.empty()) outcome_ = store_.commit(std::span<const Batch>(&batch, 1));
  if (on_durable) on_durable(outcome_);
}

}  // namespace fleet::store
