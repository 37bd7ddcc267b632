// links: agent_daemon
#include "agent/consent/scripted_answers.h"
#include "agent/daemon/settings.h"

// What people write into agent.yaml and answers.yaml: an error, or settings that print and read back as themselves.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agent::daemon;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(agent::consent::scripted_answers_from(text, "answers.yaml").has_value());
  const Result<Settings> settings = with_yaml(default_settings(), text, "agent.yaml");
  if (!settings) return 0;
  const Result<Settings> again = with_yaml(default_settings(), text_of(*settings), "agent.yaml");
  invariant(again && text_of(*again) == text_of(*settings), "settings read back as they are printed");
  return 0;
}
