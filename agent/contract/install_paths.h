// Where things stand on a customer's machine. Provisioning writes them there, the agent finds them there.
#pragma once

#include <string_view>

namespace agent::contract {

inline constexpr std::string_view program_folder = "/usr/lib/leaseback";         // leaseback-agent, leaseback-provision
inline constexpr std::string_view settings_folder = "/etc/leaseback";            // agent.yaml, authority.pem, terms
inline constexpr std::string_view state_folder = "/var/lib/leaseback";           // what the agent remembers; root alone
inline constexpr std::string_view device_key_name = "device.key";                // in the state folder
inline constexpr std::string_view voucher_name = "voucher.json";                 // in the state folder
inline constexpr std::string_view firmware_record_name = "firmware.json";        // in the state folder: what provisioning set, and what was there before
inline constexpr std::string_view terms_name = "terms.json";                     // in the settings folder: what is offered
inline constexpr std::string_view agent_settings_name = "agent.yaml";            // in the settings folder
inline constexpr std::string_view authority_name = "authority.pem";              // in the settings folder
inline constexpr std::string_view status_name = "status.json";                   // in the state folder; its "state" says "released" at the end
inline constexpr std::string_view release_folder = "/var/lib/leaseback-release"; // journal and papers of a release; stays with the owner
inline constexpr std::string_view unit_folder = "/usr/lib/systemd/system";

}  // namespace agent::contract
