// What the commands on the firmware of a machine share.
#pragma once

#include <string>

#include "policies/command_line/command.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/commands.h"
#include "provision/firmware/apply.h"

namespace provision::cli {

// The administrator's password: the first line of a file, or of standard input for "-". Empty for an empty name. Never on a
// command line, in an error or in a log. InvalidInput for an empty first line or more than 256 bytes.
Result<std::string> read_password(const std::string& file, const Ports& ports, command_line::Streams& streams);
void declare_password(std::string& file, command_line::OptionList& list);

// "done" and "notes" as keys of the object that is open.
void write_json(JsonText& json, const firmware::FirmwareReport& report);
// A line each.
void print(const firmware::FirmwareReport& report, std::ostream& out);

}  // namespace provision::cli
