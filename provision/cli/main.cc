#include <sys/stat.h>

#include <iostream>

#include "images/files/posix_files.h"
#include "policies/terms/iana_zone.h"
#include "provision/cli/commands.h"
#include "provision/disk/parted_disks.h"
#include "provision/disk/processes.h"

int main(int argc, char** argv) {
  // Image files and what a station keeps are nobody else's business unless a mode says so.
  umask(022);
  images::files::PosixFiles files;
  provision::disk::PosixProcesses processes;
  provision::disk::PartedDisks disks(processes);
  const policies::terms::IanaZoneRules zones;
  const policies::vocabulary::SystemClock clock;
  const provision::cli::Ports ports{files, disks, processes, zones, clock};
  return policies::command_line::run_program(provision::cli::provision_program(ports), argc, argv, std::cout,
                                             std::cerr);
}
