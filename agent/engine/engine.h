// The queue of leased work on one machine: fetches ahead, starts when work may run, stops when it may not, reports each
// assignment's end once. Decides by the values it is given; the sandbox and the files are its only effects, and what
// must survive is staged in the journal for the caller to commit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
  std::uint32_t queue_max = 32;  // assignments held, running ones included
  std::uint32_t running_max = 1;
  std::uint32_t fetching_max = 4;  // elements on their way at once
  Bytes cache_budget = gibibytes(1);
  Bytes memory_max = gibibytes(2);  // what one task may ask for
  Bytes scratch_max = gibibytes(1);
  Bytes result_max = mebibytes(64);
  Duration frozen_max{600'000};   // a task frozen longer is stopped and starts again from its checkpoint
  Duration stop_lead{12'000};     // before a window closes, tasks are asked to save themselves and end
  Duration start_lead{60'000};    // nothing is started this near to the end of a window
  std::uint32_t starts_max = 20;  // an assignment that never ends by itself is given back
  std::uint32_t fetch_attempts_max = 8;
};

// What the engine wants of the world since it was last asked.
struct Wishes {
  struct Fetch {
    Digest digest;
    Bytes size;
    std::string ticket;
  };
  struct Upload {
    AssignmentId assignment;
    Digest digest;
    std::string bytes;
    std::string ticket;
  };
  std::vector<Fetch> fetches;   // each answered by element_arrived
  std::vector<Upload> uploads;  // each answered by result_taken
  std::vector<Report> reports;  // to be made durable in the same commit as what is staged
};

class Engine {
 public:
  // Reads the queue back from the journal's entries "task/...". `folder` holds the cache, the tasks' folders and large
  // results. All references must outlive the engine.
  static Result<Engine> open(images::files::Files& files, journal::Journal& journal, sandbox::Sandbox& sandbox,
                             std::string folder, EngineSettings settings);

  void set_limits(std::uint32_t queue_max, std::uint32_t running_max);

  // An assignment known already, or ended already, changes nothing. Refused ones are reported so.
  void accept(const Work& work, Instant now);
  // Reports a refusal for what could not even be read.
  void refuse(const AssignmentId& assignment, std::string reason, Instant now);
  void cancel(const AssignmentId& assignment, const std::string& reason, Instant now);
  void element_arrived(const Digest& digest, Result<std::string> bytes, Instant now, Duration running);
  void result_taken(const AssignmentId& assignment, Done taken, Instant now, Duration running);
  void task_ended(const sandbox::TaskEnd& end, Instant now, Duration running);
  // Gives everything back: no new work from now on.
  void drain(const std::string& reason, Instant now);
  // Kills everything and deletes every file of work: the end of the lease. Nothing is reported.
  Done erase_all();

  // Starts, freezes and stops as `presence` allows. `running` is a clock that only goes on, for pauses between
  // attempts.
  void step(const presence::Presence& presence, Instant now, Duration running);
  // The span after which step() has something to do although nothing arrived.
  [[nodiscard]] Duration wait(Instant now, Duration running) const;
  [[nodiscard]] Wishes take_wishes();
  // Deletes the files of what has ended. Call it once the end is durable: until then they are its only proof.
  void clean_up();

  [[nodiscard]] std::uint32_t running() const;
  [[nodiscard]] std::uint32_t queued() const;
  [[nodiscard]] std::vector<AssignmentId> held() const;
  [[nodiscard]] bool has_ended(const AssignmentId& assignment) const { return ended_.contains(assignment); }
  [[nodiscard]] std::vector<Digest> cached() const { return cache_.held(); }
  // The state of one assignment, for a status request. Nothing when it is unknown here.
  [[nodiscard]] std::optional<Report> state_of(const AssignmentId& assignment) const;
  // The newest whole checkpoint of a held assignment; asks the task for a fresh one. NotFound when there is none.
  Result<std::string> checkpoint_of(const AssignmentId& assignment);

 private:
  enum class Stage { Fetching, Ready, Running, Stopping, Uploading };
  struct Item {
    Work work;
    Stage stage = Stage::Fetching;
    std::uint32_t starts = 0;
    Duration processor{0};       // of the starts that have ended
    Instant started;             // the first start
    Instant ended;               // once Uploading
    Digest result_digest;        // once Uploading
    std::string give_back;       // why it is reported as stopped when it ends; empty: it starts again
    std::uint32_t attempts = 0;  // to upload, or to start, that failed in a row
    Duration retry_at{0};
    bool under_way = false;  // its upload
    std::optional<Duration> frozen_since;
  };
  struct Fetching {
    bool under_way = false;
    std::uint32_t attempts = 0;
    Duration retry_at{0};
  };

  Engine(images::files::Files& files, journal::Journal& journal, sandbox::Sandbox& sandbox, std::string folder,
         EngineSettings settings, ElementCache cache);
  Done read_back();
  Done discard_strays();
  static std::string encoded(const Item& item);
  static Result<Item> item_from(std::string_view bytes);
  void keep(const Item& item);
  void forget(const AssignmentId& assignment, Instant deadline);
  void remember_draining();
  [[nodiscard]] std::string folder_of(const AssignmentId& assignment) const;
  [[nodiscard]] std::string result_path(const AssignmentId& assignment) const;
  [[nodiscard]] std::string why_refused(const Work& work) const;

  void report(const Item& item, Outcome outcome, std::string reason, Instant now);
  // Reports the end and forgets the item; durable with the next commit.
  void finish(const AssignmentId& assignment, Report end, Instant now);
  void give_back(Item& item, const std::string& reason, Instant now);
  void keep_result(Item& item, const sandbox::TaskEnd& end, Instant now);
  void end_by_deadline(Instant now);
  void stop_running(bool kill);
  void freeze_running(Duration running);
  void wish_fetches(Duration running, Instant now);
  void wish_uploads(Duration running);
  void start_ready(Instant now, Duration running);
  bool start(Item& item, Instant now, Duration running);
  [[nodiscard]] bool complete(const Work& work) const;
  [[nodiscard]] std::set<Digest> in_use() const;

  images::files::Files* files_;
  journal::Journal* journal_;
  sandbox::Sandbox* sandbox_;
  std::string folder_;
  EngineSettings settings_;
  ElementCache cache_;
  std::map<AssignmentId, Item> items_;
  std::map<AssignmentId, Instant> ended_;  // assignments that ended here, and their deadlines: never run again
  std::map<Digest, Fetching> fetching_;
  presence::Presence presence_;
  std::set<AssignmentId> leftovers_;
  std::string draining_;  // why; empty while work is taken
  Wishes wishes_;
};

}  // namespace agent::engine
