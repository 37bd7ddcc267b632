#include "provision/cli/machine_options.h"

#include <fmt/format.h>

#include <ostream>

#include "agent/contract/install_paths.h"
#include "provision/cli/firmware_options.h"
#include "provision/firmware/sysfs_firmware.h"
#include "provision/hardware/comparison.h"
#include "provision/hardware/sysfs_machine.h"

namespace provision::cli {
namespace {

std::string record_in(const std::string& folder) { return fmt::format("{}/{}", folder, agent::contract::firmware_record_name); }

void note(const std::vector<std::string>& notes, command_line::Streams& streams) {
  for (const std::string& text : notes) streams.err << "note: " << text << "\n";
}

std::string state_of(const MachineOptions& options) {
  std::string root = options.root;
  while (root.ends_with('/')) root.pop_back();
  return root + std::string(agent::contract::state_folder);
}

}  // namespace

void declare_machine(MachineOptions& options, std::string description, command_line::OptionList& list) {
  list.optional("machine", "DIR", options.root, std::move(description));
  declare_password(options.password_file, list);
}

Done check_machine(const MachineOptions& options, const order::Work& work, const Ports& ports, command_line::Streams& streams) {
  if (options.root.empty()) return {};
  hardware::SysfsMachine machine(ports.files, options.root);
  const auto facts = machine.read();
  if (!facts) return facts.error();
  const auto found = hardware::differences(work, *facts);
  for (const hardware::Difference& difference : found)
    if (difference.weight == hardware::Weight::Note) streams.err << "note: " << hardware::text_of(difference) << "\n";
  return hardware::check_fits(work, found);
}

Result<std::vector<std::string>> rehearse_firmware(const MachineOptions& options, const order::Work& work, const std::string& password,
                                                   const std::string& run_folder, const Ports& ports, command_line::Streams& streams) {
  std::vector<std::string> lines;
  if (options.root.empty()) return lines;
  firmware::SysfsFirmware sysfs(ports.files, options.root);
  const auto plan = firmware::rehearse(work.firmware, password, record_in(run_folder), sysfs, ports.files);
  if (!plan) return plan.error().within("looking at the firmware");
  note(plan->notes, streams);
  for (const firmware::Change& change : plan->changes) lines.push_back(text_of(change));
  for (const firmware::PlannedPassword& planned : plan->passwords) lines.push_back(fmt::format("set the administrator's password of {}", planned.device));
  return lines;
}

Result<std::vector<std::string>> apply_firmware(const MachineOptions& options, const order::Work& work, const std::string& password,
                                                const std::string& run_folder, const Ports& ports, command_line::Streams& streams) {
  if (options.root.empty()) return std::vector<std::string>();
  firmware::SysfsFirmware sysfs(ports.files, options.root);
  const auto report = firmware::apply(work.firmware, password, record_in(run_folder), sysfs, ports.files);
  if (!report) return report.error().within("setting the firmware");
  note(report->notes, streams);
  for (const std::string& line : report->done) streams.err << "firmware: " << line << "\n";
  return report->done;
}

Done save_firmware_record(const MachineOptions& options, const std::string& station_folder, const Ports& ports) {
  if (options.root.empty()) return {};
  auto text = ports.files.read(record_in(state_of(options)), Bytes{firmware::record_size_max});
  if (!text && text.error().code == ErrorCode::NotFound) return {};
  if (!text) return text.error();
  return ports.files.replace(record_in(station_folder), *text, images::files::Access::OwnerOnly);
}

firmware::FirmwareReport restore_firmware(const MachineOptions& options, const std::string& station_folder, const Ports& ports,
                                          command_line::Streams& streams) {
  firmware::FirmwareReport report;
  report.restored = true;
  if (options.root.empty()) return report;
  const std::string saved = record_in(station_folder);
  firmware::SysfsFirmware sysfs(ports.files, options.root);
  const auto password = read_password(options.password_file, ports, streams);
  auto restored = password ? firmware::restore(*password, saved, sysfs, ports.files) : Result<firmware::FirmwareReport>(password.error());
  if (restored) {
    report = *std::move(restored);
  } else {
    report.restored = false;
    report.notes.push_back("the firmware was not put back: " + restored.error().text());
  }
  if (!report.restored) report.notes.push_back(fmt::format("the record of what it was is kept: `leaseback-provision firmware restore --record {}`", saved));
  note(report.notes, streams);
  for (const std::string& line : report.done) streams.err << "firmware: " << line << "\n";
  return report;
}

}  // namespace provision::cli
