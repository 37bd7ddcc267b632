#include "policies/command_line/command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "policies/command_line/table.h"

namespace policies::command_line {
namespace {

constexpr std::size_t help_width = 100;

std::string words_of(const Command& command) {
  const Explanation& told = command.explanation;
  return told.noun.empty() ? told.verb : told.noun + " " + told.verb;
}

std::string_view meaning_of(ExitCode code) {
  switch (code) {
    case ExitCode::Done: return "done";
    case ExitCode::Failed: return "failed";
    case ExitCode::Usage: return "usage: the command line was wrong, nothing was tried";
    case ExitCode::PartlyDone: return "partly done: run the same command again to finish";
    case ExitCode::Refused: return "refused by policy";
  }
  std::abort();
}

std::string exit_codes_text(const std::vector<std::pair<ExitCode, std::string>>& special) {
  std::string text = "Exit codes:\n";
  for (const ExitCode code : {ExitCode::Done, ExitCode::Failed, ExitCode::Usage, ExitCode::PartlyDone, ExitCode::Refused}) {
    std::string meaning(meaning_of(code));
    for (const auto& [special_code, special_meaning] : special)
      if (special_code == code) meaning = special_meaning;
    text += "  " + std::to_string(static_cast<int>(code)) + "  " + meaning + "\n";
  }
  return text;
}

std::string listed(const Program& program, std::string_view noun) {
  Table table({{"", Align::Left}, {"", Align::Left}});
  for (const Command& command : program.commands)
    if (noun.empty() || command.explanation.noun == noun) table.row({"  " + words_of(command), command.explanation.summary});
  return table.text(help_width);
}

bool asks_for_help(std::span<const std::string> words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, "--help") != end;
}

// The command that the first one or two words name, and how many words that took.
std::pair<const Command*, std::size_t> chosen(const Program& program, std::span<const std::string> words) {
  for (const Command& command : program.commands) {
    const Explanation& told = command.explanation;
    if (told.noun.empty() && !words.empty() && words[0] == told.verb) return {&command, 1};
    if (!told.noun.empty() && words.size() > 1 && words[0] == told.noun && words[1] == told.verb) return {&command, 2};
  }
  return {nullptr, 0};
}

ExitCode print_unknown(const Program& program, std::span<const std::string> words, std::ostream& err) {
  const bool known_noun = std::any_of(program.commands.begin(), program.commands.end(), [&](const Command& command) {
    return !command.explanation.noun.empty() && command.explanation.noun == words[0];
  });
  if (known_noun && words.size() == 1) {
    err << program.name << ": '" << words[0] << "' needs one more word:\n" << listed(program, words[0]);
  } else if (known_noun) {
    err << program.name << ": '" << words[0] << "' has no '" << words[1] << "'; there is:\n" << listed(program, words[0]);
  } else {
    err << program.name << ": there is no '" << words[0] << "'; there is:\n" << listed(program, "");
  }
  return ExitCode::Usage;
}

ExitCode run_command(const Program& program, const Command& command, std::span<const std::string> arguments, Streams& streams) {
  const Command::Outcome outcome = command.run(arguments, streams);
  if (outcome.result) return *outcome.result;
  const Error& error = outcome.result.error();
  streams.out.flush();
  streams.err << program.name << ": " << error.text() << "\n";
  if (!outcome.usage) return exit_code_for(error.code);
  streams.err << "Usage: " << program.name << " " << words_of(command) << command.usage_of_options() << "\n"
              << "See: " << program.name << " " << words_of(command) << " --help\n";
  return ExitCode::Usage;
}

}  // namespace

std::string help_text(const Program& program) {
  std::string text = program.name + ": " + program.summary + "\n\nUsage:\n";
  text += listed(program, "");
  text += "\nEach command explains itself: " + program.name + " " + (program.commands.empty() ? "" : words_of(program.commands.front())) +
          " --help\n\n";
  if (!program.commands.empty() && !program.commands.front().explanation.examples.empty())
    text += "Example:\n  " + program.commands.front().explanation.examples.front() + "\n\n";
  return text + exit_codes_text({});
}

std::string help_text(const Program& program, const Command& command) {
  const Explanation& told = command.explanation;
  std::string text = "Usage: " + program.name + " " + words_of(command) + command.usage_of_options() + "\n\n";
  text += wrapped(told.description.empty() ? told.summary : told.description, help_width) + "\n";
  if (const std::string options = command.help_of_options(); !options.empty()) text += options + "\n";
  text += told.examples.size() > 1 ? "Examples:\n" : "Example:\n";
  for (const std::string& example : told.examples) text += "  " + example + "\n";
  return text + "\n" + exit_codes_text(told.exits);
}

std::string all_help_text(const Program& program) {
  std::string text = "$ " + program.name + " --help\n" + help_text(program);
  for (const Command& command : program.commands)
    text += "\n$ " + program.name + " " + words_of(command) + " --help\n" + help_text(program, command);
  return text;
}

ExitCode run_program(const Program& program, std::span<const std::string> words, Streams streams) {
  if (words.empty()) {
    streams.err << help_text(program);
    return ExitCode::Usage;
  }
  const auto [command, used] = chosen(program, words);
  if (asks_for_help(words)) {
    if (command != nullptr) {
      streams.out << help_text(program, *command);
      return ExitCode::Done;
    }
    if (words[0] == "--help") {
      streams.out << help_text(program);
      return ExitCode::Done;
    }
  }
  if (command == nullptr) return print_unknown(program, words, streams.err);
  try {
    return run_command(program, *command, words.subspan(used), streams);
  } catch (const std::exception& failure) {
    streams.err << program.name << ": unexpected failure: " << failure.what() << "\n";
    return ExitCode::Failed;
  }
}

int run_program(const Program& program, int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  Streams streams{std::cin, out, err};
  if (winsize size{}; &out == &std::cout && isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    streams.width = size.ws_col;
  const ExitCode code = run_program(program, words, streams);
  out.flush();
  if (code == ExitCode::Done && !out) {
    err << program.name << ": the output could not be written\n";
    return static_cast<int>(ExitCode::Failed);
  }
  return static_cast<int>(code);
}

}  // namespace policies::command_line
