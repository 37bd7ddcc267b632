// Tells the controller, by a file, what a line built.
#include <ostream>

#include "images/keys/key_files.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/line/line_export.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct LineExportOptions {
  std::string station;
  std::string out;
  std::optional<Instant> since;
  std::string escrow_key;
  std::string clock;
};

void declare(LineExportOptions& options, OptionList& list) {
  list.required("station", "DIR", options.station, "the line's folder");
  list.required("out", "FILE", options.out, "the file to write; replaced when it is there");
  list.optional("since", "INSTANT", options.since, "only what was made then or later");
  list.optional("escrow-key", "PEM", options.escrow_key, "the controller's escrow key (escrow.pub of its folder): adds the keys of lease partitions, sealed to it");
  declare_clock(options.clock, list);
}

Result<ExitCode> run(const LineExportOptions& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  const auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  line::ExportRequest request{options.since, std::nullopt};
  if (!options.escrow_key.empty()) {
    auto key = images::keys::read_public_key(ports.files, options.escrow_key);
    if (!key) return key.error().within("reading " + options.escrow_key);
    request.escrow_key = std::move(*key);
  }
  const Instant now = std::chrono::floor<std::chrono::seconds>(clock->clock->now());
  const auto items = line::items_to_export(*station, request, now);
  if (!items) return items.error();
  const auto line_key = station->line_key();
  if (!line_key) return line_key.error();
  const auto text = agent::contract::line_export_text(*items, station->line(), now, *line_key);
  if (!text) return text.error();
  const auto access = items->escrows.empty() ? images::files::Access::Everyone : images::files::Access::OwnerOnly;
  if (Done written = ports.files.replace(options.out, *text, access); !written) return written.error();
  streams.out << items->vouchers.size() << " vouchers, " << items->receipts.size() << " receipts and " << items->escrows.size() << " escrows in "
              << options.out << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command line_export_command(const Ports& ports) {
  return command_line::command<LineExportOptions>(
      {.noun = "line",
       .verb = "export",
       .summary = "write what a line built into one file for the controller",
       .description = "Vouchers and receipts of all finished runs, signed by the line's key as one file. For `leaseback-fleet voucher import`; "
                      "importing it again, or an older one, changes nothing, so that every evening's file may hold everything. With --escrow-key also the "
                      "keys of the lease partitions, which only the controller can open.",
       .examples = {"leaseback-provision line export --station /srv/line-1 --out line-1.export"},
       .exits = {}},
      declare, [&ports](const LineExportOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
