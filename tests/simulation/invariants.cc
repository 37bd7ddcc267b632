#include "tests/simulation/invariants.h"

#include "tests/simulation/machine.h"

namespace simulation {

Findings outside_hours(const std::string& who, policies::terms::Span ran, const policies::terms::DailyWindow& hours, const policies::terms::Zone& zone) {
  if (policies::terms::open_time(hours, zone, ran) == ran.to - ran.from) return {};
  return {who + " ran from " + text_of(ran.from) + " to " + text_of(ran.to) + ", partly outside " + hours.text()};
}

Findings lost_results(const std::string& job, const std::vector<std::string>& parameters, const std::vector<fleet::scheduler::TaskView>& tasks,
                      std::map<std::uint32_t, std::string>& known) {
  Findings findings;
  if (tasks.size() != parameters.size()) findings.push_back(job + " has " + std::to_string(tasks.size()) + " tasks, not " + std::to_string(parameters.size()));
  for (const fleet::scheduler::TaskView& task : tasks) {
    const std::string name = "task " + std::to_string(task.number) + " of " + job;
    if (task.state != fleet::scheduler::TaskState::Done) {
      if (known.contains(task.number)) findings.push_back(name + " was done and is not any more");
      continue;
    }
    const auto [told, fresh] = known.try_emplace(task.number, task.result_digest);
    const bool right = !fresh || task.result_digest == images::keys::sha256(Machine::result_of(parameters.at(task.number))).text;
    if (told->second != task.result_digest) findings.push_back(name + " has another result than before");
    if (!right) findings.push_back(name + " has a wrong result");
  }
  return findings;
}

Findings unreadable(const std::string& object, fleet::objects::Code code, const std::vector<fleet::objects::ShardFacts>& shards,
                    const std::set<std::string>& there) {
  std::size_t count = 0;
  for (const fleet::objects::ShardFacts& shard : shards) count += there.contains(shard.digest.text) ? 1 : 0;
  if (count >= code.data) return {};
  return {object + " can no longer be read: " + std::to_string(count) + " of its shards exist, " + std::to_string(code.data) + " are needed"};
}

Findings ledger_faults(fleet::store::Store& store) {
  const auto verified = fleet::ledger::Journal::verify(store);
  if (!verified) return {"the journal cannot be read: " + verified.error().text()};
  if (verified->balanced && verified->chain_intact) return {};
  return {"the journal is broken: " + verified->first_fault};
}

Findings pay_faults(const std::vector<fleet::ledger::Entry>& entries, const std::map<std::string, Owed>& owed) {
  Findings findings;
  std::map<std::string, Owed> paid;
  std::set<std::string> keys;
  for (const fleet::ledger::Entry& entry : entries) {
    const std::string& key = entry.draft.natural_key;
    if (!keys.insert(key).second) findings.push_back(key + " is booked twice");
    if (!key.starts_with("work:")) continue;
    const std::string payee = key.substr(0, key.rfind(':'));
    const std::string account = fleet::ledger::owner_account(PartyId(payee.substr(payee.rfind(':') + 1)));
    Owed& so_far = paid[payee];
    const std::int64_t before = entry.draft.measurement.quantity("occupied_ms_before").value_or(-1);
    if (before < so_far.milliseconds) findings.push_back(key + " pays again for what was settled before");
    so_far.milliseconds = entry.draft.measurement.quantity("occupied_ms_after").value_or(-1);
    for (const fleet::ledger::Posting& posting : entry.draft.postings)
      if (posting.account == account) so_far.minor_units -= posting.amount.minor_units();
  }
  for (const auto& [payee, got] : paid)
    if (!owed.contains(payee)) findings.push_back(payee + " was paid, and nothing was accepted from it");
  for (const auto& [payee, due] : owed)
    if (paid[payee].minor_units != due.minor_units || paid[payee].milliseconds > due.milliseconds)
      findings.push_back(payee + " was paid " + std::to_string(paid[payee].minor_units) + " for " + std::to_string(paid[payee].milliseconds) +
                         " ms and is owed " + std::to_string(due.minor_units) + " for " + std::to_string(due.milliseconds) + " ms");
  return findings;
}

}  // namespace simulation
