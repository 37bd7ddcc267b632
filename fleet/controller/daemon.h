// One controller process: the parts put together and run until a signal or a failed commit.
#pragma once

#include <functional>

#include "fleet/controller/settings.h"
#include "images/files/files.h"

namespace fleet::controller {

// What main lends: everything outlives the run.
struct Ports {
  images::files::Files& files;
  const Clock& clock;
  std::function<void(const std::string&)> log;   // one line; from the calling thread or the loop
  // Waits up to the span for a reason to stop; true when there is one.
  std::function<bool(Duration)> wait_for_stop;
};

// Makes the folder and its keys and nothing else: the factory needs the authority's certificate before the controller first runs.
Done prepare_folder(const Settings& settings, const Ports& ports);

// Opens the folder, listens, and serves until told to stop. An error: it could not start, or a change could not be made durable;
// nothing that was acknowledged is lost, and a new start goes on.
Done run_controller(const Settings& settings, const Ports& ports);

}  // namespace fleet::controller
