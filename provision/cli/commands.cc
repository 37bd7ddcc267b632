#include "provision/cli/commands.h"

namespace provision::cli {

command_line::Program provision_program(const Ports& ports) {
  return {.name = "leaseback-provision",
          .summary = "turns orders into finished disks, and gives leased disks back; for factory lines",
          .commands = {line_init_command(ports), line_run_command(ports), line_abandon_command(ports), line_export_command(ports),
                       station_report_command(ports), quarantine_list_command(ports), quarantine_clear_command(ports), disk_plan_command(ports), disk_apply_command(ports),
                       disk_verify_command(ports), disk_retrofit_command(ports), disk_move_command(ports), disk_restore_table_command(ports), disk_release_command(ports),
                       disk_show_command(ports), disk_extract_command(ports), station_show_command(ports),
                       machine_check_command(ports), machine_record_command(ports), machine_leave_command(ports),
                       firmware_show_command(ports), firmware_apply_command(ports), firmware_restore_command(ports), label_make_command(ports),
                       lease_open_command(ports), lease_seal_command(ports), lease_close_command(ports), lease_status_command(ports)}};
}

}  // namespace provision::cli
