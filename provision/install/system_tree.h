// The system partition's own content, purely: the least tree in which an operating-system image, the presets and the
// agent have their places, and the files of the agent's settings.
#pragma once

#include <string>
#include <vector>

#include "agent/contract/terms_document.h"
#include "provision/disk/disk_plan.h"
#include "provision/install/wanted_nodes.h"
#include "provision/network/settings_files.h"

namespace provision::install {

struct SystemSettings {
  std::string seed;          // as of the disk plan: decides the machine-id of the operating system
  network::Presets presets;  // checked
  network::SystemPrograms programs;  // those of the operating system that is, or will be, installed
  std::int64_t mtime = 0;  // of all that is put
};

// 32 hex digits for /etc/machine-id; the same for the same seed.
std::string machine_id_of(std::string_view seed);

// What is put into any system: machine-id, fstab (from the plan's filesystems) and the network presets, with their services
// enabled.
WantedNodes settings_nodes(const SystemSettings& settings, const disk::DiskPlan& plan);

// The tree of a disk without an operating system: folders, os-release, and the settings on top.
WantedNodes system_nodes(const SystemSettings& settings, const disk::DiskPlan& plan);

// What makes an agent this machine's agent.
struct AgentSettings {
  std::string controller_url;      // these three may be empty where the machine is told later
  std::string authority_pem;       // the controller's authority, the only one that the agent believes
  std::string controller_key_pem;  // by which a release order is verified on the machine
  agent::contract::TermsDocument terms;
  std::string voucher;                    // DSSE
  std::string device_key_pem;             // secret
  std::string lease_partition;            // UUID of the partition; empty when there is none
  std::string lasting_partition;          // UUID of one that stays when the lease ends; needed with a lease partition
  std::vector<std::string> made_folders;  // see InstallationMarker
  std::string indicator_led;    // of /sys/class/leds; empty: none
  std::string firmware_record;  // what the firmware was, for release; empty: nothing was set
  std::int64_t mtime = 0;
};

WantedNodes agent_nodes(const AgentSettings& settings);

// Links that enable the units of a bundle, by the WantedBy= of their [Install] sections. `units`: path and text of
// each.
struct UnitFile {
  std::string path;
  std::string text;
};
WantedNodes enabling_links(const std::vector<UnitFile>& units, std::int64_t mtime);

// Where the key by which a release order is verified stands, beside the other settings.
inline constexpr std::string_view controller_key_name = "controller.pem";

// agent.yaml: where the controller is, and how the agent gives the disk back.
std::string agent_settings_text(const AgentSettings& settings);

// The file of the state folder that says what the installation made beside its own files, so that release takes it away
// too.
inline constexpr std::string_view marker_name = "installed.json";
struct InstallationMarker {
  std::vector<std::string> made_folders;  // at most 256, absolute, ascending
  bool operator==(const InstallationMarker&) const = default;
};
std::string text_of(const InstallationMarker& marker);
// InvalidInput for anything but such a marker: it comes from a disk that was in other hands.
Result<InstallationMarker> marker_from(std::string_view text);

}  // namespace provision::install
