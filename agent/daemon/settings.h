// Every setting of `leaseback-agent`, its default and its limits, in one place. Filled from agent.yaml and from
// options, which win.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/daemon/agent.h"

namespace agent::daemon {

struct Settings {
  std::string controller;       // "https://host:port"
  std::string state_folder;     // default: contract::state_folder
  std::string settings_folder;  // default: contract::settings_folder
  std::string vault_folder = "/var/lib/leaseback/vault";
  std::string lease_partition;  // UUID of the partition that the vault lies on; for people and for release
  std::string clock_file;       // empty: the system's clock
  std::string answers_file;     // empty: the owner is asked
  std::string user;             // whose rights the daemon takes when it starts as root; empty: keeps its own
  std::vector<std::string>
      release_command;  // gives the disk back; {order} and {machine} are replaced; prints the receipt as JSON
  // Opens the lease partition and mounts it at the vault; {vault}, {user} and {machine} are replaced; empty: the vault is a plain
  // folder. It gets the controller's slot key, or nothing, on standard input, and says what it did as JSON.
  std::vector<std::string> lease_command;
  std::vector<std::string> lease_close_command;  // undoes lease_command, before the disk is given back; the same words are replaced
  Bytes vault_budget;   // 0: the voucher's lease
  Bytes cache_budget = gibibytes(1);      // 1 MiB to 1 TiB
  Bytes task_memory_max = gibibytes(2);   // 16 MiB to 1 TiB
  Bytes task_scratch_max = gibibytes(1);  // 1 MiB to 1 TiB
  std::uint32_t tasks_running_max = 1;    // 1 to 1024; the controller may ask for fewer
  std::uint32_t tasks_queued_max = 64;    // 1 to 4096
  Duration poll_first{1'000};             // 10 ms to 1 h
  Duration poll_interval{300'000};        // poll_first to 1 d
  Duration poll_interval_max{3'600'000};  // poll_interval to 7 d
  Duration exchange_timeout{30'000};      // 1 s to 10 min
  std::string indicator_led;              // of /sys/class/leds: lit while leased work runs; empty: none
  std::string log_level = "info";         // error, warning, info, debug
};

Settings default_settings();

// agent.yaml over `settings`. InvalidInput with file:line:column for unknown keys and values out of range.
Result<Settings> with_yaml(Settings settings, std::string_view yaml, std::string_view source);
// Checks what single values cannot tell: a controller is named, paths are not empty, intervals rise.
Done check(const Settings& settings);
// As YAML: what --print-settings shows.
std::string text_of(const Settings& settings);

AgentSettings agent_settings(const Settings& settings);

}  // namespace agent::daemon
