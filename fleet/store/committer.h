// "Answer after commit": who changed something hands the change in and is called back when it is durable.
#pragma once

#include <functional>
#include <memory>

#include "fleet/store/store.h"

namespace fleet::store {

// Called once with success when the batch is durable, or with the error that stopped the committer.
using OnDurable = std::function<void(const Done&)>;
// Runs a function later on the thread that owns the model (the event loop). May be called from any thread.
using Post = std::function<void(std::function<void()>)>;

class Committer {
 public:
  virtual ~Committer() = default;
  // Batches become durable, and callbacks run, in the order of submission. An empty batch writes nothing; its callback waits
  // for the batches before it, so that an answer never shows what is not yet durable. After a failed commit every batch, waiting
  // or later, gets that error and none is written: the caller ends the process and is started again from the store.
  virtual void submit(Batch batch, OnDurable on_durable) = 0;
};

// One writer thread. All that was submitted while a commit ran goes into the next one (group commit), up to 4,096 batches.
class GroupCommitter final : public Committer {
 public:
  // `store` and whatever `post` uses outlive this.
  GroupCommitter(Store& store, Post post);
  // Commits what is waiting, posts its callbacks, and ends the thread.
  ~GroupCommitter() override;
  GroupCommitter(const GroupCommitter&) = delete;
  GroupCommitter& operator=(const GroupCommitter&) = delete;

  void submit(Batch batch, OnDurable on_durable) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Commits within `submit` and calls back before it returns: for simulations and one-shot commands.
class DirectCommitter final : public Committer {
 public:
  explicit DirectCommitter(Store& store) : store_(store) {}
  void submit(Batch batch, OnDurable on_durable) override;

 private:
  Store& store_;
  Done outcome_;
};

}  // namespace fleet::store
