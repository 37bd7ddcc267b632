// The terms on one page, in the words the customer sees.
#include <algorithm>
#include <ostream>

#include "policies/cli/commands.h"
#include "policies/command_line/table.h"
#include "policies/loading/loading.h"

namespace policies::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

constexpr std::size_t page_width = 76;

struct TermsShowOptions {
  std::string id;
  std::string rules;
  std::string zone = "UTC";
  std::int64_t version = 0;
  bool json = false;
};

void declare(TermsShowOptions& options, OptionList& list) {
  list.word("ID", options.id, "the terms' name");
  list.optional("version", "N", options.version, {0, 100'000}, "an earlier version; 0 is the newest");
  list.optional("zone", "ZONE", options.zone, "with --json: the zone that the text is for");
  declare_rules(options.rules, list);
  list.flag("json", options.json, "print the canonical text whose SHA-256 is the terms digest");
}

Result<ExitCode> run(const TermsShowOptions& options, const Ports& ports, Streams& streams) {
  Result<const terms::Zone*> zone = ports.zones.zone(options.zone);
  if (!zone) return zone.error();
  Result<loading::Rules> rules = loading::load_rules(rules_folder(options.rules));
  if (!rules) return rules.error();
  const auto version = options.version == 0 ? std::optional<std::int64_t>() : options.version;
  Result<const terms::Terms*> found = rules->find_terms(TermsId(options.id), version);
  if (!found) return found.error();
  if (options.json)
    streams.out << terms::canonical_text(**found, options.zone);
  else
    streams.out << command_line::wrapped(terms::plain_text(**found), page_width);
  return ExitCode::Done;
}

}  // namespace

command_line::Command terms_show_command(const Ports& ports) {
  return command_line::command<TermsShowOptions>(
      {.noun = "terms",
       .verb = "show",
       .summary = "print terms on one page, in plain language",
       .description = "Prints what the customer agrees to: what is leased and when, what is promised, for how long, and what breaks the "
                      "agreement. With --json, the exact text that consent records and vouchers digest.",
       .examples = {"leaseback-policy terms show home-night", "leaseback-policy terms show home-night --zone America/Chicago --json | sha256sum"},
       .exits = {}},
      declare, [&ports](const TermsShowOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace policies::cli
