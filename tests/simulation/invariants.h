// What must hold, over what can be seen from outside: each function returns what is broken, in words; nothing when all is well.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fleet/ledger/journal.h"
#include "fleet/objects/objects.h"
#include "fleet/scheduler/job.h"
#include "policies/terms/daily_window.h"
#include "policies/terms/lease_window.h"
#include "policies/terms/zone.h"

namespace simulation {
using namespace policies::vocabulary;

using Findings = std::vector<std::string>;

// No task has processor time outside the hours of the agreement, by the clocks where the machine stands.
Findings outside_hours(const std::string& who, policies::terms::Span ran, const policies::terms::DailyWindow& hours, const policies::terms::Zone& zone);

// A result that was once told stays, and is what every honest machine computes. `known` (task -> digest) is what was told
// before; new results are added.
Findings lost_results(const std::string& job, const std::vector<std::string>& parameters, const std::vector<fleet::scheduler::TaskView>& tasks,
                      std::map<std::uint32_t, std::string>& known);

// An object can be read: at least as many of its shards exist (`there`: digests on machines that will come back, or with the
// controller) as are needed.
Findings unreadable(const std::string& object, fleet::objects::Code code, const std::vector<fleet::objects::ShardFacts>& shards,
                    const std::set<std::string>& there);

// Every entry balances, and the chain is whole.
Findings ledger_faults(fleet::store::Store& store);

// What one payee, "work:<machine>:<owner>", is owed for: `milliseconds` were accepted from it in all, worth `minor_units`.
struct Owed {
  std::int64_t milliseconds = 0;
  std::int64_t minor_units = 0;
};

// Nothing is booked twice; the settlements of a payee never overlap (a span between two that is worth less than half a cent is in
// neither, but in the running totals); in the end everybody was paid for what was accepted from them, no more and no less.
Findings pay_faults(const std::vector<fleet::ledger::Entry>& entries, const std::map<std::string, Owed>& owed);

}  // namespace simulation
