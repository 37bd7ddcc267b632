// One order and one disk: from blank to finished, vouched for and with a receipt. Running it again finishes what was
// cut, and says "No changes." when nothing is left.
#pragma once

#include "provision/run/build_request.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

// Does it. Refused (wrong disk, mounted, not blank, not confirmed) and every error of the order come before anything is
// written.
Result<RunReport> apply_order(const BuildRequest& request, Station& station, RunPorts& ports);

// What apply_order would do, by its own code, failing for every reason for which it would fail; writes nothing
// anywhere.
Result<RunReport> rehearse_order(const BuildRequest& request, Station& station, RunPorts& ports);

// Reads everything back: table, filesystems, LUKS header and its slots by their keys, files by the bundle's digests,
// the device key by the voucher. Writes nothing. Without a bundle the bundle's files are not looked at.
Result<RunReport> verify_order(const BuildRequest& request, Station& station, RunPorts& ports);

// The plan alone, without a station: the digests of the lease's keys are those on the disk, or zeros where there are
// none yet.
Result<RunReport> plan_order(const BuildRequest& request, RunPorts& ports);

}  // namespace provision::run
