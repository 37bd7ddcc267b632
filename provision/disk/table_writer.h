// Makes the bytes of a planned GPT (libparted lays out, libfdisk marks) and puts them on the disk, never leaving it without a
// whole copy of the old or the new table.
#pragma once

#include "provision/disk/device_file.h"
#include "provision/disk/disk_plan.h"

namespace provision::disk {

// The libraries work on a copy in memory; then the copy of the GPT that is not trusted now is overwritten and made durable,
// then the other one. Durable.
Done write_planned_table(DeviceFile& disk, const DiskPlan& plan);

// `saved`: the first and last MiB of this disk, as they were, with a GPT or an MBR. Durable. Conflict when it is not of that length,
// or holds no whole table; the caller keeps it beside the disk's serial and size. Only the sectors of GPT headers and entries, and
// the first one, are put back, so that a partition which reaches into these MiB is not touched.
Done restore_saved_table(DeviceFile& disk, const std::string& saved);

}  // namespace provision::disk
