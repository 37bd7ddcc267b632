// Goal: all programs are asked and answer alike, and a command line is never half understood. Method: a program made up here,
// run with words as a shell would give them, its two streams and its exit code compared.
#include "policies/command_line/command.h"
#include "policies/command_line/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace policies::command_line {
namespace {

struct ShowOptions {
  std::string id;
  std::vector<std::string> files;
  std::string key;
  std::int64_t count = 3;
  std::string mode = "fast";
  std::vector<std::string> labels;
  std::optional<Instant> from;
  Bytes size = gibibytes(1);
  Duration wait = std::chrono::seconds(90);
  double share = 0.5;
  bool json = false;
};

void declare(ShowOptions& options, OptionList& list) {
  list.word("ID", options.id, "which one");
  list.optional_words("FILE", options.files, "more");
  list.required("key", "FILE", options.key, "the key to use");
  list.optional("count", "N", options.count, {1, 10}, "how many");
  list.choice("mode", options.mode, {"fast", "safe"}, "how");
  list.repeated("label", "TEXT", options.labels, "a label");
  list.optional("from", "TIME", options.from, "first instant");
  list.optional("size", "BYTES", options.size, "how large");
  list.optional("wait", "TIME", options.wait, "how long");
  list.optional("share", "X", options.share, "what part");
  list.json(options.json);
}

struct Answer {
  ExitCode code;
  std::string out;
  std::string err;
};

struct Demo {
  ShowOptions seen;
  bool ran = false;
  Result<ExitCode> outcome = ExitCode::Done;

  Program program() {
    const auto run = [this](const ShowOptions& options, Streams& streams) -> Result<ExitCode> {
      seen = options;
      ran = true;
      streams.out << "shown\n";
      return outcome;
    };
    Command show = command<ShowOptions>({"machine", "show", "show one machine", "Shows one machine.\n\nIn full.", {"demo machine show m1 --key k"}, {{ExitCode::Refused, "not yours"}}},
                                        declare, run, [](const ShowOptions& options) -> Done {
                                          if (options.mode == "safe" && options.count > 5) return Error{ErrorCode::InvalidInput, "safe mode counts to 5", {}};
                                          return {};
                                        });
    struct Nothing {};
    Command daemon = command<Nothing>({"", "run", "run for ever", "", {"demo run"}, {}}, [](Nothing&, OptionList&) {},
                                      [](const Nothing&, Streams&) -> Result<ExitCode> { throw std::runtime_error("escaped"); });
    return {"demo", "shows how programs answer", {show, daemon}};
  }

  Answer ask(std::vector<std::string> words) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const ExitCode code = run_program(program(), words, Streams{in, out, err});
    return {code, out.str(), err.str()};
  }
};

TEST(CommandLine, FillsTheOptions) {
  Demo demo;
  const Answer answer = demo.ask({"machine", "show", "m1", "a", "b", "--key", "k.pem", "--count=7", "--label", "x", "--label=y", "--from",
                                  "2026-11-21T00:00:00Z", "--size", "4 KiB", "--wait", "2h", "--share", "-0.25", "--json"});
  EXPECT_EQ(answer.code, ExitCode::Done) << answer.err;
  EXPECT_EQ(answer.out, "shown\n");
  EXPECT_EQ(demo.seen.id, "m1");
  EXPECT_EQ(demo.seen.files, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(demo.seen.key, "k.pem");
  EXPECT_EQ(demo.seen.count, 7);
  EXPECT_EQ(demo.seen.labels, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(text_of(*demo.seen.from), "2026-11-21T00:00:00Z");
  EXPECT_EQ(demo.seen.size, kibibytes(4));
  EXPECT_EQ(demo.seen.wait, std::chrono::hours(2));
  EXPECT_EQ(demo.seen.share, -0.25);
  EXPECT_TRUE(demo.seen.json);
}

TEST(CommandLine, KeepsTheDefaultsOfWhatIsLeftOut) {
  Demo demo;
  EXPECT_EQ(demo.ask({"machine", "show", "m1", "--key", "k"}).code, ExitCode::Done);
  EXPECT_EQ(demo.seen.count, 3);
  EXPECT_EQ(demo.seen.mode, "fast");
  EXPECT_FALSE(demo.seen.from.has_value());
  EXPECT_FALSE(demo.seen.json);
}

TEST(CommandLine, RefusesWhatItDoesNotUnderstand) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"m1"}, "option '--key FILE' is missing: the key to use"},
      {{"--key", "k"}, "ID is missing: which one"},
      {{"m1", "--key", "k", "--kount", "4"}, "unknown option '--kount'"},
      {{"m1", "--key", "k", "--cou", "4"}, "unknown option '--cou'"},
      {{"m1", "--key", "k", "-c", "4"}, "unknown option '-c'"},
      {{"m1", "--key", "k", "--count", "four"}, "option '--count': 'four' is not a whole number of 1 to 10"},
      {{"m1", "--key", "k", "--count", "11"}, "option '--count': '11' is not a whole number of 1 to 10"},
      {{"m1", "--key", "k", "--count", "5x"}, "option '--count': '5x' is not a whole number of 1 to 10"},
      {{"m1", "--key", "k", "--mode", "slow"}, "option '--mode': 'slow' is not one of fast|safe"},
      {{"m1", "--key", "k", "--key", "l"}, "option '--key' is given twice"},
      {{"m1", "--key", "k", "--json", "--json"}, "option '--json' is given twice"},
      {{"m1", "--key", "k", "--json=yes"}, "option '--json' takes no value"},
      {{"m1", "--key"}, "option '--key' needs a value"},
      {{"m1", "--key", "k", "--from", "noon"}, "option '--from': 'noon' is not a UTC time"},
      {{"m1", "--key", "k", "--share", "nan"}, "option '--share': 'nan' is not a number"},
      {{"m1", "--key", "k", "--mode", "safe", "--count", "6"}, "safe mode counts to 5"},
  };
  for (const auto& [arguments, message] : cases) {
    Demo demo;
    std::vector<std::string> words = {"machine", "show"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const Answer answer = demo.ask(words);
    EXPECT_EQ(answer.code, ExitCode::Usage) << message;
    EXPECT_FALSE(demo.ran) << message;
    EXPECT_EQ(answer.out, "");
    EXPECT_TRUE(answer.err.starts_with("demo: " + message)) << answer.err;
    EXPECT_NE(answer.err.find("Usage: demo machine show ID [FILE...] --key FILE [options]"), std::string::npos) << answer.err;
  }
}

TEST(CommandLine, TakesWordsThatLookLikeOptionsAfterTwoDashes) {
  Demo demo;
  EXPECT_EQ(demo.ask({"machine", "show", "--key", "k", "--", "-m1", "--help"}).code, ExitCode::Done);
  EXPECT_EQ(demo.seen.id, "-m1");
  EXPECT_EQ(demo.seen.files, (std::vector<std::string>{"--help"}));
}

TEST(CommandLine, TellsWhatThereIsWhenTheWordsAreWrong) {
  Demo demo;
  const Answer unknown = demo.ask({"machin", "show"});
  EXPECT_EQ(unknown.code, ExitCode::Usage);
  EXPECT_EQ(unknown.err, "demo: there is no 'machin'; there is:\n  machine show  show one machine\n  run           run for ever\n");
  EXPECT_EQ(demo.ask({"machine"}).err, "demo: 'machine' needs one more word:\n  machine show  show one machine\n");
  EXPECT_EQ(demo.ask({"machine", "drain"}).err, "demo: 'machine' has no 'drain'; there is:\n  machine show  show one machine\n");
  const Answer nothing = demo.ask({});
  EXPECT_EQ(nothing.code, ExitCode::Usage);
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(nothing.err, help_text(demo.program()));
}

TEST(CommandLine, HelpsOnStandardOutput) {
  Demo demo;
  const Answer program_help = demo.ask({"--help"});
  EXPECT_EQ(program_help.code, ExitCode::Done);
  EXPECT_EQ(program_help.out, help_text(demo.program()));
  const Answer command_help = demo.ask({"machine", "show", "--help"});
  EXPECT_EQ(command_help.code, ExitCode::Done);
  EXPECT_FALSE(demo.ran);
  EXPECT_EQ(command_help.out,
            "Usage: demo machine show ID [FILE...] --key FILE [options]\n"
            "\n"
            "Shows one machine.\n"
            "\n"
            "In full.\n"
            "\n"
            "  ID                which one\n"
            "  FILE...           more\n"
            "  --key FILE        the key to use (needed)\n"
            "  --count N         how many (default: 3)\n"
            "  --mode fast|safe  how (default: fast)\n"
            "  --label TEXT      a label (may be repeated)\n"
            "  --from TIME       first instant\n"
            "  --size BYTES      how large (default: 1 GiB)\n"
            "  --wait TIME       how long (default: 90s)\n"
            "  --share X         what part (default: 0.5)\n"
            "  --json            print the facts as one JSON document\n"
            "\n"
            "Example:\n"
            "  demo machine show m1 --key k\n"
            "\n"
            "Exit codes:\n"
            "  0  done\n"
            "  1  failed\n"
            "  2  usage: the command line was wrong, nothing was tried\n"
            "  3  partly done: run the same command again to finish\n"
            "  4  not yours\n");
}

TEST(CommandLine, EndsByTheKindOfError) {
  const std::vector<std::pair<ErrorCode, ExitCode>> cases = {{ErrorCode::Refused, ExitCode::Refused},
                                                             {ErrorCode::PermissionDenied, ExitCode::Refused},
                                                             {ErrorCode::Interrupted, ExitCode::PartlyDone},
                                                             {ErrorCode::InvalidInput, ExitCode::Failed},
                                                             {ErrorCode::Unavailable, ExitCode::Failed}};
  for (const auto& [error, code] : cases) {
    Demo demo;
    demo.outcome = Error{error, "it broke", {"reading m1"}};
    const Answer answer = demo.ask({"machine", "show", "m1", "--key", "k"});
    EXPECT_EQ(answer.code, code);
    EXPECT_EQ(answer.err, "demo: reading m1: it broke\n");
  }
}

TEST(CommandLine, TurnsAnEscapedExceptionIntoAFailure) {
  Demo demo;
  const Answer answer = demo.ask({"run"});
  EXPECT_EQ(answer.code, ExitCode::Failed);
  EXPECT_EQ(answer.err, "demo: unexpected failure: escaped\n");
}

TEST(Table, AlignsColumnsByWhatPeopleSee) {
  Table table({{"NAME"}, {"BYTES", Align::Right}});
  table.row({"Zo\xC3\xAB", "5"});
  table.row({"machine", "12345"});
  EXPECT_EQ(table.text(), "NAME     BYTES\nZo\xC3\xAB          5\nmachine  12345\n");
}

TEST(Table, WrapsItsWidestTextColumn) {
  Table table({{"ID"}, {"TEXT"}});
  table.row({"1", "one two three four five six seven"});
  EXPECT_EQ(table.text(20), "ID  TEXT\n1   one two three\n    four five six\n    seven\n");
}

TEST(Table, KeepsControlCharactersFromTheTerminal) {
  Table table({{""}});
  table.row({"a\x1B[2Jb\nc"});
  EXPECT_EQ(table.text(), "a?[2Jb?c\n");
}

TEST(Wrapped, KeepsParagraphsAndTheirIndent) {
  EXPECT_EQ(wrapped("one two three four\n\n  five six seven eight", 14), "one two three\nfour\n\n  five six\n  seven eight\n");
}

}  // namespace
}  // namespace policies::command_line
