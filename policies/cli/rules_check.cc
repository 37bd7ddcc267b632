// Says whether a folder of rules may ship, and what is in it.
#include <ostream>

#include "policies/cli/commands.h"
#include "policies/command_line/table.h"
#include "policies/loading/loading.h"
#include "policies/vocabulary/json_text.h"

namespace policies::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct RulesCheckOptions {
  std::string folder;
  bool json = false;
};

void declare(RulesCheckOptions& options, OptionList& list) {
  list.optional_word("DIR", options.folder, "folder of *.yaml rules (default: the rules shipped with this program)");
  list.json(options.json);
}

struct Line {
  std::string kind;
  std::string id;
  std::int64_t version;
  std::string dated;
  std::string title;
};

std::vector<Line> lines_of(const loading::Rules& rules) {
  std::vector<Line> lines;
  for (const auto& model : rules.models) lines.push_back({"model", model.id.text, model.version, model.dated, model.name});
  for (const auto& terms : rules.terms) lines.push_back({"terms", terms.id.text, terms.version, terms.dated, terms.title});
  for (const auto& offer : rules.offers) lines.push_back({"offer", offer.id.text, offer.version, offer.dated, offer.title});
  for (const auto& prices : rules.prices)
    lines.push_back({"prices", prices.id.text, prices.version, prices.dated, "all money in " + prices.currency.code});
  return lines;
}

Result<ExitCode> run(const RulesCheckOptions& options, Streams& streams) {
  const std::string folder = rules_folder(options.folder);
  Result<loading::Rules> rules = loading::load_rules(folder);
  if (!rules) return rules.error();
  const std::vector<Line> lines = lines_of(*rules);
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("folder").text(folder).key("rules").array();
    for (const Line& line : lines) {
      json.object().key("kind").text(line.kind).key("id").text(line.id).key("version").number(line.version);
      json.key("dated").text(line.dated).key("title").text(line.title).end();
    }
    streams.out << json.end().end().finished() << "\n";
    return ExitCode::Done;
  }
  command_line::Table table({{"KIND"}, {"ID"}, {"VERSION", command_line::Align::Right}, {"DATED"}, {"TITLE"}});
  for (const Line& line : lines) table.row({line.kind, line.id, std::to_string(line.version), line.dated, line.title});
  streams.out << table.text(streams.width) << "\n" << lines.size() << " rules in " << folder << ", none at fault.\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command rules_check_command() {
  return command_line::command<RulesCheckOptions>(
      {.noun = "rules",
       .verb = "check",
       .summary = "say whether a folder of rules may ship",
       .description = "Reads every *.yaml file of the folder and checks each value, each name that one rule uses of another, and that "
                      "nothing is given twice. All faults are printed as file:line:column with what is allowed.",
       .examples = {"leaseback-policy rules check policies/rules"},
       .exits = {{ExitCode::Failed, "at least one rule is at fault"}}},
      declare, run);
}

}  // namespace policies::cli
