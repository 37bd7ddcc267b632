// The production controller's decisions over a store that keeps what was committed, in a process that dies when the seed says so.
#pragma once

#include <memory>

#include "fleet/operations/operations.h"
#include "policies/terms/iana_zone.h"
#include "tests/fakes/memory_elements.h"
#include "tests/fakes/memory_store.h"
#include "tests/simulation/machine.h"

namespace simulation {

class Controller final : public ControllerDoor {
 public:
  // `rules` and `zones` outlive it. It is up from the start.
  Controller(Timeline& timeline, const policies::loading::Rules& rules, const policies::terms::ZoneRules& zones,
             fleet::operations::Settings settings);

  // Each call dies with this probability: half of the deaths before the commit, half between commit and answer.
  void set_death_rate(double rate) { death_rate_ = rate; }
  void die();
  void start();
  [[nodiscard]] bool is_up() const { return operations_ != nullptr; }
  [[nodiscard]] std::uint32_t deaths() const { return deaths_; }

  // One use case on behalf of a client or of staff: what `act` returns, once it is durable; nothing when the controller died or is down.
  template <typename T>
  std::optional<T> ask(const std::function<T(fleet::operations::Operations&, fleet::store::Batch&)>& act);

  // Precondition: is_up().
  [[nodiscard]] const fleet::operations::Operations& operations() const { return *operations_; }
  [[nodiscard]] tests::fakes::MemoryStore& store() { return *store_; }
  // Starts again from an older state of its store: what a backup does that is told to nobody.
  void restore(const tests::fakes::MemoryStore& older);
  [[nodiscard]] tests::fakes::MemoryElements& elements() { return elements_; }
  [[nodiscard]] const fleet::operations::Keys& keys() const { return keys_; }

  // ControllerDoor
  Result<std::string> nonce() override;
  Result<std::string> enrol(const std::string& dsse) override;
  Result<std::string> messages(const MachineId& machine, const std::string& frame) override;
  Done receipt(const std::string& dsse) override;
  Result<std::string> get_element(const MachineId& machine, const Digest& digest, const std::string& ticket) override;
  Done put_element(const MachineId& machine, const Digest& digest, const std::string& bytes, const std::string& ticket) override;

 private:
  // True when the batch is durable and the answer may leave.
  bool commit(fleet::store::Batch batch);
  void tick();
  void arm();

  Timeline& timeline_;
  const policies::loading::Rules& rules_;
  const policies::terms::ZoneRules& zones_;
  fleet::operations::Settings settings_;
  fleet::operations::Keys keys_;
  std::unique_ptr<tests::fakes::MemoryStore> store_ = std::make_unique<tests::fakes::MemoryStore>();
  tests::fakes::MemoryElements elements_;
  std::unique_ptr<fleet::operations::Operations> operations_;
  double death_rate_ = 0;
  std::uint32_t deaths_ = 0;
  std::uint64_t armed_ = 0;
};

template <typename T>
std::optional<T> Controller::ask(const std::function<T(fleet::operations::Operations&, fleet::store::Batch&)>& act) {
  if (!is_up()) return std::nullopt;
  fleet::store::Batch batch;
  T outcome = act(*operations_, batch);
  if (!commit(std::move(batch))) return std::nullopt;
  return outcome;
}

}  // namespace simulation
