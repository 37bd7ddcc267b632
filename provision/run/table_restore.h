// The way back from a retrofit that was begun and shall not be finished: the table as it was saved before the first change.
#pragma once

#include <string>
#include <vector>

#include "provision/disk/disk_safety.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

// Destroys the key slots of a lease partition that is there, puts back the table that the run of this order saved, and grows the ext4
// of the last partition over its place again. Returns what was done, for people. NotFound when the run saved no table; Refused when
// the run was finished (the disk is given back by `disk release`) and as of may_write; Conflict when the table is another disk's.
Result<std::vector<std::string>> restore_table_of_run(const std::string& order, const std::string& disk_path, const disk::Confirmation& confirmation,
                                                      Station& station, RunPorts& ports);

}  // namespace provision::run
