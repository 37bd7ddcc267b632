// Measurements become entries: work and power from the scheduler, space from placement. Each is handed out once and booked in the
// same batch, so that a crash neither loses nor doubles it.
#include "fleet/operations/world.h"

namespace fleet::operations {
namespace {

// What the entry moves to (positive) or from the account.
Money moved(const ledger::Draft& draft, const std::string& account, const Currency& currency) {
  Money sum(0, currency);
  for (const ledger::Posting& posting : draft.postings)
    if (posting.account == account) sum += posting.amount;
  return sum;
}

Instant month_begin(Instant now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  return std::chrono::sys_days(date.year() / date.month() / 1);
}

}  // namespace

void Operations::World::book(const Result<ledger::Draft>& draft, Instant now, store::Batch& batch) {
  if (draft && ledger::is_nil(*draft)) return;
  const Result<std::uint64_t> booked = draft ? journal.book(*draft, now, batch) : Result<std::uint64_t>(draft.error());
  if (!booked) registry.record({.kind = "booking-refused", .text = booked.error().text()}, by_controller(now, ""), batch);
}

// Books what a client is charged for a job, and holds the job and the client to their limits.
void Operations::World::charge_job(const JobId& job, const PartyId& client, const Result<ledger::Draft>& draft, Instant now, store::Batch& batch) {
  if (draft && !ledger::is_nil(*draft) && !journal.is_booked(draft->natural_key)) {
    const Currency& currency = rules.standard_prices().currency;
    const Money charge = moved(*draft, ledger::client_account(client), currency);
    book(draft, now, batch);
    const auto view = scheduler.job(job);
    if (!view || charge.minor_units() == 0) return;
    const Money spent = view->spent.minor_units() == 0 ? charge : view->spent + charge;
    if (const Result<scheduler::Consequences> follows = scheduler.record_spent(job, spent, now, batch); follows) apply(*follows, now, batch);
    hold_to_limit(client, now, batch);
    return;
  }
  if (!draft) book(draft, now, batch);
}

void Operations::World::hold_to_limit(const PartyId& client, Instant now, store::Batch& batch) {
  const registry::Party* party = registry.find_party(client);
  if (party == nullptr || !party->spending_limit) return;
  if (journal.billed_since(client, month_begin(now)).minor_units() < party->spending_limit->minor_units()) return;
  bool stopped = false;
  for (const scheduler::JobView& job : scheduler.jobs_of(client)) {
    if (job.state != scheduler::JobState::Running) continue;
    const Result<scheduler::Consequences> follows = scheduler.stop(job.job, "the spending limit of the month is reached", now, batch);
    if (!follows) continue;
    apply(*follows, now, batch);
    stopped = true;
  }
  if (stopped)
    registry.record({.kind = "spending-limit-reached", .party = client, .text = party->spending_limit->text()}, by_controller(now, ""), batch);
}

void Operations::World::sample_power(Instant now, store::Batch& batch) {
  const policies::pricing::Prices& prices = rules.standard_prices();
  for (const scheduler::PowerSample& sample : scheduler.sample(now, batch)) {
    charge_job(sample.job, sample.client, ledger::cluster_entry(sample, prices), now, batch);
    charge_job(sample.job, sample.client, ledger::premium_entry(sample, prices), now, batch);
  }
}

void Operations::World::credit(const MachineId& machine, const PartyId& owner, std::uint64_t copies, const Result<ledger::Draft>& draft, Instant now,
                               store::Batch& batch) {
  book(draft, now, batch);
  if (!draft || registry.find_machine(machine) == nullptr) return;
  const Money earned = -moved(*draft, ledger::owner_account(owner), rules.standard_prices().currency);
  if (earned.minor_units() == 0 && copies == 0) return;
  registry.update(
      machine,
      [&](registry::Machine& record) {
        record.earned = record.earned.minor_units() == 0 ? earned : record.earned + earned;
        record.tasks_done += copies;
      },
      batch);
  send_summary(machine, now);
}

void Operations::World::settle_work(Instant now, store::Batch& batch) {
  const policies::pricing::Prices& prices = rules.standard_prices();
  const scheduler::Settlement settlement = scheduler.settle(batch);
  for (const scheduler::WorkDone& work : settlement.work) credit(work.machine, work.owner, work.copies_after - work.copies_before, ledger::work_entry(work, prices), now, batch);
  for (const scheduler::DataMoved& data : settlement.moved) charge_job(data.job, data.client, ledger::transfer_entry(data, prices), now, batch);
}

void Operations::World::settle_storage(Instant now, store::Batch& batch) {
  const policies::pricing::Prices& prices = rules.standard_prices();
  const placement::Settlement settlement = placement.settle(now, batch);
  for (const placement::StorageUsed& used : settlement.used) {
    book(ledger::storage_charge_entry(used, prices), now, batch);
    hold_to_limit(used.client, now, batch);
  }
  for (const placement::StorageFurnished& held : settlement.furnished)
    credit(held.machine, held.owner, 0, ledger::storage_pay_entry(held, prices), now, batch);
}

Result<Account> Operations::account(const PartyId& client, Instant now) const {
  const registry::Party* party = world_->registry.find_party(client);
  if (party == nullptr) return Error{ErrorCode::NotFound, "no party '" + client.text + "'", {}};
  return Account{client, party->name, world_->journal.balance_of(client), world_->journal.billed_since(client, month_begin(now)), party->spending_limit};
}

std::string Operations::pseudonym(const PartyId& client, const MachineId& machine) {
  return "m-" + keys::sha256("pseudonym\n" + client.text + "\n" + machine.text).text.substr(0, 12);
}

}  // namespace fleet::operations
