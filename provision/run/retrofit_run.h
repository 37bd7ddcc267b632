// Makes room for a lease on a disk that is in use by its owner, and installs the agent beside their files, of which
// none changes: the digests before and after stand in the receipt. An order that was declined changes nothing at all,
// and has a receipt that says so.
#pragma once

#include "provision/run/build_request.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

// The partition table is saved in the run's folder ("table.before", as Disks::save_table returned it) before anything
// is written; restore_table_of_run puts it back. An MBR becomes a GPT. Errors and refusals as of apply_order, plan_retrofit and
// check_partition_names.
Result<RunReport> retrofit_order(const BuildRequest& request, Station& station, RunPorts& ports);
Result<RunReport> rehearse_retrofit(const BuildRequest& request, Station& station, RunPorts& ports);

}  // namespace provision::run
