// The command line of leaseback-fleetd.
#pragma once

#include <functional>

#include "fleet/controller/settings.h"
#include "policies/command_line/command.h"

namespace fleet::controller {

// `serve` runs the controller with the settings that the options say, and returns when it has stopped.
policies::command_line::Program fleetd_program(std::function<Done(const Settings&)> serve);

}  // namespace fleet::controller
