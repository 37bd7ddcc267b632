// Every setting of leaseback-fleetd, with its default and range beside it. --print-settings is golden: a changed default is a
// visible decision.
#pragma once

#include <string>
#include <vector>

#include "fleet/api/https_server.h"
#include "fleet/operations/settings.h"

namespace fleet::controller {
using namespace policies::vocabulary;

struct Settings {
  std::string folder;                          // all that must survive: store, elements, keys
  std::string listen = "127.0.0.1:8443";       // numeric address and port; port 0 takes a free one
  std::vector<std::string> names;              // further host names and addresses for the server's certificate
  std::string rules;                           // folder of rules
  std::string clock;                           // file of a stepped clock; empty: the system's
  std::string port_file;                       // where to write the port once it listens; empty: nowhere
  Duration server_certificate_life = std::chrono::hours(24 * 730);
  Duration authority_life = std::chrono::hours(24 * 365 * 20);
  operations::Settings operations;
  api::HttpsServerSettings server;             // its keys and address are filled from the folder and `listen`
};

// One "name = value" a line, secrets left out.
std::string printed(const Settings& settings);

}  // namespace fleet::controller
