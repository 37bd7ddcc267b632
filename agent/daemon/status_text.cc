#include "agent/daemon/status_text.h"

#include <boost/json.hpp>

#include "policies/vocabulary/money.h"

namespace agent::daemon {
namespace {

namespace json = boost::json;

constexpr std::string_view window_names[] = {"unknown", "open", "closed"};
constexpr std::string_view owner_names[] = {"unknown", "present", "away", "paused"};

std::string sentence_for(const std::string& state, const std::string& owner, const std::string& window,
                         std::uint64_t tasks, const std::string& changes) {
  if (state == "awaiting-answer") return "The terms are not answered yet. Nothing of this machine is used.";
  if (state == "enrolling") return "Your answer is recorded. The machine is introducing itself to the controller.";
  if (state == "releasing" || state == "reporting") return "The leased space is being given back to you.";
  if (state == "released") return "Nothing of this machine is leased any more.";
  if (owner == "paused") return "You have paused leased work. Nothing runs.";
  if (tasks > 0) return std::to_string(tasks) + (tasks == 1 ? " leased task runs." : " leased tasks run.");
  if (window == "closed")
    return "Outside the leased hours: nothing runs." + (changes.empty() ? "" : " They begin at " + changes + ".");
  return window == "open" ? "Within the leased hours; no work has come."
                          : "The leased hours are not known. No work runs.";
}

std::string text_at(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string().data(), value->get_string().size())
                                                : std::string();
}

std::uint64_t number_at(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

}  // namespace

std::string status_json(const AgentReport& report, Instant now) {
  json::object object;
  object["state"] = std::string(name_of(report.phase));
  object["at"] = text_of(now);
  object["agreement"] = report.agreement;
  object["window"] = std::string(window_names[static_cast<std::size_t>(report.presence.window)]);
  object["owner"] = std::string(owner_names[static_cast<std::size_t>(report.presence.owner)]);
  const bool changes =
      report.presence.window != presence::Window::Unknown && report.presence.window_changes_at != Instant::max();
  object["window_changes_at"] = changes ? text_of(report.presence.window_changes_at) : std::string();
  object["tasks_running"] = report.running;
  object["tasks_queued"] = report.queued;
  object["tasks_done"] = report.tasks_done;
  object["shards_held"] = report.shards;
  object["vault_used_bytes"] = report.vault_used.count;
  object["vault_available_bytes"] = report.vault_available.count;
  object["sandbox"] = report.sandbox;
  object["sandbox_reason"] = report.sandbox_reason;
  object["earned"] = report.currency.empty()
                         ? json::value(nullptr)
                         : json::value(json::object{{"minor", report.earned_minor}, {"currency", report.currency}});
  object["renewal_offer"] = report.renewal_text;
  object["partition"] = report.partition;
  object["partition_reason"] = report.partition_reason;
  object["trouble"] = report.trouble;
  return json::serialize(object) + "\n";
}

Result<std::string> status_for_people(std::string_view text, bool running) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return Error{ErrorCode::Corrupt, "the daemon's status cannot be read", {}};
  const json::object& object = value.get_object();
  std::string out = sentence_for(text_at(object, "state"), text_at(object, "owner"), text_at(object, "window"),
                                 number_at(object, "tasks_running"), text_at(object, "window_changes_at")) +
                    "\n\n";
  if (!running) out = "The agent is not running. What follows is of " + text_at(object, "at") + ".\n" + out;
  const auto line = [&](const std::string& name, const std::string& what) {
    out += "  " + name + std::string(18 - name.size(), ' ') + what + "\n";
  };
  const json::value* earned = object.if_contains("earned");
  std::string sum = "not told yet";
  if (earned != nullptr && earned->is_object()) {
    const json::value* minor = earned->get_object().if_contains("minor");
    sum = Money(minor != nullptr && minor->is_int64() ? minor->get_int64() : 0,
                Currency{text_at(earned->get_object(), "currency")})
              .text();
  }
  line("Earned", sum);
  line("Tasks", std::to_string(number_at(object, "tasks_running")) + " running, " +
                    std::to_string(number_at(object, "tasks_queued")) + " queued, " +
                    std::to_string(number_at(object, "tasks_done")) + " done");
  line("Stored for others", std::to_string(number_at(object, "shards_held")) + " shards, " +
                                Bytes{number_at(object, "vault_used_bytes")}.text() + " used, " +
                                Bytes{number_at(object, "vault_available_bytes")}.text() + " free");
  const std::string partition = text_at(object, "partition");
  if (!partition.empty()) {
    const std::string why = text_at(object, "partition_reason");
    line("Partition", (partition == "sound" ? "present and sound" : partition) + (why.empty() ? "" : ": " + why));
  }
  line("Window", text_at(object, "window") + (text_at(object, "window_changes_at").empty()
                                                  ? ""
                                                  : ", changes at " + text_at(object, "window_changes_at")));
  line("Agreement", text_at(object, "agreement").empty() ? "none" : text_at(object, "agreement"));
  if (!text_at(object, "renewal_offer").empty()) line("Renewal offered", text_at(object, "renewal_offer"));
  if (!text_at(object, "trouble").empty()) line("Trouble", text_at(object, "trouble"));
  return out;
}

}  // namespace agent::daemon
