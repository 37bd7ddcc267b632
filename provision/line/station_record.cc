#include "provision/line/station_record.h"

#include <algorithm>
#include <charconv>

#include "provision/run/journal.h"

namespace provision::line {
namespace {

constexpr const char* attempt_fact = "attempt";

std::string fact_of(const run::Entry& entry, const std::string& name) {
  const auto fact = entry.facts.find(name);
  return fact == entry.facts.end() ? std::string() : fact->second;
}

Attempt attempt_from(const run::Entry& entry) {
  Attempt attempt{fact_of(entry, "order"), fact_of(entry, "disk"), fact_of(entry, "outcome"), fact_of(entry, "cause"), fact_of(entry, "reason"), {}, entry.at};
  const std::string took = fact_of(entry, "took_milliseconds");
  std::int64_t milliseconds = 0;
  (void)std::from_chars(took.data(), took.data() + took.size(), milliseconds);
  attempt.took = Duration{std::max<std::int64_t>(milliseconds, 0)};
  return attempt;
}

Done keep(run::Station& station, const DiskProgress& disk, Instant now) {
  const auto folder = attempts_folder(station);
  if (!folder) return folder.error();
  auto journal = run::Journal::open(station.files(), *folder + "/" + text_of(now).substr(0, 10) + ".journal");
  if (!journal) return journal.error();
  return journal->add({run::EntryKind::Fact, attempt_fact,
                       {{"order", disk.item.order},
                        {"disk", disk.item.disk},
                        {"outcome", std::string(name_of(disk.state))},
                        {"cause", disk.cause},
                        {"reason", disk.reason},
                        {"machine", disk.machine},
                        {"took_milliseconds", std::to_string(disk.took.count())}},
                       now});
}

}  // namespace

void RecordedLine::changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) {
  const DiskProgress& one = line.disks()[disk];
  if (one.state != DiskState::Running && written_)
    if (Done kept = keep(station_, one, now); !kept) written_ = kept.error().within("writing the station's record");
  display_.changed(line, disk, event, now);
}

Result<std::string> attempts_folder(run::Station& station) {
  std::string folder = station.folder() + "/attempts";
  if (Done made = station.files().make_directory(folder, images::files::Access::OwnerOnly); !made) return made.error();
  return folder;
}

Result<std::vector<Attempt>> attempts_of(const run::Station& station) {
  const std::string folder = station.folder() + "/attempts";
  const auto names = station.files().list(folder);
  if (!names && names.error().code == ErrorCode::NotFound) return std::vector<Attempt>();
  if (!names) return names.error();
  std::vector<Attempt> attempts;
  for (const std::string& name : *names) {
    if (!name.ends_with(".journal")) continue;
    const auto journal = run::Journal::read(station.files(), folder + "/" + name);
    if (!journal) return journal.error();
    for (const run::Entry& entry : journal->entries())
      if (entry.step == attempt_fact) attempts.push_back(attempt_from(entry));
  }
  return attempts;
}

StationReport report_of(const std::vector<run::RunSummary>& runs, std::vector<Attempt> attempts) {
  StationReport report;
  for (const run::RunSummary& run : runs) ++report.runs[(run.what.empty() ? "unknown" : run.what) + " " + run.state];
  std::vector<Duration> times;
  std::stable_sort(attempts.begin(), attempts.end(), [](const Attempt& a, const Attempt& b) { return a.at < b.at; });
  for (const Attempt& attempt : attempts) {
    ++report.attempts;
    ++report.outcomes[attempt.outcome];
    if (attempt.outcome == name_of(DiskState::Finished)) times.push_back(attempt.took);
    if (attempt.outcome != name_of(DiskState::Failed)) continue;
    CauseCount& cause = report.causes[attempt.cause.empty() ? "unknown" : attempt.cause];
    ++cause.count;
    cause.last_reason = attempt.reason;
    cause.last = attempt.at;
  }
  if (!attempts.empty()) {
    report.first = attempts.front().at;
    report.last = attempts.back().at;
  }
  std::sort(times.begin(), times.end());
  if (!times.empty()) {
    report.fastest = times.front();
    report.median = times[times.size() / 2];
    report.slowest = times.back();
  }
  return report;
}

}  // namespace provision::line
