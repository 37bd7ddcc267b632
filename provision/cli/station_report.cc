// What a line did, in figures.
#include <fmt/format.h>

#include <ostream>

#include "policies/command_line/table.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/commands.h"
#include "provision/line/station_record.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct Options {
  std::string station;
  bool json = false;
};

void declare(Options& options, OptionList& list) {
  list.required("station", "DIR", options.station, "the line's folder");
  list.json(options.json);
}

void counts(JsonText& json, std::string_view key, const std::map<std::string, std::uint64_t>& counted) {
  json.key(key).object();
  for (const auto& [name, count] : counted) json.key(name).number(static_cast<std::int64_t>(count));
  json.end();
}

void print_json(const run::Station& station, const line::StationReport& report, Streams& streams) {
  JsonText json(JsonLayout::Indented);
  const auto instant = [&](std::string_view key, const std::optional<Instant>& value) {
    json.key(key);
    value ? json.instant(*value) : json.null();
  };
  const auto duration = [&](std::string_view key, const std::optional<Duration>& value) {
    json.key(key);
    value ? json.number(value->count()) : json.null();
  };
  json.object().key("line").text(station.line());
  instant("first", report.first);
  instant("last", report.last);
  counts(json, "runs", report.runs);
  json.key("attempts").number(static_cast<std::int64_t>(report.attempts));
  counts(json, "outcomes", report.outcomes);
  duration("fastest_milliseconds", report.fastest);
  duration("median_milliseconds", report.median);
  duration("slowest_milliseconds", report.slowest);
  json.key("failures").array();
  for (const auto& [cause, failures] : report.causes)
    json.object().key("cause").text(cause).key("count").number(static_cast<std::int64_t>(failures.count)).key("last").instant(failures.last).key("last_reason").text(failures.last_reason).end();
  streams.out << json.end().end().finished() << "\n";
}

void print(const run::Station& station, const line::StationReport& report, Streams& streams) {
  streams.out << "line " << station.line() << "\n";
  for (const auto& [name, count] : report.runs) streams.out << fmt::format("{:>6} {}\n", count, name);
  if (report.first && report.last) {
    streams.out << fmt::format("{} attempts of the line from {} to {}:", report.attempts, text_of(*report.first), text_of(*report.last));
    for (const auto& [name, count] : report.outcomes) streams.out << fmt::format(" {} {}", count, name);
    streams.out << "\n";
  }
  if (report.median)
    streams.out << fmt::format("time of a disk: fastest {:.1f} s, median {:.1f} s, slowest {:.1f} s\n", static_cast<double>(report.fastest->count()) / 1000,
                               static_cast<double>(report.median->count()) / 1000, static_cast<double>(report.slowest->count()) / 1000);
  command_line::Table table({{"failures", command_line::Align::Right}, {"cause"}, {"last"}, {"last reason"}});
  for (const auto& [cause, failures] : report.causes) table.row({std::to_string(failures.count), cause, text_of(failures.last), failures.last_reason});
  if (!table.empty()) streams.out << table.text(streams.width);
}

Result<ExitCode> run(const Options& options, const Ports& ports, Streams& streams) {
  const auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  const auto runs = station->runs();
  if (!runs) return runs.error();
  auto attempts = line::attempts_of(*station);
  if (!attempts) return attempts.error();
  const line::StationReport report = line::report_of(*runs, std::move(*attempts));
  options.json ? print_json(*station, report, streams) : print(*station, report, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command station_report_command(const Ports& ports) {
  return command_line::command<Options>(
      {.noun = "station",
       .verb = "report",
       .summary = "count what a line did",
       .description = "Runs by their state; the attempts of `line run` with their outcomes and times; failures by cause, with the last one's reason.",
       .examples = {"leaseback-provision station report --station /srv/line-1"},
       .exits = {}},
      declare, [&ports](const Options& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
