#include "provision/install/system_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "agent/contract/install_paths.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/json_text.h"

namespace provision::install {
namespace {

namespace contract = agent::contract;

constexpr std::size_t made_folders_max = 256;
constexpr std::size_t path_max = 4096;

std::string in(std::string_view folder, std::string_view name) { return fmt::format("{}/{}", folder, name); }

std::string filesystem_table(const disk::DiskPlan& plan) {
  std::string text = "# Written at manufacture.\n";
  const auto line = [&](disk::Role role, std::string_view where, std::string_view kind, std::string_view options,
                        int pass) {
    if (const disk::PlannedPartition* partition = plan.partition(role))
      text += fmt::format("UUID={} {} {} {} 0 {}\n", partition->filesystem_uuid, where, kind, options, pass);
  };
  line(disk::Role::System, "/", "ext4", "errors=remount-ro", 1);
  line(disk::Role::Customer, "/home", "ext4", "defaults", 2);
  line(disk::Role::Esp, "/boot/efi", "vfat", "umask=0077", 1);
  return text;
}

void enable(WantedNodes& nodes, const std::string& target, std::string_view unit) {
  nodes.link(fmt::format("/etc/systemd/system/{}.wants/{}", target, unit), in(contract::unit_folder, unit));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// The targets that want this unit: WantedBy= lines of its [Install] section (systemd.unit(5)).
std::vector<std::string> wanted_by(std::string_view text) {
  std::vector<std::string> targets;
  bool installing = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('[')) installing = line == "[Install]";
    constexpr std::string_view key = "WantedBy=";
    if (!installing || !line.starts_with(key)) continue;
    std::string_view names = line.substr(key.size());
    while (!(names = trimmed(names)).empty()) {
      const std::size_t space = std::min(names.find(' '), names.size());
      targets.emplace_back(names.substr(0, space));
      names.remove_prefix(space);
    }
  }
  return targets;
}

}  // namespace

std::string machine_id_of(std::string_view seed) {
  std::string id = images::keys::sha256("leaseback machine-id\n" + std::string(seed)).text.substr(0, 32);
  // systemd wants the form of a version 4 UUID (machine-id(5)).
  id[12] = '4';
  constexpr std::string_view variants = "89ab";
  id[16] = variants[static_cast<std::size_t>(id[16] <= '9' ? id[16] - '0' : id[16] - 'a' + 10) % variants.size()];
  return id;
}

WantedNodes settings_nodes(const SystemSettings& settings, const disk::DiskPlan& plan) {
  WantedNodes nodes(settings.mtime);
  nodes.file("/etc/machine-id", machine_id_of(settings.seed) + "\n", 0444);
  nodes.file("/etc/fstab", filesystem_table(plan));
  for (const network::SettingsFile& file : network::settings_files(settings.presets, settings.programs)) {
    if (file.target.empty()) {
      nodes.file(file.path, file.text, file.mode);
    } else {
      nodes.link(file.path, file.target);
    }
  }
  for (const network::NeededUnit& needed : network::needed_units(settings.presets, settings.programs))
    enable(nodes, needed.target, needed.unit);
  return nodes;
}

WantedNodes system_nodes(const SystemSettings& settings, const disk::DiskPlan& plan) {
  WantedNodes nodes(settings.mtime);
  for (const char* folder : {"/boot",      "/boot/efi", "/dev",       "/etc", "/home",      "/mnt",     "/opt",
                             "/proc",      "/run",      "/srv",       "/sys", "/usr",       "/usr/bin", "/usr/lib",
                             "/usr/lib64", "/usr/sbin", "/usr/share", "/var", "/var/cache", "/var/lib", "/var/log"})
    nodes.folder(folder);
  nodes.folder("/root", 0700).folder("/tmp", 01777).folder("/var/tmp", 01777);
  for (const char* name : {"bin", "sbin", "lib", "lib64"})
    nodes.link(fmt::format("/{}", name), fmt::format("usr/{}", name));
  nodes.file("/usr/lib/os-release",
             "NAME=\"Base tree\"\nID=base\nPRETTY_NAME=\"Base tree: settings and agent, no operating system "
             "yet\"\nVARIANT_ID=ordered\n");
  nodes.link("/etc/os-release", "../usr/lib/os-release");
  return nodes.all(settings_nodes(settings, plan));
}

std::string agent_settings_text(const AgentSettings& settings) {
  std::string text = "# Written at manufacture.\n";
  if (!settings.controller_url.empty()) text += fmt::format("controller: \"{}\"\n", settings.controller_url);
  if (!settings.indicator_led.empty()) text += fmt::format("indicator:\n  led: \"{}\"\n", settings.indicator_led);
  if (settings.lease_partition.empty()) return text;
  text += fmt::format("lease_partition: \"{}\"\n", settings.lease_partition);
  // The vault lies on the lease partition: opened when the agent begins, closed before the disk is given back.
  const auto command_lines = [&text](const char* key, const std::vector<std::string>& words) {
    text += fmt::format("{}:\n", key);
    for (const std::string& word : words) text += fmt::format("  - \"{}\"\n", word);
  };
  const std::string program = in(contract::program_folder, "leaseback-provision");
  const std::string partition = "PARTUUID=" + settings.lease_partition;
  command_lines("lease_command", {program, "lease", "open", partition, "--mount", "{vault}", "--owner", "{user}", "--key-stdin", "--json"});
  command_lines("lease_close_command", {program, "lease", "close", partition, "--mount", "{vault}"});
  if (settings.controller_key_pem.empty()) return text;
  // A unit of its own: it sees the owner's mounts, which the agent's service does not, and outlives the agent.
  const std::vector<std::string> command = {"systemd-run", "--quiet", "--wait", "--pipe", "--collect",
                                            in(contract::program_folder, "leaseback-provision"), "disk", "release",
                                            // By a partition that stays: a cut release must find the disk again.
                                            "PARTUUID=" + settings.lasting_partition, "--in-use", "--order", "{order}",
                                            "--controller-key", in(contract::settings_folder, controller_key_name),
                                            // Outside of what release removes.
                                            "--station", std::string(contract::release_folder), "--machine", "/"};
  text += "release_command:\n";
  for (const std::string& word : command) text += fmt::format("  - \"{}\"\n", word);
  return text;
}

WantedNodes agent_nodes(const AgentSettings& settings) {
  WantedNodes nodes(settings.mtime);
  nodes.folder(std::string(contract::program_folder)).folder(std::string(contract::settings_folder));
  nodes.folder(std::string(contract::state_folder), 0700);
  nodes.file(in(contract::settings_folder, contract::agent_settings_name), agent_settings_text(settings));
  if (!settings.authority_pem.empty())
    nodes.file(in(contract::settings_folder, contract::authority_name), settings.authority_pem);
  if (!settings.controller_key_pem.empty())
    nodes.file(in(contract::settings_folder, controller_key_name), settings.controller_key_pem);
  nodes.file(in(contract::settings_folder, contract::terms_name), contract::text_of(settings.terms));
  nodes.file(in(contract::state_folder, contract::voucher_name), settings.voucher, 0600);
  nodes.file(in(contract::state_folder, contract::device_key_name), settings.device_key_pem, 0600);
  if (!settings.firmware_record.empty()) nodes.file(in(contract::state_folder, contract::firmware_record_name), settings.firmware_record, 0600);
  nodes.file(in(contract::state_folder, marker_name), text_of(InstallationMarker{settings.made_folders}), 0600);
  return nodes;
}

WantedNodes enabling_links(const std::vector<UnitFile>& units, std::int64_t mtime) {
  WantedNodes nodes(mtime);
  for (const UnitFile& unit : units) {
    const std::string name = unit.path.substr(unit.path.rfind('/') + 1);
    for (const std::string& target : wanted_by(unit.text))
      nodes.link(fmt::format("/etc/systemd/system/{}.wants/{}", target, name), unit.path);
  }
  return nodes;
}

std::string text_of(const InstallationMarker& marker) {
  JsonText json;
  json.object().key("format").number(1).key("made_folders").array();
  for (const std::string& folder : marker.made_folders) json.text(folder);
  json.end().end();
  return json.finished() + "\n";
}

Result<InstallationMarker> marker_from(std::string_view text) {
  const auto refused = [](std::string_view why) {
    return Error{ErrorCode::InvalidInput, fmt::format("the installation marker {}", why), {}};
  };
  if (text.size() > made_folders_max * path_max) return refused("is too large");
  boost::json::error_code problem;
  boost::json::parse_options options;
  options.max_depth = 4;
  const boost::json::value parsed = boost::json::parse(text, problem, {}, options);
  if (problem || !parsed.is_object()) return refused("is not a JSON object");
  const boost::json::object& object = parsed.get_object();
  const boost::json::value* format = object.if_contains("format");
  const boost::json::value* folders = object.if_contains("made_folders");
  if (object.size() != 2 || format == nullptr || !format->is_int64() || format->get_int64() != 1 ||
      folders == nullptr || !folders->is_array())
    return refused("has not exactly the fields format (1) and made_folders");
  if (folders->get_array().size() > made_folders_max)
    return refused(fmt::format("names more than {} folders", made_folders_max));
  InstallationMarker marker;
  for (const boost::json::value& folder : folders->get_array()) {
    if (!folder.is_string()) return refused("names a folder that is no text");
    const std::string_view path = folder.get_string();
    const bool plain = path.size() > 1 && path.size() <= path_max && path[0] == '/' && path.back() != '/' &&
                       path.find("//") == std::string_view::npos && path.find('\0') == std::string_view::npos &&
                       (std::string(path) + "/").find("/../") == std::string::npos &&
                       (std::string(path) + "/").find("/./") == std::string::npos;
    if (!plain) return refused("names a folder whose path is not plain and absolute");
    if (!marker.made_folders.empty() && marker.made_folders.back() >= path)
      return refused("names its folders out of order");
    marker.made_folders.emplace_back(path);
  }
  return marker;
}

}  // namespace provision::install
