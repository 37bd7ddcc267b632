// How a program is asked and how it answers: `program noun verb [options]`, one uniform help, one set of exit codes,
// facts on standard output, diagnostics on standard error.
//
// One command = one .cc file (cli/machine_drain.cc): a plain options struct, `declare` which binds it to an OptionList, and
// `run`, which gets the filled options. main.cc builds the real ports, puts them into the commands, and returns
// `run_program(...)`. Example: policies/cli/order_quote.cc.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/command_line/exit_code.h"
#include "policies/command_line/option_list.h"
#include "policies/vocabulary/result.h"

namespace policies::command_line {
using namespace policies::vocabulary;

// Where a command reads and writes. `width` is the columns of the terminal, 0 when `out` is none: then nothing is wrapped.
struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::size_t width = 0;
};

// What the words mean, for people.
struct Explanation {
  std::string noun;                   // empty for a command of one word, such as `leaseback-agent run`
  std::string verb;
  std::string summary;                // one line, lower case, no full stop: "quote orders by the rules"
  std::string description;            // paragraphs; wrapped at 100 columns by the help
  std::vector<std::string> examples;  // whole command lines, at least one
  // When this command ends otherwise than the uniform list of exit codes says, e.g. {PartlyDone, "some orders failed"}.
  std::vector<std::pair<ExitCode, std::string>> exits;
};

struct Command {
  Explanation explanation;
  std::function<std::string()> usage_of_options;
  std::function<std::string()> help_of_options;
  // Parses, checks and runs. Errors of the command line come back with `usage` set.
  struct Outcome {
    Result<ExitCode> result;
    bool usage = false;
  };
  std::function<Outcome(std::span<const std::string> arguments, Streams& streams)> run;
};

// A command whose options are `Options` (default-constructible: its values are the defaults).
//   declare: void(Options&, OptionList&)
//   run:     Result<ExitCode>(const Options&, Streams&); an Error is printed as `program: text` and ends by exit_code_for
//   check:   Done(const Options&), optional: what must hold between options; its errors are usage errors
template <typename Options, typename Declare, typename Run>
Command command(Explanation explanation, Declare declare, Run run,
                std::function<Done(const Options&)> check = [](const Options&) { return Done(); }) {
  const auto described = [declare](std::string (OptionList::*text)() const) {
    Options options{};
    OptionList list;
    declare(options, list);
    return (list.*text)();
  };
  return Command{std::move(explanation), [described] { return described(&OptionList::usage); },
                 [described] { return described(&OptionList::help); },
                 [declare, run, check](std::span<const std::string> arguments, Streams& streams) -> Command::Outcome {
                   Options options{};
                   OptionList list;
                   declare(options, list);
                   if (Done parsed = list.parse(arguments); !parsed) return {parsed.error(), true};
                   if (Done checked = check(options); !checked) return {checked.error(), true};
                   return {run(std::as_const(options), streams), false};
                 }};
}

struct Program {
  std::string name;         // "leaseback-policy"
  std::string summary;      // one line: what it is for and for whom
  std::vector<Command> commands;
};

// `--help` anywhere prints help on `out` and is Done; no words at all print the program's help on `err` and are Usage.
// Never throws: what escapes a command is printed as a failure.
int run_program(const Program& program, int argc, const char* const* argv, std::ostream& out, std::ostream& err);
// The same with the words after the program's name and all streams given; for tests.
ExitCode run_program(const Program& program, std::span<const std::string> words, Streams streams);

// The texts of the help, for golden tests: of the program, of one command, and all of them one after the other.
std::string help_text(const Program& program);
std::string help_text(const Program& program, const Command& command);
std::string all_help_text(const Program& program);

}  // namespace policies::command_line
