// Machines and jobs to schedule, with values that a test changes where it matters.
#pragma once

#include <gtest/gtest.h>

#include "fleet/scheduler/scheduler.h"
#include "tests/fakes/memory_store.h"

namespace tests::scheduling {
using namespace fleet::scheduler;
using fleet::store::Batch;

inline const Instant start = *instant_from("2026-11-21T23:00:00Z");

inline std::string digest_of(std::uint64_t value) {
  std::string text = std::to_string(value);
  return std::string(64 - text.size(), '0') + text;
}

inline MachineFacts machine(const std::string& name, const std::string& owner) {
  MachineFacts facts;
  facts.machine = MachineId(name);
  facts.owner = PartyId(owner);
  facts.leased = true;
  facts.sandbox = true;
  facts.window_open = true;
  facts.processors = 1;
  facts.processor_mhz = 1000;
  facts.memory = gibibytes(1);
  facts.queue_max = 4;
  return facts;
}

inline JobOrder job_of(std::size_t tasks, double copies) {
  JobOrder order;
  order.client = PartyId("acme");
  order.name = "tiles";
  order.entry = "render";
  order.elements = {{"render", Digest(digest_of(7)), Bytes{1000}, true}};
  order.tasks.resize(tasks);
  for (std::size_t i = 0; i < tasks; ++i) order.tasks[i].arguments = {std::to_string(i)};
  order.copies = copies;
  return order;
}

inline Report done(const Assignment& assignment, std::uint64_t result, Instant from, Instant to) {
  Report report;
  report.assignment = assignment.assignment;
  report.machine = assignment.machine;
  report.kind = ReportKind::Done;
  report.result_digest = digest_of(result);
  report.result_size = Bytes{10};
  report.processor_ms = 20;
  report.started_at = from;
  report.ended_at = to;
  return report;
}

inline Report word(const Assignment& assignment, ReportKind kind, const std::string& reason) {
  Report report;
  report.assignment = assignment.assignment;
  report.machine = assignment.machine;
  report.kind = kind;
  report.reason = reason;
  return report;
}

// A scheduler on a store that keeps each batch at once, and can be started again from it.
struct Room {
  explicit Room(Settings the_settings = Settings()) : settings(the_settings), scheduler(the_settings) {}

  void add(const MachineFacts& facts) {
    machines.push_back(facts);
    scheduler.set_machine(facts);
  }
  void keep() {
    if (!batch.empty()) {
      EXPECT_TRUE(store.commit(std::span<const Batch>(&batch, 1)).has_value());
    }
    batch.clear();
  }
  JobId submit(const JobOrder& order, Instant now = start) {
    const Result<JobId> job = scheduler.submit(order, now, batch);
    EXPECT_TRUE(job.has_value()) << job.error().text();
    keep();
    return *job;
  }
  std::vector<Assignment> assign(const std::string& name, Instant now = start) {
    std::vector<Assignment> given = scheduler.assign(MachineId(name), now, batch);
    keep();
    return given;
  }
  Consequences report(const Report& report, Instant now) {
    Result<Consequences> out = scheduler.report(report, now, batch);
    EXPECT_TRUE(out.has_value()) << out.error().text();
    keep();
    return out.value_or({});
  }
  void restart() {
    batch.clear();
    scheduler = Scheduler(settings);
    const Done loaded = scheduler.load(store);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
    for (const MachineFacts& facts : machines) scheduler.set_machine(facts);
  }

  Settings settings;
  fakes::MemoryStore store;
  Scheduler scheduler;
  Batch batch;
  std::vector<MachineFacts> machines;
};

}  // namespace tests::scheduling
