// Gives up a run that will not be finished: its secrets are destroyed, its record is kept under another name, and the order may
// begin again on another disk. Cut anywhere, it is finished by running it again.
#pragma once

#include <string>

#include "provision/run/run_lock.h"
#include "provision/run/station.h"

namespace provision::run {

struct AbandonRequest {
  std::string run;            // the station's name of it: the order
  std::string operator_name;  // 1 to 100 bytes; goes on the record
  std::string reason;         // 1 to 500 bytes
};

// Returns the name under which the record is kept. NotFound when there is no such run; Conflict when it was finished: a machine that
// was vouched for is released, not abandoned.
Result<std::string> abandon_run(const AbandonRequest& request, Station& station, const Clock& clock);

inline constexpr const char* abandoned_fact = "abandoned";

}  // namespace provision::run
