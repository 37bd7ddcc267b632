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
#include "tests/simulation/machine.h"
#include "tests/simulation/timeline.h"

namespace simulation {

struct Plan {
  std::uint64_t seed = 1;
  int machines = 50;
  int days = 30;
  int declining = 3;     // say no at first boot
  int silent = 3;        // never answer
  int vanishing = 4;     // are lost for ever, one at a time
  int objects = 24;
  int jobs = 6;
  int tasks_a_job = 40;
  Faults faults;
  double controller_death_rate = 0.0003;
};

struct Figures {
  std::uint64_t happenings = 0;
  std::uint32_t power_cuts = 0;
  std::uint32_t controller_deaths = 0;
  std::size_t tasks_done = 0;
  std::size_t objects_stored = 0;
  std::size_t machines_released = 0;
  std::size_t renewals = 0;
  std::uint64_t ledger_entries = 0;
};

class FleetWorld final : public TaskWatch {
 public:
  explicit FleetWorld(Plan plan);
  ~FleetWorld() override;

  // Lives through the plan, checking what must hold all the time every virtual hour, and the rest at the end.
  void run();
  [[nodiscard]] Figures figures() const;

 private:
  struct Thing;  // a stored object, as its client knows it
  void task_ran(const MachineId& machine, const AssignmentId& assignment, Instant from, Instant to) override;

  // fleet_world.cc: the cast and what happens to it
  void make_machine(int number);
  void switch_on_and_off(Machine& machine);
  void plan_vanishing();
  void keep_trying(std::function<bool()> act);
  void put_object(int number);
  void submit_job(int number);

  // invariants.cc
  void check_hourly();
  void check_results_stay();
  void check_objects_stay_readable();
  void check_silent_and_declined();
  void check_at_the_end();
  void check_ledger();
  void check_pay();
  void check_objects_read_back();
  [[nodiscard]] std::set<std::string> digests_at(const Machine& machine);

  Plan plan_;
  Timeline timeline_;
  policies::terms::IanaZoneRules zones_;
  policies::loading::Rules rules_;
  images::keys::PrivateKey line_key_;
  std::unique_ptr<Controller> controller_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::map<MachineId, std::set<std::string>> last_held_;  // of machines that are off
  std::set<const Machine*> gone_;
  std::map<std::string, Thing> things_;
  std::map<std::string, std::vector<std::string>> jobs_;     // job -> parameters by task
  std::map<std::string, std::map<std::uint32_t, std::string>> results_;  // job -> task -> digest, once seen done
  std::uint64_t happenings_ = 0;
};

}  // namespace simulation
