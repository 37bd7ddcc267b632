#include "provision/run/run_events.h"

#include <array>
#include <boost/json.hpp>

#include "policies/vocabulary/json_text.h"

namespace provision::run {
namespace {

namespace json = boost::json;

constexpr std::array kinds = {std::pair{RunEventKind::Step, std::string_view("step")}, std::pair{RunEventKind::Moved, std::string_view("moved")},
                              std::pair{RunEventKind::Note, std::string_view("note")}, std::pair{RunEventKind::Done, std::string_view("done")},
                              std::pair{RunEventKind::Failed, std::string_view("failed")}};
// Six bytes of JSON for one of text, at worst.
constexpr std::size_t text_max = run_event_max / 8;

Error refused(std::string_view why) { return {ErrorCode::InvalidInput, "it is no event of a run: " + std::string(why), {}}; }

std::string text_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<Bytes> bytes_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return Bytes{static_cast<std::uint64_t>(value->get_int64())};
}

}  // namespace

std::string text_of(const RunEvent& event) {
  JsonText out;
  out.object();
  for (const auto& [kind, name] : kinds)
    if (kind == event.kind) out.key("event").text(name);
  switch (event.kind) {
    case RunEventKind::Step:
    case RunEventKind::Note: out.key("text").text(event.text.substr(0, text_max)); break;
    case RunEventKind::Moved: out.key("done_bytes").bytes(event.done).key("all_bytes").bytes(event.all); break;
    case RunEventKind::Done: out.key("outcome").text(event.outcome).key("machine").text(event.machine); break;
    case RunEventKind::Failed: out.key("cause").text(event.cause).key("text").text(event.text.substr(0, text_max)); break;
  }
  return out.end().finished();
}

Result<RunEvent> run_event_from(std::string_view line) {
  if (line.size() > run_event_max) return Error{ErrorCode::LimitExceeded, "an event of more than 64 KiB", {}};
  json::error_code problem;
  json::parse_options options;
  options.max_depth = 2;
  const json::value parsed = json::parse(json::string_view(line.data(), line.size()), problem, {}, options);
  if (problem || !parsed.is_object()) return refused("not a JSON object");
  const json::object& object = parsed.get_object();
  RunEvent event;
  const std::string name = text_in(object, "event");
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.second == name; });
  if (known == kinds.end()) return refused("its 'event' is not one that we know");
  event.kind = known->first;
  event.text = text_in(object, "text");
  event.outcome = text_in(object, "outcome");
  event.machine = text_in(object, "machine");
  event.cause = text_in(object, "cause");
  if (event.kind == RunEventKind::Moved) {
    const auto done = bytes_in(object, "done_bytes");
    const auto all = bytes_in(object, "all_bytes");
    if (!done || !all || *done > *all) return refused("done_bytes and all_bytes must be whole numbers, the first not above the second");
    event.done = *done;
    event.all = *all;
  }
  return event;
}

}  // namespace provision::run
