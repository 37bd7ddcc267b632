// leaseback-provision: what a factory line does to disks, and what undoes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "images/files/files.h"
#include "policies/command_line/command.h"
#include "policies/terms/zone.h"
#include "policies/vocabulary/instant.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"
#include "provision/order/work.h"
#include "provision/run/build_request.h"
#include "provision/run/ports.h"

namespace provision::cli {
using namespace policies::vocabulary;
namespace command_line = policies::command_line;

// What the commands need of the outside, made by main.cc; must outlive the Program.
struct Ports {
  images::files::Files& files;
  disk::Disks& disks;
  disk::Processes& processes;
  const policies::terms::ZoneRules& zones;
  const Clock& clock;
};

command_line::Program provision_program(const Ports& ports);

command_line::Command lease_open_command(const Ports& ports);
command_line::Command lease_seal_command(const Ports& ports);
command_line::Command lease_close_command(const Ports& ports);
command_line::Command lease_status_command(const Ports& ports);
command_line::Command line_init_command(const Ports& ports);
command_line::Command line_run_command(const Ports& ports);
command_line::Command line_abandon_command(const Ports& ports);
command_line::Command line_export_command(const Ports& ports);
command_line::Command station_report_command(const Ports& ports);
command_line::Command quarantine_list_command(const Ports& ports);
command_line::Command quarantine_clear_command(const Ports& ports);
command_line::Command disk_plan_command(const Ports& ports);
command_line::Command disk_apply_command(const Ports& ports);
command_line::Command disk_verify_command(const Ports& ports);
command_line::Command disk_show_command(const Ports& ports);
command_line::Command disk_release_command(const Ports& ports);
command_line::Command disk_retrofit_command(const Ports& ports);
command_line::Command disk_move_command(const Ports& ports);
command_line::Command disk_restore_table_command(const Ports& ports);
command_line::Command disk_extract_command(const Ports& ports);
command_line::Command station_show_command(const Ports& ports);
command_line::Command machine_check_command(const Ports& ports);
command_line::Command machine_record_command(const Ports& ports);
command_line::Command machine_leave_command(const Ports& ports);
command_line::Command firmware_show_command(const Ports& ports);
command_line::Command firmware_apply_command(const Ports& ports);
command_line::Command firmware_restore_command(const Ports& ports);
command_line::Command label_make_command(const Ports& ports);

}  // namespace provision::cli
