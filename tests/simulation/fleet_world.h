// A fleet in one process: a controller, machines of many owners and zones, two clients; what goes wrong is drawn from the seed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "policies/loading/loading.h"
#include "policies/terms/iana_zone.h"
#include "tests/simulation/controller.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/seeded_chance.h"
#include "tests/simulation/timeline.h"

namespace simulation {

struct Plan {
  std::uint64_t seed = 1;
  int machines = 50;
  int days = 30;
  int quiet_days = 7;    // after that: nobody vanishes, the controller lives, and everything that was begun comes to its end
  int silent = 3;        // never answer
  int declining = 3;     // say no at first boot
  int vanishing = 4;     // are lost for ever, one at a time
  int lying = 1;         // compute wrong results
  int rotting = 3;       // times that a disk forgets a bit of a shard
  double long_absence_rate = 0.04;  // of the times that a machine is off: for so long that it is given up meanwhile
  int objects_removed = 6;
  double pause_rate = 0.3;          // of the times that it is on: its owner pauses work for a while
  int objects = 32;
  int jobs = 8;
  int tasks_a_job = 40;
  Faults faults;
  double controller_death_rate = 0.002;
};

struct Figures {
  std::uint64_t happenings = 0;
  std::uint32_t power_cuts = 0;
  std::uint32_t controller_deaths = 0;
  std::size_t tasks_done = 0;
  std::size_t objects_stored = 0;
  std::size_t objects_read = 0;
  std::size_t machines_released = 0;
  std::size_t renewals = 0;
  std::uint64_t ledger_entries = 0;
  bool operator==(const Figures&) const = default;
};

class FleetWorld final : public Watch {
 public:
  explicit FleetWorld(Plan plan);
  ~FleetWorld() override;

  // Lives on for so long, checking every virtual hour what must hold all the time. Stops at the first finding.
  void live(Duration span);
  // The quiet days; then checks what must hold in the end.
  void come_to_rest();
  // What must hold in the end.
  void check_end();

  [[nodiscard]] const Findings& findings() const { return findings_; }
  [[nodiscard]] Figures figures() const;
  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] Timeline& timeline() { return timeline_; }
  [[nodiscard]] Controller& controller() { return *controller_; }
  // Numbered so: first the silent, then the declining, then the lying, then all others.
  [[nodiscard]] Machine& machine(int number) { return *machines_.at(static_cast<std::size_t>(number)); }

 private:
  struct Thing;  // a stored object, as its client knows it
  void task_ran(const Machine& machine, const AssignmentId& assignment, Instant from, Instant to) override;
  void agent_failed(const Machine& machine, const Error& error) override;
  void find(Findings findings);

  // fleet_world.cc: the cast
  void add_people();
  void make_machine(int number);
  // happenings.cc: what happens to it
  void switch_on_and_off(Machine& machine);
  void plan_vanishing();
  void plan_rot();
  void plan_words_of_staff();
  void pause_for_a_while(Machine& machine);
  void keep_trying(std::function<bool()> act);
  void put_object(int number);
  void remove_object(int number);
  void submit_job(int number);
  void stop_and_resume(const PartyId& client, const JobId& job);
  void read_back_all();
  [[nodiscard]] bool read_back(const std::string& object, const Thing& thing);

  // fleet_world.cc: what is held against the invariants
  void check_hour();
  void check_results_stay();
  void check_objects_stay_readable();
  void check_silent_and_declined();
  void check_pay();
  void check_jobs_and_objects_end();
  void check_machines_end();
  // Accepted the first terms, and nothing befell its agreement or the machine but what the plan does to all.
  [[nodiscard]] bool is_plain(int number) const;

  SeededChance chance_;
  Plan plan_;
  Timeline timeline_;
  policies::terms::IanaZoneRules zones_;
  policies::loading::Rules rules_;
  images::keys::PrivateKey line_key_;
  std::unique_ptr<Controller> controller_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::set<MachineId> gone_;
  std::set<MachineId> terminated_;
  std::map<std::string, Thing> things_;
  std::set<std::string> removed_;
  std::set<std::string> read_;                               // objects that were read back in the end
  std::map<std::string, std::vector<std::string>> jobs_;     // job -> parameters by task
  std::map<std::string, std::map<std::uint32_t, std::string>> results_;  // job -> task -> digest, once seen done
  Findings findings_;
  std::uint64_t happenings_ = 0;
};

}  // namespace simulation
