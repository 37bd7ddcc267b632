// The command line of leaseback-fleetd.
#pragma once

#include <functional>

#include "fleet/controller/settings.h"
#include "policies/command_line/command.h"

namespace fleet::controller {

struct Acts {
  std::function<Done(const Settings&)> prepare;  // init
  std::function<Done(const Settings&)> serve;    // run: returns when it has stopped
};
policies::command_line::Program fleetd_program(const Acts& acts);

}  // namespace fleet::controller
