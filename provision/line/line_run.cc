#include "provision/line/line_run.h"

namespace provision::line {
namespace {

// How long nothing may be said before the display moves on.
constexpr Duration patience{500};

}  // namespace

Result<LineState> run_line(const LineWork& work, Crew& crew, const Clock& clock, LineWatcher& watcher) {
  LineState line(work.items);
  while (!line.ended()) {
    for (auto next = line.next(); next && static_cast<std::int64_t>(line.counts().running) < work.jobs; next = line.next()) {
      line.started(*next, clock.now());
      if (Done started = crew.start(*next, work.arguments_of(line.disks()[*next].item)); !started)
        line.failed(*next, std::string(name_of(started.error().code)), started.error().text(), clock.now());
      watcher.changed(line, *next, nullptr, clock.now());
    }
    if (line.counts().running == 0) continue;
    const Result<CrewWord> word = crew.listen(patience);
    if (!word) return word.error().within("listening to the runs of the line");
    const Instant now = clock.now();
    if (word->kind == CrewWord::Kind::Silence) {
      watcher.waited(line, now);
    } else if (word->kind == CrewWord::Kind::Gone) {
      const DiskState before = line.disks()[word->disk].state;
      line.gone(word->disk, word->exit_status, word->errors, now);
      if (before == DiskState::Running) watcher.changed(line, word->disk, nullptr, now);
    } else if (const auto event = run::run_event_from(word->line)) {
      line.told(word->disk, *event, now);
      watcher.changed(line, word->disk, &*event, now);
    }
    // A line that is no event is not for us: programs may print what they like.
  }
  return line;
}

}  // namespace provision::line
