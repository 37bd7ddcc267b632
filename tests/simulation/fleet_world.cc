#include "tests/simulation/fleet_world.h"

#include <gtest/gtest.h>

#include "fleet/ledger/billing.h"
#include "images/keys/statement.h"
#include "tests/simulation/thing.h"

namespace simulation {
namespace {

using namespace std::chrono_literals;
using fleet::operations::Operations;
using fleet::store::Batch;

const Instant beginning = *instant_from("2026-11-01T12:00:00Z");
const char* const zone_names[] = {"America/Chicago", "Europe/Warsaw", "Australia/Sydney", "Asia/Kolkata"};

// The shipped rules, with a term of three weeks, so that terms end and are renewed within the plan.
policies::loading::Rules hurried_rules() {
  auto loaded = policies::loading::load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  EXPECT_TRUE(loaded) << loaded.error().text();
  policies::loading::Rules rules = *std::move(loaded);
  for (policies::terms::Terms& terms : rules.terms) {
    terms.length = std::chrono::days(21);
    terms.renewal_lead = std::chrono::days(8);
  }
  return rules;
}

fleet::operations::Settings hurried_settings() {
  fleet::operations::Settings settings;
  settings.poll_interval = 1h;
  settings.poll_interval_max = 2h;
  settings.poll_busy = 30s;
  settings.silence_limit = 30h;
  settings.polls_missed_max = 2;
  settings.listening_gap = 6h;
  settings.placement.lease_left_min = 24h;
  settings.renewals.drain_lead = 48h;
  settings.renewals.answer_time_min = 24h;
  return settings;
}

agent::contract::Voucher voucher_for(int number, const images::keys::PrivateKey& key, const policies::loading::Rules& rules) {
  const policies::terms::Offer& offer = **rules.find_offer(OfferId("home"));
  const policies::terms::Terms& terms = **rules.find_terms(offer.terms);
  agent::contract::Voucher voucher;
  voucher.serial = "SIM-" + std::to_string(number);
  voucher.machine = MachineId(key.id().text);
  voucher.order = OrderId("order-" + std::to_string(number));
  voucher.owner = PartyId("owner-" + std::to_string(number));
  voucher.model = "home-pc";
  voucher.terms = terms.id;
  voucher.terms_version = static_cast<std::uint32_t>(terms.version);
  voucher.zone = zone_names[number % 4];
  voucher.terms_digest = images::keys::sha256(policies::terms::canonical_text(terms, voucher.zone));
  voucher.offer = offer.id;
  voucher.plan_digest = images::keys::sha256("plan");
  voucher.lease = gibibytes(6);
  voucher.processor_mhz = 1000;
  voucher.made_at = beginning - 24h;
  return voucher;
}

}  // namespace

FleetWorld::FleetWorld(Plan plan)
    : chance_(plan.seed),
      plan_(plan),
      timeline_(beginning, plan.seed),
      rules_(hurried_rules()),
      line_key_(*images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey)) {
  controller_ = std::make_unique<Controller>(timeline_, rules_, zones_, hurried_settings());
  add_people();
  for (int number = 0; number < plan.machines; ++number) make_machine(number);
  controller_->set_death_rate(plan.controller_death_rate);
  plan_vanishing();
  plan_rot();
  plan_words_of_staff();
  const auto some_time = [&] { return beginning + timeline_.between(72h, std::max(Duration(73h), Duration(24h) * plan.days * 2 / 3)); };
  for (int number = 0; number < plan.objects; ++number) timeline_.at(some_time(), [this, number] { put_object(number); });
  for (int number = 0; number < plan.jobs; ++number) timeline_.at(some_time(), [this, number] { submit_job(number); });
}

FleetWorld::~FleetWorld() = default;

void FleetWorld::add_people() {
  controller_->ask<Done>([&](Operations& operations, Batch& batch) {
    return operations.register_line({PartyId("line-1"), "Line 1", line_key_.public_key().pem(), line_key_.id(), timeline_.now()}, "staff", timeline_.now(), batch);
  });
  for (const char* name : {"acme", "zenith"})
    controller_->ask<Result<fleet::operations::PartyAnswer>>([&](Operations& operations, Batch& batch) {
      const auto key = *images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey);
      fleet::registry::Party party{PartyId(name), name, {fleet::registry::Role::Client}, key.public_key().pem(), key.id(), std::nullopt, timeline_.now()};
      return operations.add_party(party, "staff", timeline_.now(), batch);
    });
}

void FleetWorld::make_machine(int number) {
  const auto key = *images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey);
  const agent::contract::Voucher voucher = voucher_for(number, key, rules_);
  const std::string dsse = *images::keys::sign_statement(agent::contract::voucher_type, payload_of(voucher), line_key_);
  const auto imported = controller_->ask<Result<bool>>(
      [&](Operations& operations, Batch& batch) { return operations.import_voucher(dsse, "staff", timeline_.now(), batch); });
  ASSERT_TRUE(imported && *imported) << (imported ? imported->error().text() : "");
  const policies::terms::Terms& terms = **rules_.find_terms(voucher.terms);
  agent::contract::TermsDocument document;
  document.text = "terms";
  document.canonical = policies::terms::canonical_text(terms, voucher.zone);
  document.digest = voucher.terms_digest;
  agent::daemon::Identity identity{key, dsse, voucher, document, controller_->keys().authority_pem};
  machines_.push_back(std::make_unique<Machine>(timeline_, *controller_, *this, zones_, plan_.faults, std::move(identity), plan_.seed * 1000 + static_cast<std::uint64_t>(number)));
  Machine& machine = *machines_.back();
  timeline_.at(beginning + timeline_.between(0h, 12h), [this, &machine] { switch_on_and_off(machine); });
  if (number < plan_.silent) return;
  if (number >= plan_.silent + plan_.declining && number < plan_.silent + plan_.declining + plan_.lying) machine.lie();
  const auto choice = number < plan_.silent + plan_.declining ? agent::contract::Choice::Declined : agent::contract::Choice::Accepted;
  timeline_.at(beginning + timeline_.between(1h, 48h), [&machine, choice] { machine.answer_terms(choice); });
  // A third renews, a third declines, a third never answers. Who answers does so in time, however long the machine is off meanwhile.
  if (number % 3 != 0)
    timeline_.at(beginning + timeline_.between(24h * 13, 24h * 17), [&machine, number] {
      machine.answer_renewal(number % 3 == 1 ? agent::contract::Choice::Accepted : agent::contract::Choice::Declined);
    });
}

void FleetWorld::find(Findings findings) {
  constexpr std::size_t findings_max = 30;
  for (std::string& finding : findings)
    if (findings_.size() < findings_max) findings_.push_back(text_of(timeline_.now()) + ": " + std::move(finding));
}

void FleetWorld::agent_failed(const Machine& machine, const Error& error) {
  find({machine.identity().voucher_facts.serial + ": the agent failed: " + error.text()});
}

void FleetWorld::task_ran(const Machine& machine, const AssignmentId& assignment, Instant from, Instant to) {
  const agent::contract::Voucher& voucher = machine.identity().voucher_facts;
  find(outside_hours(assignment.text + " on " + voucher.serial, {from, to}, (**rules_.find_terms(voucher.terms)).processor_hours, **zones_.zone(voucher.zone)));
  if (const auto pause = machine.last_pause(); pause && from < pause->to && pause->from < to)
    find({assignment.text + " ran on " + voucher.serial + " although its owner had paused work at " + text_of(pause->from)});
}

void FleetWorld::live(Duration span) {
  const Instant end = timeline_.now() + span;
  while (timeline_.now() < end && findings_.empty()) {
    happenings_ += timeline_.run_until(timeline_.now() + 1h);
    check_hour();
  }
}

void FleetWorld::come_to_rest() {
  controller_->set_death_rate(0);
  controller_->start();
  live(24h * plan_.quiet_days);
  if (findings_.empty()) check_end();
}

void FleetWorld::check_hour() {
  check_results_stay();
  check_objects_stay_readable();
  check_silent_and_declined();
  if (timeline_.now().time_since_epoch() % 24h == 0h) find(ledger_faults(controller_->store()));
}

void FleetWorld::check_results_stay() {
  if (!controller_->is_up()) return;
  for (const auto& [job, parameters] : jobs_)
    find(lost_results(job, parameters, controller_->operations().scheduler().tasks(JobId(job), 0, 100'000), results_[job]));
}

void FleetWorld::check_objects_stay_readable() {
  std::set<std::string> there;
  for (const auto& machine : machines_) there.merge(machine->held());
  for (const auto& [id, thing] : things_) {
    for (const fleet::objects::ShardFacts& shard : thing.shards)
      if (controller_->elements().size(shard.digest)) there.insert(shard.digest.text);
    find(unreadable(id, thing.code, thing.shards, there));
  }
}

// Who never answered, or said no, furnishes nothing.
void FleetWorld::check_silent_and_declined() {
  for (int number = 0; number < plan_.silent + plan_.declining; ++number)
    if (!machine(number).held().empty()) find({"machine " + std::to_string(number) + " never agreed and holds shards"});
}

void FleetWorld::check_pay() {
  const auto entries = fleet::ledger::Journal::entries(controller_->store(), 1, 1'000'000);
  if (!entries) return find({entries.error().text()});
  std::map<std::string, fleet::scheduler::WorkDone> work;
  for (const auto& [job, parameters] : jobs_)
    for (const fleet::scheduler::TaskView& task : controller_->operations().scheduler().tasks(JobId(job), 0, 100'000))
      for (const fleet::scheduler::Copy& copy : task.copies) {
        if (copy.state != fleet::scheduler::CopyState::Accepted) continue;
        fleet::scheduler::WorkDone& done = work["work:" + copy.machine.text + ":" + copy.owner.text];
        done.machine = copy.machine;
        done.owner = copy.owner;
        done.occupied_ms_after += copy.occupied_ms;
        done.processor_ms_after += copy.processor_ms;
        ++done.copies_after;
      }
  std::map<std::string, Owed> owed;
  for (auto& [payee, done] : work) {
    // As the controller knows every machine here; nobody measures availability yet.
    done.processor_mhz = machine(0).identity().voucher_facts.processor_mhz;
    done.availability_ppm = 500'000;
    const auto draft = fleet::ledger::work_entry(done, rules_.standard_prices());
    if (!draft) return find({draft.error().text()});
    Owed& due = owed[payee];
    due.milliseconds = static_cast<std::int64_t>(done.occupied_ms_after);
    for (const fleet::ledger::Posting& posting : draft->postings)
      if (posting.account == fleet::ledger::owner_account(done.owner)) due.minor_units -= posting.amount.minor_units();
  }
  find(pay_faults(*entries, owed));
  if (owed.empty()) find({"nobody was paid for anything"});
}

bool FleetWorld::is_plain(int number) const {
  const MachineId& id = machines_[static_cast<std::size_t>(number)]->id();
  return number >= plan_.silent + plan_.declining && !gone_.contains(id) && !terminated_.contains(id);
}

void FleetWorld::check_jobs_and_objects_end() {
  if (jobs_.size() != static_cast<std::size_t>(plan_.jobs)) find({"not every job was submitted"});
  if (things_.size() + removed_.size() != static_cast<std::size_t>(plan_.objects)) find({"not every object was put"});
  for (const std::string& id : removed_)
    if (controller_->operations().placement().object(ObjectId(id))) find({id + " was removed, and something is left of it"});
  for (const auto& [job, parameters] : jobs_)
    if (results_[job].size() != parameters.size()) find({job + " did not end: " + std::to_string(results_[job].size()) + " tasks are done"});
  for (const auto& [id, thing] : things_) {
    const auto view = controller_->operations().object(thing.client, ObjectId(id));
    // Every shard on a machine of its own: enough machines are leased still.
    if (!view || view->state != fleet::placement::ObjectState::Stored) find({id + " is not whole: " + (view ? std::string(name_of(view->state)) : "gone")});
  }
}

// Whose lease is over has everything back; what lies on the others is what is counted on, and nothing stale.
void FleetWorld::check_machines_end() {
  const fleet::placement::Placement& placement = controller_->operations().placement();
  for (int number = 0; number < plan_.machines; ++number) {
    if (gone_.contains(machine(number).id())) continue;
    const std::string name = "machine " + std::to_string(number);
    const bool declined = number >= plan_.silent && number < plan_.silent + plan_.declining;
    const bool ended = plan_.days >= 28 && (terminated_.contains(machine(number).id()) || (is_plain(number) && number % 3 != 1));
    if ((declined || ended) && !machine(number).disk_given_back()) find({name + ": the lease is over, and its owner has not got the disk back"});
    if (!declined && !ended && machine(number).disk_given_back()) find({name + ": its lease was ended, and nobody wanted that"});
    std::set<std::string> counted;
    for (const fleet::placement::ShardView& shard : placement.shards_on(machine(number).id())) counted.insert(shard.digest.text);
    if (machine(number).held() != counted)
      find({name + " holds " + std::to_string(machine(number).held().size()) + " shards, and " + std::to_string(counted.size()) + " are counted on"});
  }
}

void FleetWorld::check_end() {
  find(ledger_faults(controller_->store()));
  check_pay();
  check_jobs_and_objects_end();
  check_machines_end();
  read_back_all();
}

Figures FleetWorld::figures() const {
  Figures figures;
  figures.happenings = happenings_;
  for (const auto& machine : machines_) figures.power_cuts += machine->power_cuts();
  figures.controller_deaths = controller_->deaths();
  for (const auto& [job, tasks] : results_) figures.tasks_done += tasks.size();
  figures.objects_stored = things_.size();
  figures.objects_read = read_.size();
  for (const auto& machine : machines_) figures.machines_released += machine->disk_given_back() ? 1 : 0;
  if (!controller_->is_up()) return figures;
  for (const auto& [id, agreement] : controller_->operations().registry().agreements()) figures.renewals += agreement.follows.empty() ? 0 : 1;
  figures.ledger_entries = controller_->operations().journal().size();
  return figures;
}

}  // namespace simulation
