#include "agent/presence/presence.h"

#include <boost/json.hpp>

#include "policies/terms/lease_window.h"

namespace agent::presence {
namespace {

constexpr std::string_view until_resumed = "until-resumed";

}  // namespace

Result<Calendar> Calendar::from_terms(std::string_view canonical, const policies::terms::ZoneRules& zones) {
  const std::string doing = "reading the lease hours from the terms";
  boost::json::error_code error;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(canonical.data(), canonical.size()), error);
  if (error || !value.is_object()) return Error{ErrorCode::InvalidInput, "the terms are not one JSON object", {doing}};
  const auto text = [&](const char* name) -> std::string {
    const boost::json::value* field = value.get_object().if_contains(name);
    if (field == nullptr || !field->is_string()) return {};
    return {field->get_string().data(), field->get_string().size()};
  };
  Result<policies::terms::DailyWindow> hours = policies::terms::daily_window_from(text("processor_hours"));
  if (!hours) return std::move(hours).error().within(doing);
  Result<const policies::terms::Zone*> zone = zones.zone(text("zone"));
  if (!zone) return std::move(zone).error().within(doing);
  return Calendar(*hours, **zone);
}

Presence Calendar::at(Instant now) const {
  const policies::terms::WindowState state = policies::terms::state_at(hours_, *zone_, now);
  Presence found;
  found.window = state.open ? Window::Open : Window::Closed;
  if (state.until) found.window_changes_at = *state.until;
  return found;
}

Result<Pause> pause_from(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text.empty()) return Pause{};
  if (text == until_resumed) return Pause{.paused = true, .until = std::nullopt};
  Result<Instant> until = instant_from(text);
  if (!until) return std::move(until).error().within("reading the pause");
  return Pause{.paused = true, .until = *until};
}

std::string text_of(const Pause& pause) {
  if (!pause.paused) return "";
  return pause.until ? policies::vocabulary::text_of(*pause.until) : std::string(until_resumed);
}

Presence presence(const Calendar* calendar, const Pause& pause, Instant now) {
  Presence found = calendar == nullptr ? Presence{} : calendar->at(now);
  const bool paused = pause.paused && (!pause.until || now < *pause.until);
  found.owner = paused ? Owner::Paused : Owner::Unknown;
  return found;
}

}  // namespace agent::presence
