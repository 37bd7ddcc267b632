// The queue of leased work on one machine: fetches ahead, starts when work may run, stops when it may not, reports each
// assignment's end once. Decides by the values it is given; the sandbox and the files are its only effects, and what must survive
// is staged in the journal for the caller to commit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/engine/element_cache.h"
#include "agent/engine/work.h"
#include "agent/journal/journal.h"
#include "agent/presence/presence.h"
#include "agent/sandbox/sandbox.h"
#include "images/files/files.h"

namespace agent::engine {

struct EngineSettings {
  std::uint32_t queue_max = 32;        // assignments held, running ones included
  std::uint32_t running_max = 1;
  std::uint32_t fetching_max = 4;      // elements on their way at once
  Bytes cache_budget = gibibytes(1);
  Bytes memory_max = gibibytes(2);     // what one task may ask for
  Bytes scratch_max = gibibytes(1);
  Bytes result_max = mebibytes(64);
  Duration frozen_max{600'000};        // a task frozen longer is stopped and starts again from its checkpoint
  std::uint32_t starts_max = 20;       // an assignment that never ends by itself is given back
  std::uint32_t fetch_attempts_max = 8;
};

// What the engine wants of the world since it was last asked.
struct Wishes {
  struct Fetch { Digest digest; Bytes size; std::string ticket; };
  struct Upload { AssignmentId assignment; Digest digest; std::string bytes; std::string ticket; };
  std::vector<Fetch> fetches;    // each answered by element_arrived
  std::vector<Upload> uploads;   // each answered by result_taken
  std::vector<Report> reports;   // to be made durable in the same commit as what is staged
};

class Engine {
 public:
  // Reads the queue back from the journal's entries "task/...". `folder` holds the cache, the tasks' folders and large results.
  // All references must outlive the engine.
  static Result<Engine> open(images::files::Files& files, journal::Journal& journal, sandbox::Sandbox& sandbox, std::string folder,
                             EngineSettings settings);

  void set_limits(std::uint32_t queue_max, std::uint32_t running_max);

  // An assignment known already, or ended already, changes nothing. Refused ones are reported so.
  void accept(const Work& work, Instant now);
  // Reports a refusal for what could not even be read.
  void refuse(const AssignmentId& assignment, std::string reason, Instant now);
  void cancel(const AssignmentId& assignment, const std::string& reason, Instant now);
  void element_arrived(const Digest& digest, Result<std::string> bytes, Duration running);
  void result_taken(const AssignmentId& assignment, Done taken, Instant now, Duration running);
  void task_ended(const sandbox::TaskEnd& end, Instant now);
  // Gives everything back: no new work from now on.
  void drain(const std::string& reason, Instant now);
  // Kills everything and deletes every file of work: the end of the lease. Nothing is reported.
  Done erase_all();

  // Starts, freezes and stops as `presence` allows. `running` is a clock that only goes on, for pauses between attempts.
  void step(const presence::Presence& presence, Instant now, Duration running);
  // The span after which step() has something to do although nothing arrived.
  [[nodiscard]] Duration wait(Instant now, Duration running) const;
  [[nodiscard]] Wishes take_wishes();

  [[nodiscard]] std::uint32_t running() const;
  [[nodiscard]] std::uint32_t queued() const;
  [[nodiscard]] std::vector<AssignmentId> held() const;
  [[nodiscard]] std::vector<Digest> cached() const { return cache_.held(); }
  // The state of one assignment, for a status request. Nothing when it is unknown here.
  [[nodiscard]] std::optional<Report> state_of(const AssignmentId& assignment) const;
  // The newest whole checkpoint of a held assignment; asks the task for a fresh one. NotFound when there is none.
  Result<std::string> checkpoint_of(const AssignmentId& assignment);

 private:
  enum class Stage { Fetching, Ready, Running, Stopping, Uploading };
  struct Item;
  Engine(images::files::Files& files, journal::Journal& journal, sandbox::Sandbox& sandbox, std::string folder,
         EngineSettings settings);
  images::files::Files* files_;
  journal::Journal* journal_;
  sandbox::Sandbox* sandbox_;
  std::string folder_;
  EngineSettings settings_;
  ElementCache cache_;
  std::map<AssignmentId, Item> items_;
  Wishes wishes_;
};

}  // namespace agent::engine
