#include "agent/daemon/commands.h"

#include "agent/contract/install_paths.h"
#include "images/files/posix_files.h"

namespace agent::daemon {

policies::command_line::Program agent_program() {
  return {"leaseback-agent",
          "furnishes what its owner leased, and nothing before they have agreed",
          {run_command_line(), first_boot_command(), status_command(), pause_command(), resume_command(),
           renewal_accept_command(), renewal_decline_command(), task_run_command()}};
}

void declare_place(Place& place, policies::command_line::OptionList& list) {
  list.optional("state", "DIR", place.state, "what the agent remembers (default: /var/lib/leaseback)");
  list.optional("settings", "DIR", place.settings, "terms.json, authority.pem, agent.yaml (default: /etc/leaseback)");
}

Result<Settings> settings_at(const Place& place) {
  Settings settings = default_settings();
  if (!place.settings.empty()) settings.settings_folder = place.settings;
  images::files::PosixFiles files;
  const std::string path = settings.settings_folder + "/" + std::string(contract::agent_settings_name);
  Result<std::string> yaml = files.read(path, kibibytes(256));
  if (yaml) {
    Result<Settings> read = with_yaml(settings, *yaml, path);
    if (!read) return read;
    settings = *std::move(read);
  } else if (yaml.error().code != ErrorCode::NotFound) {
    return std::move(yaml).error();
  }
  if (!place.state.empty()) settings.state_folder = place.state;
  return settings;
}

}  // namespace agent::daemon
