// The commands by which an owner speaks to the daemon: pause, resume, and the answer to a renewal offer.
#include <signal.h>

#include <ostream>

#include "agent/daemon/commands.h"
#include "agent/daemon/state_desk.h"
#include "agent/daemon/state_lock.h"
#include "agent/presence/presence.h"
#include "images/files/posix_files.h"

namespace agent::daemon {
namespace {

using policies::command_line::Command;
using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct PauseOptions {
  Place place;
  std::optional<Instant> until;
};
struct PlaceOptions {
  Place place;
};
struct RenewalOptions {
  Place place;
  std::string offer;
};

// The daemon looks at once; one that does not run will look when it starts.
void nudge(const std::string& state_folder) {
  const std::optional<pid_t> daemon = StateLock::holder(state_folder);
  if (daemon && *daemon > 1) ::kill(*daemon, SIGHUP);
}

Result<ExitCode> write_pause(const Place& place, const presence::Pause& pause, Streams& streams) {
  Result<Settings> settings = settings_at(place);
  if (!settings) return std::move(settings).error();
  images::files::PosixFiles files;
  const std::string path = settings->state_folder + "/" + std::string(pause_name);
  Done done = pause.paused ? files.replace(path, presence::text_of(pause), images::files::Access::OwnerOnly)
                           : files.remove(path);
  if (!done) return done.error();
  nudge(settings->state_folder);
  if (!pause.paused) {
    streams.out << "Leased work may run in the leased hours.\n";
  } else {
    streams.out << "Leased work is paused "
                << (pause.until ? "until " + policies::vocabulary::text_of(*pause.until) : "until you resume it")
                << ".\n";
  }
  return ExitCode::Done;
}

Command renewal_command(contract::Choice choice, const char* verb, const char* summary) {
  return policies::command_line::command<RenewalOptions>(
      {.noun = "renewal",
       .verb = verb,
       .summary = summary,
       .description = "The daemon signs the answer with the machine's key and sends it.",
       .examples = {std::string("leaseback-agent renewal ") + verb + " home-renewal"},
       .exits = {}},
      [](RenewalOptions& options, OptionList& list) {
        list.word("OFFER", options.offer, "name of the offer");
        declare_place(options.place, list);
      },
      [choice](const RenewalOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Settings> settings = settings_at(options.place);
        if (!settings) return std::move(settings).error();
        images::files::PosixFiles files;
        Done left = leave_renewal_answer(files, settings->state_folder, options.offer, choice);
        if (!left) return left.error();
        nudge(settings->state_folder);
        streams.out << "Your answer to " << options.offer << " is on its way.\n";
        return ExitCode::Done;
      });
}

}  // namespace

Command pause_command() {
  return policies::command_line::command<PauseOptions>(
      {.noun = "",
       .verb = "pause",
       .summary = "stop leased work until you resume it",
       .description = "What runs is frozen at once. Shards that are stored stay. The pause outlives restarts.",
       .examples = {"leaseback-agent pause", "leaseback-agent pause --until 2026-11-22T08:00:00Z"},
       .exits = {}},
      [](PauseOptions& options, OptionList& list) {
        declare_place(options.place, list);
        list.optional("until", "TIME", options.until, "resume by itself then (UTC)");
      },
      [](const PauseOptions& options, Streams& streams) {
        return write_pause(options.place, {.paused = true, .until = options.until}, streams);
      });
}

Command resume_command() {
  return policies::command_line::command<PlaceOptions>(
      {.noun = "",
       .verb = "resume",
       .summary = "end a pause",
       .description = "",
       .examples = {"leaseback-agent resume"},
       .exits = {}},
      [](PlaceOptions& options, OptionList& list) { declare_place(options.place, list); },
      [](const PlaceOptions& options, Streams& streams) { return write_pause(options.place, {}, streams); });
}

Command renewal_accept_command() {
  return renewal_command(contract::Choice::Accepted, "accept", "accept a renewal offer");
}
Command renewal_decline_command() {
  return renewal_command(contract::Choice::Declined, "decline", "decline a renewal offer");
}

}  // namespace agent::daemon
