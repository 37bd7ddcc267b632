#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct InitOptions {
  HomeOptions where;
  bool json = false;
};

}  // namespace

policies::command_line::Command client_init(const Ports& ports) {
  return policies::command_line::command<InitOptions>(
      {"client", "init", "make this client's keys and print the public one to register",
       "Makes the folder, the key that proves who you are, and the key that seals what you store. Keys that are there are kept. The public key "
       "is printed: give it to whoever runs the controller, who registers it (leaseback-fleet party add) and gives back a certificate.\n\n"
       "Back up the folder: without sealing.key nothing that you stored can be read again, by anybody.",
       {"leaseback client init --home ~/.config/leaseback > me.pem"},
       {}},
      [&ports](InitOptions& options, OptionList& list) {
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const InitOptions& options, Streams& streams) -> Result<ExitCode> {
        const Result<Home> home = Home::make(ports.files, options.where.home);
        if (!home) return home.error();
        const std::string pem = home->identity().public_key().pem();
        if (options.json)
          streams.out << boost::json::serialize(boost::json::object{{"home", home->folder()}, {"key", home->identity().id().text}, {"public_key_pem", pem}}) << "\n";
        else
          streams.out << pem;
        streams.err << "leaseback: keys are in " << home->folder() << "; back them up\n";
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
