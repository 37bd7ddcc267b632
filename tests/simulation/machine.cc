#include "tests/simulation/machine.h"

namespace simulation {
namespace {

using agent::daemon::Event;
using agent::sandbox::EndKind;

constexpr const char* vault_folder = "/vault";
const Bytes vault_budget = mebibytes(64);

}  // namespace

Machine::Machine(Timeline& timeline, ControllerDoor& door, Watch& watch, const policies::terms::ZoneRules& zones, Faults faults,
                 agent::daemon::Identity identity, std::uint64_t seed)
    : timeline_(timeline), door_(door), watch_(watch), zones_(zones), faults_(faults), identity_(std::move(identity)), seed_(seed), files_(seed) {}

Machine::~Machine() = default;

std::string Machine::result_of(const std::string& parameters_json) {
  const std::string digest = images::keys::sha256(parameters_json).text;
  const bool large = digest[0] == '0';
  return "computed from " + digest + (large ? std::string(70'000, digest[1]) : "");
}

void Machine::switch_on() {
  if (agent_ || vanished_ || disk_given_back_) return;
  agent::daemon::AgentSettings settings;
  settings.state_folder = "/state";
  settings.vault_folder = vault_folder;
  settings.vault_budget = vault_budget;
  settings.poll.first = Duration(5'000);
  settings.poll.interval = Duration(3'600'000);
  settings.answer_poll = Duration(600'000);
  settings.desk_poll = Duration(6 * 3'600'000);
  settings.status_pause = Duration(4 * 3'600'000);
  const agent::daemon::MachineFacts facts{"1.0", "Debian 12", 1, identity_.voucher_facts.processor_mhz, gibibytes(2)};
  auto started = agent::daemon::Agent::start({files_, *this, *this, *this, *this, *this, zones_}, settings, identity_, facts,
                                             seed_ + life_, {timeline_.now(), Duration(timeline_.now().time_since_epoch())});
  if (!started) return watch_.agent_failed(*this, started.error());
  agent_ = *std::move(started);
  step_at(timeline_.now());
}

void Machine::cut_power() {
  if (!agent_) return;
  for (auto& [assignment, task] : running_) pause_task(task);
  running_.clear();
  agent_.reset();
  if (!files_.is_off()) files_.cut_power();
  files_.power_on();
  ++life_;
  ++power_cuts_;
  held_when_cut_ = held_on_disk();
}

void Machine::cut_power_at_write(std::uint64_t nth) {
  if (agent_) files_.cut_at(nth);
}

void Machine::vanish() {
  cut_power();
  vanished_ = true;
}

std::set<std::string> Machine::held() const {
  if (vanished_) return {};
  if (!agent_) return held_when_cut_;
  std::set<std::string> digests;
  for (const agent::vault::HeldShard& shard : agent_->shards()) digests.insert(shard.digest.text);
  return digests;
}

// What the vault finds again after a cut, by its own recovery.
std::set<std::string> Machine::held_on_disk() {
  std::set<std::string> digests;
  if (const auto there = files_.exists(vault_folder); !there || !*there) return digests;
  const auto vault = agent::vault::Vault::open(files_, vault_folder, agent::vault::limits_for(vault_budget));
  if (!vault) {
    watch_.agent_failed(*this, vault.error());
    return digests;
  }
  for (const agent::vault::HeldShard& shard : vault->inventory()) digests.insert(shard.digest.text);
  return digests;
}

void Machine::set_pause(bool paused) {
  if (paused)
    last_pause_ = {timeline_.now(), Instant::max()};
  else if (last_pause_)
    last_pause_->to = timeline_.now();
  if (agent_) step();
}

std::string Machine::pause_text() { return agent::presence::text_of(agent::presence::Pause{last_pause_ && last_pause_->to == Instant::max(), {}}); }

void Machine::rot() {
  const auto names = files_.list(vault_folder);
  if (!names || names->empty()) return;
  const std::string path = std::string(vault_folder) + "/" + names->at(timeline_.random().below(names->size()));
  const auto size = files_.size(path);
  if (size && *size > 0) files_.flip_bit(path, timeline_.random().below(*size));
}

void Machine::lose_vault() {
  cut_power();
  const auto names = files_.list(vault_folder);
  if (!names) return;
  for (const std::string& name : *names) static_cast<void>(files_.remove(vault_folder + ("/" + name)).has_value());
  held_when_cut_.clear();
}

void Machine::step_at(Instant when) {
  const std::uint64_t wake = ++wake_;
  timeline_.at(when, [this, wake, life = life_] {
    if (wake == wake_ && life == life_ && agent_) step();
  });
}

void Machine::step() {
  if (stepping_) return;
  stepping_ = true;
  const Result<Duration> wait = agent_->step({timeline_.now(), Duration(timeline_.now().time_since_epoch())});
  stepping_ = false;
  if (files_.is_off()) return cut_power();
  if (!wait) return watch_.agent_failed(*this, wait.error());
  if (*wait != Duration::max()) step_at(timeline_.now() + std::max(*wait, Duration(1)));
}

void Machine::deliver_later(Duration span, Event event) {
  timeline_.after(span, [this, life = life_, event = std::move(event)]() mutable {
    if (life != life_ || !agent_) return;
    agent_->deliver(std::move(event));
    step();
  });
}

template <typename Answer>
void Machine::ask(std::function<Answer()> question, std::function<Event(const Answer&)> give) {
  // After a cut in the middle of a step nothing more leaves the machine, whatever the rest of the step thinks.
  if (files_.is_off()) return;
  const Error nobody{ErrorCode::Unavailable, "nobody answered", {}};
  Random& random = timeline_.random();
  const Duration there = timeline_.between(Duration(1), faults_.latency_max);
  if (random.chance(faults_.request_lost)) return deliver_later(Duration(30'000), give(Answer(nobody)));
  const bool answer_lost = random.chance(faults_.answer_lost);
  // The question arrives even when this machine loses its power meanwhile.
  timeline_.after(there, [this, life = life_, question, give, answer_lost, nobody] {
    Answer answer = question();
    if (life != life_) return;
    if (answer_lost) return deliver_later(Duration(30'000), give(Answer(nobody)));
    deliver_later(timeline_.between(Duration(1), faults_.latency_max), give(answer));
  });
}

void Machine::begin_nonce() {
  using agent::daemon::NonceArrived;
  ask<Result<std::string>>([this] { return door_.nonce(); },
                           [](const Result<std::string>& json) {
                             if (!json) return Event(std::in_place_type<NonceArrived>, json.error());
                             return Event(std::in_place_type<NonceArrived>, agent::daemon::nonce_from(*json));
                           });
}

void Machine::begin_enrolment(const std::string& dsse) {
  using agent::daemon::EnrolmentAnswered;
  ask<Result<std::string>>([this, dsse] { return door_.enrol(dsse); },
                           [](const Result<std::string>& json) {
                             if (!json) return Event(std::in_place_type<EnrolmentAnswered>, json.error());
                             return Event(std::in_place_type<EnrolmentAnswered>, agent::daemon::enrolment_answer_from(*json));
                           });
}

void Machine::begin_frame(const std::string& encoded) {
  ask<Result<std::string>>([this, encoded] { return door_.messages(id(), encoded); },
                           [](const Result<std::string>& frame) { return Event(std::in_place_type<agent::daemon::FrameArrived>, frame); });
}

void Machine::begin_receipt(const std::string& dsse) {
  ask<Done>([this, dsse] { return door_.receipt(dsse); },
            [](const Done& done) { return Event(std::in_place_type<agent::daemon::ReceiptTaken>, done); });
}

void Machine::begin_get(std::uint64_t transfer, const Digest& digest, Bytes, const std::string& ticket) {
  ask<Result<std::string>>([this, digest, ticket] { return door_.get_element(id(), digest, ticket); },
                           [transfer](const Result<std::string>& bytes) {
                             return Event(std::in_place_type<agent::daemon::ElementArrived>, transfer, bytes);
                           });
}

void Machine::begin_put(std::uint64_t transfer, const Digest& digest, std::string bytes, const std::string& ticket) {
  ask<Done>([this, digest, bytes = std::move(bytes), ticket] { return door_.put_element(id(), digest, bytes, ticket); },
            [transfer](const Done& done) { return Event(std::in_place_type<agent::daemon::ElementTaken>, transfer, done); });
}

Done Machine::start(const agent::sandbox::TaskSpec& spec) {
  Running task;
  task.spec = spec;
  task.left = deaf_ ? std::chrono::hours(12) : timeline_.between(std::chrono::seconds(30), std::chrono::minutes(9));
  task.since = timeline_.now();
  running_[spec.assignment] = task;
  run_for_a_while(spec.assignment);
  return {};
}

void Machine::run_for_a_while(const AssignmentId& assignment) {
  Running& task = running_.at(assignment);
  const std::uint64_t turn = ++task.turn;
  timeline_.after(task.left, [this, assignment, turn, life = life_] {
    const auto found = running_.find(assignment);
    if (life != life_ || found == running_.end() || found->second.turn != turn || found->second.frozen) return;
    end_task(assignment, EndKind::Exited);
  });
}

void Machine::pause_task(Running& task) {
  if (task.frozen) return;
  const Duration ran = timeline_.now() - task.since;
  watch_.task_ran(*this, task.spec.assignment, task.since, timeline_.now());
  task.used += ran;
  task.left -= std::min(ran, task.left);
  task.frozen = true;
}

void Machine::freeze(const AssignmentId& assignment) {
  const auto found = running_.find(assignment);
  if (found != running_.end() && !deaf_) pause_task(found->second);
}

void Machine::thaw(const AssignmentId& assignment) {
  const auto found = running_.find(assignment);
  if (found == running_.end() || !found->second.frozen) return;
  found->second.frozen = false;
  found->second.since = timeline_.now();
  run_for_a_while(assignment);
}

void Machine::ask_to_stop(const AssignmentId& assignment) {
  if (running_.contains(assignment) && !deaf_) end_task(assignment, EndKind::Unfinished);
}

void Machine::kill(const AssignmentId& assignment) {
  if (running_.contains(assignment) && !deaf_) end_task(assignment, EndKind::Killed);
}

void Machine::end_task(const AssignmentId& assignment, EndKind kind) {
  Running task = running_.at(assignment);
  pause_task(task);
  running_.erase(assignment);
  agent::sandbox::TaskEnd end;
  end.assignment = assignment;
  end.kind = kind;
  end.processor = task.used;
  if (kind == EndKind::Exited) end.result = result_of(task.spec.parameters_json) + (lies_ ? " (so to speak)" : "");
  deliver_later(Duration(1), end);
}

Result<std::string> Machine::checkpoint(const std::string&) { return Error{ErrorCode::NotFound, "no checkpoint", {}}; }

std::optional<agent::consent::Answer> Machine::terms_answer(const agent::contract::TermsDocument&) {
  if (!terms_answer_) return std::nullopt;
  return agent::consent::Answer{*terms_answer_, identity_.voucher_facts.owner.text};
}

std::optional<agent::contract::Choice> Machine::renewal_answer(const agent::daemon::RenewalQuestion&) { return renewal_answer_; }

void Machine::begin_release(const std::string&) {
  agent::contract::Receipt receipt;
  receipt.kind = agent::contract::ReceiptKind::Released;
  receipt.serial = identity_.voucher_facts.serial;
  receipt.machine = id();
  receipt.order = identity_.voucher_facts.order;
  receipt.freed = identity_.voucher_facts.lease;
  receipt.key_slots_destroyed = true;
  receipt.table_before = images::keys::sha256("before");
  receipt.table_after = images::keys::sha256("after");
  receipt.steps = {"released"};
  disk_given_back_ = true;
  deliver_later(Duration(2'000), agent::daemon::DiskReleased{receipt});
}

}  // namespace simulation
