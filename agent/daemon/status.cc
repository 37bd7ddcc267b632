#include <ostream>

#include "agent/daemon/commands.h"
#include "agent/daemon/state_lock.h"
#include "agent/daemon/status_text.h"
#include "images/files/posix_files.h"

namespace agent::daemon {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct StatusOptions {
  Place place;
  bool json = false;
};

void declare(StatusOptions& options, OptionList& list) {
  declare_place(options.place, list);
  list.json(options.json);
}

Result<ExitCode> run(const StatusOptions& options, Streams& streams) {
  Result<Settings> settings = settings_at(options.place);
  if (!settings) return std::move(settings).error();
  images::files::PosixFiles files;
  Result<std::string> json = files.read(settings->state_folder + "/" + std::string(status_name), kibibytes(256));
  if (!json) {
    if (json.error().code != ErrorCode::NotFound) return std::move(json).error();
    return Error{ErrorCode::NotFound, "the agent has never run over " + settings->state_folder, {}};
  }
  if (options.json) {
    streams.out << *json;
    return ExitCode::Done;
  }
  Result<std::string> text = status_for_people(*json, StateLock::holder(settings->state_folder).has_value());
  if (!text) return std::move(text).error();
  streams.out << *text;
  return ExitCode::Done;
}

}  // namespace

policies::command_line::Command status_command() {
  return policies::command_line::command<StatusOptions>(
      {.noun = "",
       .verb = "status",
       .summary = "say what runs, what is held and what it earned",
       .description = "",
       .examples = {"leaseback-agent status", "leaseback-agent status --json"},
       .exits = {}},
      declare, run);
}

}  // namespace agent::daemon
