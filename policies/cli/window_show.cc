// When leased work may run, as dates and local times: what "23:00-07:00" means on the days when the clocks change.
#include <ostream>

#include "policies/cli/commands.h"
#include "policies/command_line/table.h"
#include "policies/loading/loading.h"
#include "policies/terms/lease_window.h"
#include "policies/vocabulary/json_text.h"

namespace policies::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct WindowShowOptions {
  std::string terms;
  std::string zone;
  std::string rules;
  std::string hours = "processor";
  std::optional<Instant> from;
  std::int64_t days = 7;
  bool json = false;
};

void declare(WindowShowOptions& options, OptionList& list) {
  list.word("TERMS", options.terms, "the terms' name");
  list.required("zone", "ZONE", options.zone, "IANA time zone of the machine");
  list.optional("from", "TIME", options.from, "first instant, in UTC such as 2026-11-01T00:00:00Z (default: now)");
  list.optional("days", "N", options.days, {1, 3650}, "how many days of 24 hours");
  list.choice("hours", options.hours, {"processor", "powered", "promised"},
              "which hours: when work may run, when the machine must be on, or both at once");
  declare_rules(options.rules, list);
  list.json(options.json);
}

std::vector<terms::DailyWindow> wanted(const WindowShowOptions& options, const terms::Terms& rule) {
  if (options.hours == "powered") return {rule.powered_hours};
  if (options.hours == "promised") return terms::promised(rule);
  return {rule.processor_hours};
}

void print_table(const std::vector<terms::Span>& spans, const terms::Zone& zone, Streams& streams) {
  command_line::Table table({{"OPENS"}, {"CLOSES"}, {"OPEN FOR", command_line::Align::Right}});
  Duration total{};
  for (const terms::Span& span : spans) {
    table.row({local_text_with_offset(zone, span.from), local_text_with_offset(zone, span.to), text_of(Duration(span.to - span.from))});
    total += span.to - span.from;
  }
  streams.out << table.text(streams.width);
  streams.out << "\n" << spans.size() << (spans.size() == 1 ? " opening, " : " openings, ") << text_of(total) << " in all.\n";
}

Result<ExitCode> run(const WindowShowOptions& options, const Ports& ports, Streams& streams) {
  Result<const terms::Zone*> zone = ports.zones.zone(options.zone);
  if (!zone) return zone.error();
  Result<loading::Rules> rules = loading::load_rules(rules_folder(options.rules));
  if (!rules) return rules.error();
  Result<const terms::Terms*> rule = rules->find_terms(TermsId(options.terms));
  if (!rule) return rule.error();
  const Instant from = options.from.value_or(ports.clock.now());
  const std::vector<terms::Span> spans = openings(wanted(options, **rule), **zone, {from, from + std::chrono::days(options.days)});
  if (!options.json) {
    print_table(spans, **zone, streams);
    return ExitCode::Done;
  }
  JsonText json(JsonLayout::Indented);
  json.object().key("terms").id((*rule)->id).key("version").number((*rule)->version).key("zone").text(options.zone);
  json.key("hours").text(options.hours).key("openings").array();
  for (const terms::Span& span : spans) {
    json.object().key("from").instant(span.from).key("to").instant(span.to);
    json.key("from_local").text(local_text(**zone, span.from)).key("to_local").text(local_text(**zone, span.to)).end();
  }
  streams.out << json.end().end().finished() << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command window_show_command(const Ports& ports) {
  return command_line::command<WindowShowOptions>(
      {.noun = "window",
       .verb = "show",
       .summary = "print when the hours of terms are open in a time zone",
       .description = "Prints each opening in local time with its offset from UTC, so that the nights on which the clocks change can be "
                      "seen. Openings that began before the first instant, or end after the last, are cut there.",
       .examples = {"leaseback-policy window show home-night --zone America/Chicago --from 2026-10-30T12:00:00Z --days 4"},
       .exits = {}},
      declare, [&ports](const WindowShowOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace policies::cli
