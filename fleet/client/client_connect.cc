#include <ostream>

#include "fleet/client/commands.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

constexpr Bytes certificate_file_max = kibibytes(64);

struct ConnectOptions {
  HomeOptions where;
  std::string controller;
  std::string certificate;
  std::string authority;
};

}  // namespace

policies::command_line::Command client_connect(const Ports& ports) {
  return policies::command_line::command<ConnectOptions>(
      {"client", "connect", "tell this client where its controller is and who it is there",
       "Checks that the certificate is for this client's key and was issued by the authority, and keeps both with the controller's address in client.yaml. "
       "Run it again with a renewed certificate.",
       {"leaseback client connect --controller https://fleet.example:8443 --certificate me.crt --authority authority.pem"},
       {}},
      [&ports](ConnectOptions& options, OptionList& list) {
        list.required("controller", "URL", options.controller, "https://host:port of the controller");
        list.required("certificate", "FILE", options.certificate, "the certificate that was issued for this client's key, PEM");
        list.required("authority", "FILE", options.authority, "the controller's authority, PEM");
        declare_home(ports, options.where, list);
      },
      [&ports](const ConnectOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = open_home(ports, options.where);
        if (!opened) return opened.error();
        const Result<std::string> certificate = ports.files.read(options.certificate, certificate_file_max);
        if (!certificate) return certificate.error();
        const Result<std::string> authority = ports.files.read(options.authority, certificate_file_max);
        if (!authority) return authority.error();
        if (const Done connected = opened->home->connect(options.controller, *certificate, *authority, opened->clock->now()); !connected) return connected.error();
        streams.err << "leaseback: " << opened->home->folder() << " now uses " << options.controller << "\n";
        return ExitCode::Done;
      });
}

}  // namespace fleet::client
