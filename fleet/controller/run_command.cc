#include "fleet/controller/run_command.h"

#include <ostream>

#include "policies/loading/rule_folder.h"

namespace fleet::controller {
namespace {

namespace command_line = policies::command_line;

struct Options {
  Settings settings;
  bool print_settings = false;
};

void declare(Options& options, command_line::OptionList& list) {
  Settings& settings = options.settings;
  list.optional("folder", "DIR", settings.folder, "where everything is kept; made when it is not there");
  list.optional("listen", "ADDRESS:PORT", settings.listen, "where to serve HTTPS; port 0 takes a free one");
  list.repeated("name", "HOST", settings.names, "a further name or address for the server's certificate");
  list.optional("rules", "DIR", settings.rules, "folder of rules; the shipped ones when left out");
  list.optional("clock", "FILE", settings.clock, "take the time from this stepped clock, for rehearsals");
  list.optional("port-file", "FILE", settings.port_file, "write the port here once it listens");
  list.optional("poll-interval", "SPAN", settings.operations.poll_interval, "how often an idle machine calls");
  list.optional("silence-limit", "SPAN", settings.operations.silence_limit, "a machine silent for longer is given up");
  list.flag("print-settings", options.print_settings, "print every setting and end");
}

Done check(const Options& options) {
  const operations::Settings& settings = options.settings.operations;
  if (options.settings.folder.empty() && !options.print_settings)
    return Error{ErrorCode::InvalidInput, "--folder DIR is missing", {}};
  if (settings.poll_interval < Duration(50) || settings.poll_interval > std::chrono::hours(24))
    return Error{ErrorCode::InvalidInput, "--poll-interval must be from 50ms to 1d", {}};
  if (settings.silence_limit < std::chrono::minutes(1)) return Error{ErrorCode::InvalidInput, "--silence-limit must be 1m or more", {}};
  return {};
}

command_line::Command init_command(const Acts& acts) {
  command_line::Explanation explanation{
      "",
      "init",
      "make a controller's folder and keys, and nothing else",
      "The factory puts the authority's certificate (DIR/authority.pem) and the key that signs release orders (DIR/signing.pub) on every "
      "disk, so they are needed before the controller first runs. "
      "Keys that are there are kept.",
      {"leaseback-fleetd init --folder /var/lib/leaseback-fleet"},
      {}};
  const auto declare_init = [](Settings& settings, command_line::OptionList& list) {
    list.required("folder", "DIR", settings.folder, "where everything is kept; made when it is not there");
    list.repeated("name", "HOST", settings.names, "a further name or address for the server's certificate");
    list.optional("clock", "FILE", settings.clock, "take the time from this stepped clock, for rehearsals");
  };
  return command_line::command<Settings>(std::move(explanation), declare_init,
                                         [acts](const Settings& settings, command_line::Streams& streams) -> Result<command_line::ExitCode> {
                                           if (Done prepared = acts.prepare(settings); !prepared) return prepared.error();
                                           streams.out << settings.folder << "/authority.pem and " << settings.folder << "/signing.pub are for the factory\n";
                                           return command_line::ExitCode::Done;
                                         });
}

command_line::Command run_command(const Acts& acts) {
  command_line::Explanation explanation{
      "",
      "run",
      "run a controller until it is told to stop",
      "A complete controller in one process and one folder. On an empty folder it makes its keys, an empty store and the first staff "
      "member's home (DIR/staff), which leaseback-fleet uses. Stops on SIGTERM and SIGINT; whatever it acknowledged survives any end.",
      {"leaseback-fleetd run --folder /var/lib/leaseback-fleet --listen 0.0.0.0:8443 --name fleet.example",
       "leaseback-fleetd run --folder rehearsal --listen 127.0.0.1:0 --port-file rehearsal/port --poll-interval 200ms"},
      {}};
  const auto run = [acts](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
    if (options.print_settings) {
      streams.out << printed(options.settings);
      return command_line::ExitCode::Done;
    }
    Settings settings = options.settings;
    if (settings.rules.empty()) settings.rules = policies::loading::default_rules_folder();
    if (Done served = acts.serve(settings); !served) return served.error();
    return command_line::ExitCode::Done;
  };
  return command_line::command<Options>(std::move(explanation), declare, run, check);
}

}  // namespace

command_line::Program fleetd_program(const Acts& acts) {
  return {"leaseback-fleetd", "the controller of a leased fleet", {init_command(acts), run_command(acts)}};
}

}  // namespace fleet::controller
