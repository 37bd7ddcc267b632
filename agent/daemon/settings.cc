#include "agent/daemon/settings.h"

#include "agent/contract/install_paths.h"
#include "policies/loading/model_section.h"
#include "policies/loading/strict_yaml.h"

namespace agent::daemon {
namespace {

constexpr Bytes tebibyte = gibibytes(1024);
constexpr std::size_t path_max = 4096;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') out += '\\';
    out += byte;
  }
  return out + "\"";
}

}  // namespace

Settings default_settings() {
  Settings settings;
  settings.state_folder = contract::state_folder;
  settings.settings_folder = contract::settings_folder;
  settings.release_command = {std::string(contract::program_folder) + "/leaseback-provision", "disk", "release"};
  return settings;
}

Result<Settings> with_yaml(Settings settings, std::string_view yaml, std::string_view source) {
  Result<policies::loading::StrictYaml> parsed = policies::loading::StrictYaml::parse(yaml, std::string(source));
  if (!parsed) return std::move(parsed).error();
  policies::loading::Section root = parsed->root();
  const auto path = [&](const char* key, std::string& field) { field = root.text_or(key, field, {0, path_max}); };
  const auto bytes = [&](const char* key, Bytes& field, Bytes lowest) {
    field = root.bytes_or(key, field, {lowest, tebibyte});
  };
  const auto number = [&](const char* key, std::uint32_t& field, std::int64_t highest) {
    field = static_cast<std::uint32_t>(root.integer_or(key, field, {1, highest}));
  };
  path("controller", settings.controller);
  path("state", settings.state_folder);
  path("vault", settings.vault_folder);
  path("lease_partition", settings.lease_partition);
  path("clock", settings.clock_file);
  path("answers", settings.answers_file);
  path("user", settings.user);
  if (root.has("release_command")) settings.release_command = root.texts("release_command", {1, 32}, {1, path_max});
  if (root.has("lease_command")) settings.lease_command = root.texts("lease_command", {0, 32}, {1, path_max});
  if (root.has("lease_close_command")) settings.lease_close_command = root.texts("lease_close_command", {0, 32}, {1, path_max});
  settings.vault_budget =
      root.bytes_or("vault_budget", settings.vault_budget, {Bytes{0}, Bytes{tebibyte.count * 1024}});
  bytes("cache_budget", settings.cache_budget, mebibytes(1));
  bytes("task_memory_max", settings.task_memory_max, mebibytes(16));
  bytes("task_scratch_max", settings.task_scratch_max, mebibytes(1));
  number("tasks_running_max", settings.tasks_running_max, 1024);
  number("tasks_queued_max", settings.tasks_queued_max, 4096);
  settings.poll_first = root.duration_or("poll_first", settings.poll_first, {Duration{10}, Duration{3'600'000}});
  settings.poll_interval =
      root.duration_or("poll_interval", settings.poll_interval, {Duration{10}, Duration{86'400'000}});
  settings.poll_interval_max =
      root.duration_or("poll_interval_max", settings.poll_interval_max, {Duration{10}, Duration{604'800'000}});
  settings.exchange_timeout =
      root.duration_or("exchange_timeout", settings.exchange_timeout, {Duration{1'000}, Duration{600'000}});
  if (std::optional<policies::loading::Section> indicator = root.optional_section("indicator")) {
    settings.indicator_led = indicator->text("led", {0, 64});
    if (!settings.indicator_led.empty() && !policies::loading::is_led_name(settings.indicator_led))
      indicator->refuse("led", "'" + settings.indicator_led + "' is not the name of a LED in /sys/class/leds");
  }
  settings.log_level =
      root.one_of_or<std::string>("log_level", settings.log_level,
                                  {{"error", "error"}, {"warning", "warning"}, {"info", "info"}, {"debug", "debug"}});
  Done whole = parsed->finish();
  if (!whole) return whole.error();
  return settings;
}

Done check(const Settings& settings) {
  const auto invalid = [](std::string what) {
    return Error{ErrorCode::InvalidInput, std::move(what), {"checking the agent's settings"}};
  };
  if (settings.controller.empty())
    return invalid("no controller is named: set `controller` in agent.yaml or give --controller https://HOST:PORT");
  if (settings.state_folder.empty() || settings.vault_folder.empty())
    return invalid("the folders of state and vault must not be empty");
  if (settings.poll_interval < settings.poll_first || settings.poll_interval_max < settings.poll_interval) {
    return invalid("poll_first, poll_interval and poll_interval_max must not fall");
  }
  if (settings.release_command.empty())
    return invalid("release_command is empty: without it the disk could not be given back");
  if (settings.lease_command.empty() != settings.lease_close_command.empty())
    return invalid("lease_command and lease_close_command go together: what is opened must be closed before the disk is given back");
  return {};
}

std::string text_of(const Settings& settings) {
  std::string text;
  const auto line = [&](const char* key, const std::string& value) { text += std::string(key) + ": " + value + "\n"; };
  line("controller", quoted(settings.controller));
  line("state", quoted(settings.state_folder));
  line("vault", quoted(settings.vault_folder));
  line("lease_partition", quoted(settings.lease_partition));
  line("clock", quoted(settings.clock_file));
  line("answers", quoted(settings.answers_file));
  line("user", quoted(settings.user));
  const auto words = [&](const char* key, const std::vector<std::string>& command) {
    text += std::string(key) + ":" + (command.empty() ? " []" : "") + "\n";
    for (const std::string& word : command) text += "  - " + quoted(word) + "\n";
  };
  words("release_command", settings.release_command);
  words("lease_command", settings.lease_command);
  words("lease_close_command", settings.lease_close_command);
  line("vault_budget", settings.vault_budget.text());
  line("cache_budget", settings.cache_budget.text());
  line("task_memory_max", settings.task_memory_max.text());
  line("task_scratch_max", settings.task_scratch_max.text());
  line("tasks_running_max", std::to_string(settings.tasks_running_max));
  line("tasks_queued_max", std::to_string(settings.tasks_queued_max));
  line("poll_first", policies::vocabulary::text_of(settings.poll_first));
  line("poll_interval", policies::vocabulary::text_of(settings.poll_interval));
  line("poll_interval_max", policies::vocabulary::text_of(settings.poll_interval_max));
  line("exchange_timeout", policies::vocabulary::text_of(settings.exchange_timeout));
  text += "indicator:\n";
  line("  led", quoted(settings.indicator_led));
  line("log_level", settings.log_level);
  return text;
}

AgentSettings agent_settings(const Settings& settings) {
  AgentSettings made;
  made.state_folder = settings.state_folder;
  made.vault_folder = settings.vault_folder;
  made.vault_budget = settings.vault_budget;
  made.poll = {
      .first = settings.poll_first, .interval = settings.poll_interval, .interval_max = settings.poll_interval_max};
  made.engine.running_max = settings.tasks_running_max;
  made.engine.queue_max = settings.tasks_queued_max;
  made.engine.cache_budget = settings.cache_budget;
  made.engine.memory_max = settings.task_memory_max;
  made.engine.scratch_max = settings.task_scratch_max;
  made.running_ceiling = settings.tasks_running_max;
  made.queue_ceiling = settings.tasks_queued_max;
  return made;
}

}  // namespace agent::daemon
