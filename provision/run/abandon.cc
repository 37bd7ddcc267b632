#include "provision/run/abandon.h"

#include <fmt/format.h>

#include "provision/run/identity.h"
#include "provision/run/journal.h"

namespace provision::run {

Result<std::string> abandon_run(const AbandonRequest& request, Station& station, const Clock& clock) {
  if (request.operator_name.empty() || request.operator_name.size() > 100 || request.reason.empty() || request.reason.size() > 500)
    return Error{ErrorCode::InvalidInput, "abandoning a run needs an operator (at most 100 bytes) and a reason (at most 500)", {}};
  images::files::Files& files = station.files();
  const std::string folder = station.folder() + "/runs/" + request.run;
  const auto there = files.exists(folder + "/journal");
  if (!there) return there.error();
  if (!*there) return Error{ErrorCode::NotFound, fmt::format("this station has no run {}", request.run), {}};
  auto journal = Journal::open(files, folder + "/journal");
  if (!journal) return journal.error();
  if (journal->has(EntryKind::Fact, "finished"))
    return Error{ErrorCode::Conflict,
                 fmt::format("the run of {} was finished and its machine vouched for; `disk release` gives such a disk back", request.run), {}};
  if (!journal->has(EntryKind::Fact, abandoned_fact))
    if (Done added = journal->add({EntryKind::Fact, abandoned_fact, {{"operator", request.operator_name}, {"reason", request.reason}}, clock.now()}); !added)
      return added.error();
  // From here on its keys open nothing that anybody counts on.
  if (Done forgotten = Identity::forget_key(files, folder); !forgotten) return forgotten.error();
  if (Done forgotten = files.remove(station.escrow_path(OrderId(request.run))); !forgotten) return forgotten.error();
  for (int number = 1;; ++number) {
    const std::string name = fmt::format("{}.abandoned-{}", request.run, number);
    const auto taken = files.exists(station.folder() + "/runs/" + name);
    if (!taken) return taken.error();
    if (*taken) continue;
    if (Done moved = files.rename(folder, station.folder() + "/runs/" + name); !moved) return moved.error();
    return name;
  }
}

}  // namespace provision::run
