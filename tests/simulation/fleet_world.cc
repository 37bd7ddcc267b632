#include "tests/simulation/fleet_world.h"

#include <gtest/gtest.h>

#include "fleet/objects/objects.h"
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
  auto loaded = policies::loading::load_rules(std::string(LEASEBACK_SOURCE_DIR) + "/policies/rules");
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
    : plan_(plan),
      timeline_(beginning, plan.seed),
      rules_(hurried_rules()),
      line_key_(*images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey)) {
  controller_ = std::make_unique<Controller>(timeline_, rules_, zones_, hurried_settings());
  controller_->ask<Done>([&](Operations& operations, Batch& batch) {
    return operations.register_line({PartyId("line-1"), "Line 1", line_key_.public_key().pem(), line_key_.id(), timeline_.now()}, "staff", timeline_.now(), batch);
  });
  for (const char* name : {"acme", "zenith"})
    controller_->ask<Result<fleet::operations::PartyAnswer>>([&](Operations& operations, Batch& batch) {
      const auto key = *images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey);
      fleet::registry::Party party{PartyId(name), name, {fleet::registry::Role::Client}, key.public_key().pem(), key.id(), std::nullopt, timeline_.now()};
      return operations.add_party(party, "staff", timeline_.now(), batch);
    });
  for (int number = 0; number < plan.machines; ++number) make_machine(number);
  controller_->set_death_rate(plan.controller_death_rate);
  plan_vanishing();
  for (int number = 0; number < plan.objects; ++number)
    timeline_.at(beginning + timeline_.between(72h, std::chrono::hours(24 * plan.days * 2 / 3)), [this, number] { put_object(number); });
  for (int number = 0; number < plan.jobs; ++number)
    timeline_.at(beginning + timeline_.between(72h, std::chrono::hours(24 * plan.days * 2 / 3)), [this, number] { submit_job(number); });
}

FleetWorld::~FleetWorld() = default;

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
  const auto choice = number < plan_.silent + plan_.declining ? agent::contract::Choice::Declined : agent::contract::Choice::Accepted;
  timeline_.at(beginning + timeline_.between(1h, 48h), [&machine, choice] { machine.answer_terms(choice); });
  // A third renews, a third declines, a third never answers.
  if (number % 3 != 0)
    timeline_.at(beginning + timeline_.between(24h * 14, 24h * 20), [&machine, number] {
      machine.answer_renewal(number % 3 == 1 ? agent::contract::Choice::Accepted : agent::contract::Choice::Declined);
    });
}

// On for a day or so, then off for minutes to hours, often by the plug.
void FleetWorld::switch_on_and_off(Machine& machine) {
  if (gone_.contains(&machine)) return;
  machine.switch_on();
  timeline_.after(timeline_.between(6h, 60h), [this, &machine] {
    if (gone_.contains(&machine)) return;
    last_held_[machine.id()] = digests_at(machine);
    machine.cut_power();
    timeline_.after(timeline_.between(5min, 9h), [this, &machine] { switch_on_and_off(machine); });
  });
}

void FleetWorld::plan_vanishing() {
  for (int i = 0; i < plan_.vanishing; ++i) {
    // Far enough apart that what one held is rebuilt before the next goes.
    timeline_.at(beginning + 24h * (6 + 5 * i) + timeline_.between(0h, 12h), [this, i] {
      Machine& machine = *machines_[static_cast<std::size_t>(plan_.silent + plan_.declining + 7 * i + 1)];
      gone_.insert(&machine);
      machine.vanish();
    });
  }
}

void FleetWorld::keep_trying(std::function<bool()> act) {
  if (act()) return;
  timeline_.after(timeline_.between(1min, 20min), [this, act = std::move(act)] { keep_trying(act); });
}

void FleetWorld::put_object(int number) {
  const PartyId client(number % 2 == 0 ? "acme" : "zenith");
  const ObjectId id("object-" + std::to_string(number));
  Thing thing;
  thing.client = client;
  Random random(plan_.seed * 77 + static_cast<std::uint64_t>(number));
  for (std::uint64_t left = 500 + random.below(4000); left > 0; --left) thing.content += static_cast<char>(random.below(256));
  thing.secret = std::string(fleet::objects::client_secret_size, static_cast<char>(number + 1));
  thing.code = number % 3 == 0 ? fleet::objects::Code{2, 4} : number % 3 == 1 ? fleet::objects::Code{2, 5} : fleet::objects::Code{4, 8};
  const auto sealed = fleet::objects::seal_object(id, thing.content, {"name", "", {}, {}, timeline_.now()}, thing.code, thing.secret);
  ASSERT_TRUE(sealed) << sealed.error().text();
  thing.shards = sealed->shards;
  thing.sealed_facts = sealed->sealed_facts;
  keep_trying([this, id, client, thing, bytes = sealed->shard_bytes]() -> bool {
    fleet::registry::Caller caller;
    caller.party = client;
    caller.client = true;
    fleet::placement::ObjectOrder order{id, client, images::keys::base64_of(thing.sealed_facts), static_cast<std::uint32_t>(thing.code.data),
                                        static_cast<std::uint32_t>(thing.code.total), {}};
    for (const auto& shard : thing.shards) {
      const auto put = controller_->ask<Result<fleet::operations::ElementPut>>([&](Operations& operations, Batch& batch) {
        return operations.put_element(caller, shard.digest, bytes[shard.index], "", timeline_.now(), batch);
      });
      if (!put) return false;
      EXPECT_TRUE(*put) << put->error().text();
      order.shards.push_back({static_cast<std::uint32_t>(shard.index), shard.digest, shard.size});
    }
    const auto stored = controller_->ask<Result<fleet::placement::ObjectView>>(
        [&](Operations& operations, Batch& batch) { return operations.put_object(order, timeline_.now(), batch); });
    if (!stored) return false;
    EXPECT_TRUE(*stored) << stored->error().text();
    things_[id.text] = thing;
    return true;
  });
}

void FleetWorld::submit_job(int number) {
  const PartyId client(number % 2 == 0 ? "acme" : "zenith");
  fleet::scheduler::JobOrder order;
  order.client = client;
  order.idempotency_key = "job-" + std::to_string(number);
  order.name = order.idempotency_key;
  order.entry = "program";
  const std::string program = "program of job " + std::to_string(number);
  order.elements = {{"program", images::keys::sha256(program), Bytes{program.size()}, true}};
  order.copies = 2;
  std::vector<std::string> parameters;
  for (int task = 0; task < plan_.tasks_a_job; ++task) {
    parameters.push_back(R"({"job":)" + std::to_string(number) + R"(,"task":)" + std::to_string(task) + "}");
    order.tasks.push_back({{}, parameters.back()});
  }
  keep_trying([this, client, order, program, parameters]() -> bool {
    fleet::registry::Caller caller;
    caller.party = client;
    caller.client = true;
    const auto put = controller_->ask<Result<fleet::operations::ElementPut>>([&](Operations& operations, Batch& batch) {
      return operations.put_element(caller, order.elements[0].digest, program, "", timeline_.now(), batch);
    });
    if (!put) return false;
    EXPECT_TRUE(*put) << put->error().text();
    const auto job = controller_->ask<Result<fleet::scheduler::JobView>>(
        [&](Operations& operations, Batch& batch) { return operations.submit_job(order, timeline_.now(), batch); });
    if (!job) return false;
    EXPECT_TRUE(*job) << job->error().text();
    if (*job) jobs_[(*job)->job.text] = parameters;
    return true;
  });
}

void FleetWorld::run() {
  const Instant end = beginning + std::chrono::days(plan_.days);
  for (Instant hour = beginning + 1h; hour <= end && !testing::Test::HasFailure(); hour += 1h) {
    happenings_ += timeline_.run_until(hour);
    check_hourly();
  }
  if (testing::Test::HasFailure()) return;
  controller_->set_death_rate(0);
  controller_->start();
  check_at_the_end();
}

Figures FleetWorld::figures() const {
  Figures figures;
  figures.happenings = happenings_;
  for (const auto& machine : machines_) figures.power_cuts += machine->power_cuts();
  figures.controller_deaths = controller_->deaths();
  for (const auto& [job, tasks] : results_) figures.tasks_done += tasks.size();
  figures.objects_stored = things_.size();
  for (const auto& machine : machines_) figures.machines_released += machine->disk_given_back() ? 1 : 0;
  if (!controller_->is_up()) return figures;
  for (const auto& [id, agreement] : controller_->operations().registry().agreements()) figures.renewals += agreement.follows.empty() ? 0 : 1;
  figures.ledger_entries = controller_->operations().journal().size();
  return figures;
}

}  // namespace simulation
