#include <istream>
#include <ostream>

#include "agent/consent/console_prompt.h"
#include "agent/daemon/commands.h"
#include "agent/daemon/device_identity.h"
#include "images/files/posix_files.h"
#include "images/files/stepped_clock.h"

namespace agent::daemon {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

constexpr const char* question =
    "Do you accept these terms? If you decline, nothing of this machine is leased and its space is yours; the price is "
    "then "
    "that of the machine without the lease.";

struct FirstBootOptions {
  Place place;
  std::string clock;
};

void declare(FirstBootOptions& options, OptionList& list) {
  declare_place(options.place, list);
  list.optional("clock", "FILE", options.clock, "a stepped clock, for rehearsals");
}

Result<Instant> now_by(const std::string& clock_file) {
  const SystemClock system_clock;
  if (clock_file.empty()) return system_clock.now();
  Result<std::unique_ptr<images::files::SteppedClock>> stepped =
      images::files::SteppedClock::open(clock_file, system_clock);
  if (!stepped) return std::move(stepped).error();
  return (*stepped)->now();
}

Result<ExitCode> run(const FirstBootOptions& options, Streams& streams) {
  Result<Settings> settings = settings_at(options.place);
  if (!settings) return std::move(settings).error();
  images::files::PosixFiles files;
  Result<Identity> identity = read_identity(files, settings->state_folder, settings->settings_folder);
  if (!identity) return std::move(identity).error();
  consent::ConsentBook book(files, settings->state_folder + "/owner");
  Result<std::optional<consent::Record>> known = book.read();
  if (!known) return std::move(known).error();
  if (known->has_value()) {
    const contract::Consent& consent = (*known)->consent;
    streams.out << "The terms were " << (consent.choice == contract::Choice::Accepted ? "accepted" : "declined")
                << " at " << policies::vocabulary::text_of(consent.answered_at) << ".\n";
    return ExitCode::Done;
  }
  const std::optional<consent::Answer> answer =
      consent::ask_on_console(identity->terms.text, question, streams.in, streams.out);
  if (!answer) return ExitCode::PartlyDone;
  Result<Instant> now = now_by(options.clock);
  if (!now) return std::move(now).error();
  Result<consent::Record> record =
      book.record(identity->terms, *answer, identity->voucher_facts.machine, identity->device_key, *now);
  if (!record) return std::move(record).error();
  streams.out << "Recorded. Your signed copy is " << settings->state_folder << "/owner/consent.dsse\n";
  return ExitCode::Done;
}

}  // namespace

policies::command_line::Command first_boot_command() {
  return policies::command_line::command<FirstBootOptions>(
      {.noun = "",
       .verb = "first-boot",
       .summary = "show the terms and ask for the owner's answer",
       .description = "Asks once, on the console. Enter alone, the end of input or anything but 1 and 2 records "
                      "nothing; the question comes again at "
                      "the next boot.",
       .examples = {"leaseback-agent first-boot"},
       .exits = {{ExitCode::PartlyDone, "not answered; nothing was recorded"}}},
      declare, run);
}

}  // namespace agent::daemon
