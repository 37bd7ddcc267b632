// Goal: an answer is recorded once, durably and signed, and never without the owner having given it. Method: scripted
// consoles, and a disk that is cut at each call that writes.
#include "agent/consent/consent.h"

#include <sstream>

#include "agent/consent/console_prompt.h"
#include "agent/consent/scripted_answers.h"
#include "images/keys/statement.h"
#include "tests/fakes/memory_files.h"

namespace agent::consent {
namespace {

using contract::Choice;
using images::keys::KeyKind;
using images::keys::PrivateKey;
using tests::fakes::MemoryFiles;

constexpr Instant now = Instant{Duration{1'800'000'000'123}};

contract::TermsDocument terms() { return {.text = "Terms.", .canonical = "{}", .digest = images::keys::sha256("{}")}; }

struct Console {
  std::optional<Answer> answer;
  std::string shown;
};

Console ask(const std::string& typed, const std::string& text = "These are the terms.") {
  std::istringstream in(typed);
  std::ostringstream out;
  Console console;
  console.answer = ask_on_console(text, "Do you accept?", in, out);
  console.shown = out.str();
  return console;
}

TEST(ConsolePrompt, TakesOneForAcceptAndTwoForDeclineInAsManySteps) {
  const Console accepted = ask("1\nAlice Example\n");
  const Console declined = ask("2\nAlice Example\n");
  ASSERT_TRUE(accepted.answer && declined.answer);
  EXPECT_EQ(accepted.answer->choice, Choice::Accepted);
  EXPECT_EQ(declined.answer->choice, Choice::Declined);
  EXPECT_EQ(accepted.answer->name, "Alice Example");
  EXPECT_EQ(std::count(accepted.shown.begin(), accepted.shown.end(), '\n'),
            std::count(declined.shown.begin(), declined.shown.end(), '\n'));
}

TEST(ConsolePrompt, RecordsNothingWithoutAnAnswer) {
  for (const char* typed :
       {"", "\n\n\n", "\n", "yes\n", "1", "1\n", "accept\naccept\n", "3\n0\n12\n1 2\nx\nx\nx\nx\nx\nx\n1\nAlice\n"}) {
    const Console console = ask(typed);
    const bool complete = std::string(typed) == "1\n" || std::string(typed) == "1";
    EXPECT_FALSE(console.answer) << "typed: " << typed << (complete ? " (the name was still asked)" : "");
    EXPECT_NE(console.shown.find("Nothing was recorded"), std::string::npos) << typed;
  }
}

TEST(ConsolePrompt, AsksAgainWithTheQuestionLast) {
  const Console console = ask("what?\n2\n\n");
  ASSERT_TRUE(console.answer);
  EXPECT_TRUE(console.answer->name.empty());
  const std::size_t first = console.shown.find("Do you accept?");
  EXPECT_NE(console.shown.find("Do you accept?", first + 1), std::string::npos);
}

TEST(ConsolePrompt, IsPlainTextOfAtMost76Columns) {
  const std::string terms_text =
      "A \x1b[31mred\x1b[0m word, a\ttab, and a line that goes on and on, well past the seventy-six columns of a "
      "console.\n\n" +
      std::string(200, 'w') +
      "\n  - an indented item whose text is long enough to be broken into two lines or more, as it is here\n" +
      "  Disk     6 GB      of 40 GB\n";
  const Console console = ask("2\n\n", terms_text);
  std::istringstream lines(console.shown);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 76U) << line;
    for (const char byte : line) EXPECT_GE(static_cast<unsigned char>(byte), 0x20) << line;
  }
  EXPECT_NE(console.shown.find("  Disk     6 GB      of 40 GB\n"), std::string::npos) << "columns are kept";
}

TEST(ConsentBook, TheFirstAnswerStands) {
  MemoryFiles files;
  ConsentBook book(files, "/owner");
  EXPECT_FALSE(book.read()->has_value());
  const PrivateKey key = *PrivateKey::generate(KeyKind::MachineKey);
  const MachineId machine{key.id().text};
  Result<Record> record = book.record(terms(), {.choice = Choice::Declined, .name = "Alice"}, machine, key, now);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(book.record(terms(), {.choice = Choice::Accepted, .name = "Alice"}, machine, key, now).error().code,
            ErrorCode::Conflict);
  files.cut_power();
  Result<std::optional<Record>> again = ConsentBook(files, "/owner").read();
  ASSERT_TRUE(again && again->has_value());
  EXPECT_EQ((*again)->consent.choice, Choice::Declined);
  EXPECT_EQ((*again)->consent.answered_by, "Alice");
  EXPECT_EQ((*again)->dsse, record->dsse);
}

TEST(ConsentBook, TheRecordIsSignedByTheMachineOverTheTermsThatWereShown) {
  MemoryFiles files;
  const PrivateKey key = *PrivateKey::generate(KeyKind::MachineKey);
  Result<Record> record =
      ConsentBook(files, "/owner")
          .record(terms(), {.choice = Choice::Accepted, .name = ""}, MachineId{key.id().text}, key, now);
  ASSERT_TRUE(record) << record.error().text();
  Result<images::keys::Statement> statement = images::keys::parse_statement(record->dsse);
  ASSERT_TRUE(statement);
  EXPECT_TRUE(images::keys::verify_statement(*statement, key.public_key(), contract::consent_type));
  Result<contract::Consent> consent = contract::consent_from(statement->payload);
  ASSERT_TRUE(consent) << consent.error().text();
  EXPECT_EQ(consent->terms_digest, terms().digest);
}

TEST(ConsentBook, ACutLeavesAnAnswerOrNoneButNeverHalfOfOne) {
  const PrivateKey key = *PrivateKey::generate(KeyKind::MachineKey);
  for (std::uint64_t cut = 1; cut <= 3; ++cut) {
    MemoryFiles files(cut);
    files.cut_at(cut);
    Result<Record> record =
        ConsentBook(files, "/owner")
            .record(terms(), {.choice = Choice::Accepted, .name = "A"}, MachineId{key.id().text}, key, now);
    if (files.is_off()) files.power_on();
    Result<std::optional<Record>> again = ConsentBook(files, "/owner").read();
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(!record || again->has_value()) << "acknowledged and lost";
  }
}

TEST(ConsentBook, KeepsOnlyACountersignatureOfItsOwnConsent) {
  MemoryFiles files;
  ConsentBook book(files, "/owner");
  const PrivateKey device = *PrivateKey::generate(KeyKind::MachineKey);
  const PrivateKey controller = *PrivateKey::generate(KeyKind::SigningKey);
  const PrivateKey stranger = *PrivateKey::generate(KeyKind::SigningKey);
  const std::string ours =
      book.record(terms(), {.choice = Choice::Accepted, .name = "A"}, MachineId{device.id().text}, device, now)->dsse;
  EXPECT_EQ(book.keep_countersigned(ours, device.public_key(), controller.public_key()).error().code,
            ErrorCode::Refused);
  const std::string by_stranger = *images::keys::countersign_statement(ours, stranger);
  EXPECT_EQ(book.keep_countersigned(by_stranger, device.public_key(), controller.public_key()).error().code,
            ErrorCode::Refused);
  const std::string other = *images::keys::sign_statement(contract::consent_type, "{}", device);
  EXPECT_EQ(book.keep_countersigned(*images::keys::countersign_statement(other, controller), device.public_key(),
                                    controller.public_key())
                .error()
                .code,
            ErrorCode::Refused);
  const std::string good = *images::keys::countersign_statement(ours, controller);
  EXPECT_TRUE(book.keep_countersigned(good, device.public_key(), controller.public_key()));
  EXPECT_EQ((*book.read())->countersigned, good);
}

TEST(ScriptedAnswers, SayAcceptDeclineOrNothing) {
  Result<ScriptedAnswers> answers =
      scripted_answers_from("terms: accept\nrenewal: decline\nname: Alice Example\n", "answers.yaml");
  ASSERT_TRUE(answers) << answers.error().text();
  EXPECT_EQ(answers->terms, Choice::Accepted);
  EXPECT_EQ(answers->renewal, Choice::Declined);
  EXPECT_EQ(answers->name, "Alice Example");
  Result<ScriptedAnswers> none = scripted_answers_from("name: Bob\n", "answers.yaml");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->terms || none->renewal);
  for (const char* wrong : {"terms: yes\n", "term: accept\n", "terms: [accept]\n", "terms: accept\nterms: decline\n"}) {
    Result<ScriptedAnswers> refused = scripted_answers_from(wrong, "answers.yaml");
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(refused.error().text().find("answers.yaml:"), std::string::npos) << refused.error().text();
  }
}

}  // namespace
}  // namespace agent::consent
