// What the commands on disks do to the machine that the disk is in: hold it against its order, set its firmware, set it back.
#pragma once

#include <string>
#include <vector>

#include "policies/command_line/command.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/commands.h"
#include "provision/firmware/apply.h"

namespace provision::cli {

struct MachineOptions {
  std::string root;           // where its sys/ is; empty: the machine is left alone
  std::string password_file;  // of the firmware's administrator
};
void declare_machine(MachineOptions& options, std::string description, command_line::OptionList& list);

// Reads the machine and holds it against the order. Refused, naming each wrong part; notes go to `streams.err`. Done without a machine.
Done check_machine(const MachineOptions& options, const order::Work& work, const Ports& ports, command_line::Streams& streams);

// What would be, or was, set in the firmware, a line each; notes go to `streams.err`. Empty without a machine. The record of what was
// there is kept in `run_folder`. `password` as read_password gives it.
Result<std::vector<std::string>> rehearse_firmware(const MachineOptions& options, const order::Work& work, const std::string& password,
                                                   const std::string& run_folder, const Ports& ports, command_line::Streams& streams);
Result<std::vector<std::string>> apply_firmware(const MachineOptions& options, const order::Work& work, const std::string& password,
                                                const std::string& run_folder, const Ports& ports, command_line::Streams& streams);

// Around a release, which removes the state folder with the record in it: saves the record in `station_folder` before, and puts
// the firmware back by it after. What cannot be put back does not undo the release: the record then stays there, and a note says so.
Done save_firmware_record(const MachineOptions& options, const std::string& station_folder, const Ports& ports);
firmware::FirmwareReport restore_firmware(const MachineOptions& options, const std::string& station_folder, const Ports& ports,
                                          command_line::Streams& streams);

}  // namespace provision::cli
