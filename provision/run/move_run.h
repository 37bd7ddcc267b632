// Moves what its owner has on a disk to a larger new one, grows it there, and goes on as a retrofit of the new disk. The old disk is
// only read. An order that was declined gets the larger disk and nothing else.
#pragma once

#include <string>

#include "provision/run/build_request.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

struct MoveOrder {
  BuildRequest build;     // build.disk_path is the new disk; image and existing speak of it
  std::string from_path;  // the old disk; not looked at any more once all of it has been moved
};

// Copies each partition in pieces (each read back and compared; a journal beside the run's keeps which are done), writes the table,
// grows the last ext4, compares the owner's files with those of the old disk by their digests, then does retrofit_order. Cut
// anywhere, the same call finishes it. Refused, beside the refusals of plan_move and retrofit_order, while the old disk is in use
// or a filesystem on it is due for a check, and when the new disk is not blank and erasing was not agreed.
Result<RunReport> move_order(const MoveOrder& order, Station& station, RunPorts& ports);
// Decides as much as can be decided before the new disk is written; writes nothing.
Result<RunReport> rehearse_move(const MoveOrder& order, Station& station, RunPorts& ports);

}  // namespace provision::run
