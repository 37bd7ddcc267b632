// links: fleet_store fleet_scheduler
// What durable dispatch costs, in one run: a commit per change against group commit on the same disk, and the whole life of a task
// (submitted, two copies given, two results reported and agreed) through the scheduler and the group committer.
// Wall figures move with the machine; the ratio and the processor time per operation move far less.
#include <stdlib.h>
#include <time.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <mutex>

#include "fleet/scheduler/scheduler.h"
#include "fleet/store/committer.h"
#include "fleet/store/sqlite_store.h"

namespace {
using namespace fleet::store;
namespace scheduler = fleet::scheduler;

double wall() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double processor() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

struct Figure {
  double per_second = 0;
  double processor_us = 0;
};

template <typename Work>
Figure measured(std::size_t operations, Work work) {
  const double began = wall();
  const double processor_began = processor();
  work();
  return {static_cast<double>(operations) / (wall() - began), (processor() - processor_began) * 1e6 / static_cast<double>(operations)};
}

Change record(std::size_t number) {
  return {Table::Assignments, "copy/j00000001/" + std::to_string(number) + "/0", std::string(256, 'r')};
}

// At most `in_flight` batches wait for their commit, as polls of so many machines would.
Figure grouped(Store& store, std::size_t operations, std::size_t in_flight) {
  std::mutex mutex;
  std::condition_variable news;
  std::size_t waiting = 0;
  return measured(operations, [&] {
    GroupCommitter committer(store, [](const std::function<void()>& task) { task(); });
    for (std::size_t i = 0; i < operations; ++i) {
      {
        std::unique_lock lock(mutex);
        news.wait(lock, [&] { return waiting < in_flight; });
        ++waiting;
      }
      committer.submit({record(i)}, [&](const Done&) {
        const std::lock_guard lock(mutex);
        --waiting;
        news.notify_one();
      });
    }
  });
}

scheduler::JobOrder job(std::size_t tasks) {
  scheduler::JobOrder order;
  order.client = PartyId("acme");
  order.name = "bench";
  order.entry = "run";
  order.elements = {{"run", Digest(std::string(64, 'a')), Bytes{1000}, true}};
  order.tasks.resize(tasks);
  for (std::size_t i = 0; i < tasks; ++i) order.tasks[i].arguments = {std::to_string(i)};
  order.copies = 2;
  return order;
}

void add_machines(scheduler::Scheduler& model, int count) {
  for (int i = 0; i < count; ++i) {
    scheduler::MachineFacts facts;
    facts.machine = MachineId("machine-" + std::to_string(i));
    facts.owner = PartyId("owner-" + std::to_string(i));
    facts.leased = facts.sandbox = facts.window_open = true;
    facts.processor_mhz = 1000;
    facts.memory = gibibytes(1);
    facts.queue_max = 10;
    model.set_machine(facts);
  }
}

// Each machine polls in turn: reports what it was given and takes more, in one durable batch.
Figure task_lives(Store& store, std::size_t tasks) {
  scheduler::Scheduler model((scheduler::Settings()));
  add_machines(model, 1000);
  Instant now{};
  return measured(tasks, [&] {
    GroupCommitter committer(store, [](const std::function<void()>& task) { task(); });
    Batch batch;
    static_cast<void>(model.submit(job(tasks), now, batch).has_value());
    committer.submit(std::move(batch), nullptr);
    std::deque<std::vector<scheduler::Assignment>> given(1000);
    std::size_t idle = 0;
    for (std::size_t poll = 0; idle < given.size(); ++poll) {
      std::vector<scheduler::Assignment>& mine = given[poll % given.size()];
      Batch changes;
      for (const scheduler::Assignment& assignment : mine) {
        scheduler::Report report{assignment.assignment, assignment.machine, scheduler::ReportKind::Done, std::string(64, 'b'), Bytes{100}, 30, now, now + Duration(30), ""};
        static_cast<void>(model.report(report, now + Duration(40), changes).has_value());
      }
      mine = model.assign(MachineId("machine-" + std::to_string(poll % given.size())), now, changes);
      idle = changes.empty() ? idle + 1 : 0;
      committer.submit(std::move(changes), nullptr);
    }
  });
}

void show(const char* what, const Figure& figure) { std::printf("%-58s %10.0f /s  %8.2f us CPU each\n", what, figure.per_second, figure.processor_us); }

}  // namespace

int main() {
  std::string folder = std::filesystem::temp_directory_path().string() + "/leaseback-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  {
    Result<std::unique_ptr<SqliteStore>> store = SqliteStore::open(folder + "/bench.db");
    if (!store) return 1;
    const Figure single = measured(1000, [&] {
      for (std::size_t i = 0; i < 1000; ++i) {
        const Batch batch = {record(i)};
        static_cast<void>((*store)->commit(std::span<const Batch>(&batch, 1)).has_value());
      }
    });
    show("a commit per change", single);
    for (const std::size_t in_flight : {16, 256, 2048}) {
      const Figure group = grouped(**store, 100000, in_flight);
      const std::string what = "group commit, " + std::to_string(in_flight) + " waiting";
      show(what.c_str(), group);
      std::printf("  = %.0f times a commit per change\n", group.per_second / single.per_second);
    }
    show("whole life of a task, two copies, ten a poll", task_lives(**store, 100000));
    scheduler::Scheduler again((scheduler::Settings()));
    const Figure loading = measured(100000, [&] { static_cast<void>(again.load(**store).has_value()); });
    show("loading tasks with two copies each at start", loading);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
