// What the firmware of a machine offers to be set.
#include <fmt/format.h>

#include <ostream>

#include "policies/command_line/table.h"
#include "provision/cli/firmware_options.h"
#include "provision/firmware/known_attributes.h"
#include "provision/firmware/sysfs_firmware.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct FirmwareShowOptions {
  std::string sysroot = "/";
  bool all = false;
  bool json = false;
};

void declare(FirmwareShowOptions& options, OptionList& list) {
  list.optional("sysroot", "DIR", options.sysroot, "where the machine's sys/ is");
  list.flag("all", options.all, "every attribute, not only those that an order may set");
  list.json(options.json);
}

std::string_view setting_of(const firmware::Device& device, const firmware::Attribute& attribute) {
  for (const firmware::KnownAttribute& known : firmware::known_attributes())
    if (known.device == device.name && known.attribute == attribute.name) return name_of(known.setting);
  return "";
}

std::string allowed_text(const firmware::Attribute& attribute) {
  if (!attribute.possible.empty()) return fmt::format("{}", fmt::join(attribute.possible, ", "));
  if (attribute.lowest && attribute.highest) return fmt::format("{} to {}", *attribute.lowest, *attribute.highest);
  return attribute.type == firmware::AttributeType::String ? "text" : "";
}

void print_json(const std::vector<firmware::Device>& devices, bool all, Streams& streams) {
  JsonText json(JsonLayout::Indented);
  json.object().key("devices").array();
  for (const firmware::Device& device : devices) {
    json.object().key("device").text(device.name).key("pending_reboot").boolean(device.pending_reboot).key("attributes").array();
    for (const firmware::Attribute& attribute : device.attributes) {
      const std::string_view setting = setting_of(device, attribute);
      if (!all && setting.empty()) continue;
      json.object().key("attribute").text(attribute.name).key("setting");
      setting.empty() ? json.null() : json.text(setting);
      json.key("value");
      attribute.current ? json.text(*attribute.current) : json.null();
      json.key("allowed").text(allowed_text(attribute)).end();
    }
    json.end().key("passwords").array();
    for (const firmware::Authentication& one : device.authentications)
      json.object().key("name").text(one.name).key("role").text(one.role).key("enabled").boolean(one.enabled).end();
    json.end().end();
  }
  streams.out << json.end().end().finished() << "\n";
}

void print_tables(const std::vector<firmware::Device>& devices, bool all, Streams& streams) {
  if (devices.empty()) streams.out << "This machine's kernel shows no firmware attributes.\n";
  for (const firmware::Device& device : devices) {
    streams.out << device.name << (device.pending_reboot ? " (changes wait for the next start)" : "") << "\n";
    command_line::Table table({{"  attribute"}, {"setting"}, {"value"}, {"allowed"}});
    for (const firmware::Attribute& attribute : device.attributes)
      if (const std::string_view setting = setting_of(device, attribute); all || !setting.empty())
        table.row({"  " + attribute.name, std::string(setting), attribute.current.value_or("not to be read"), allowed_text(attribute)});
    for (const firmware::Authentication& one : device.authentications)
      table.row({"  " + one.name, "password (" + one.role + ")", one.enabled ? "set" : "not set", ""});
    streams.out << table.text(streams.width);
  }
}

Result<ExitCode> run(const FirmwareShowOptions& options, const Ports& ports, Streams& streams) {
  firmware::SysfsFirmware sysfs(ports.files, options.sysroot);
  const auto devices = sysfs.read();
  if (!devices) return devices.error();
  options.json ? print_json(*devices, options.all, streams) : print_tables(*devices, options.all, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command firmware_show_command(const Ports& ports) {
  return command_line::command<FirmwareShowOptions>(
      {.noun = "firmware",
       .verb = "show",
       .summary = "show the settings of a machine's firmware",
       .description = "Lists what the kernel's firmware-attributes class offers: remote wake, power on after power loss and the administrator's lock by their "
                      "makers' names, and which passwords are set. A machine without that class is told, not failed. Writes nothing.",
       .examples = {"leaseback-provision firmware show", "leaseback-provision firmware show --all --json"},
       .exits = {}},
      declare, [&ports](const FirmwareShowOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
