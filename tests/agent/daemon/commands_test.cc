// Goal: what people and scripts see of leaseback-agent: its help, its settings, its answers to the owner. Method:
// golden texts, and the commands run in this process over a folder like a machine's.
#include "agent/daemon/commands.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/daemon/command_opener.h"
#include "agent/daemon/command_releaser.h"
#include "agent/daemon/device_identity.h"
#include "agent/daemon/state_desk.h"
#include "agent/daemon/state_lock.h"
#include "agent/daemon/status_text.h"
#include "images/files/posix_files.h"
#include "images/keys/key_files.h"
#include "tests/agent/daemon/agent_rig.h"
#include "tests/golden/golden.h"

namespace agent::daemon {
namespace {

using policies::command_line::ExitCode;

struct Told {
  ExitCode code;
  std::string out;
  std::string err;
};

Told tell(const std::vector<std::string>& words, const std::string& typed = "") {
  std::istringstream in(typed);
  std::ostringstream out;
  std::ostringstream err;
  const ExitCode code = policies::command_line::run_program(agent_program(), words, {.in = in, .out = out, .err = err});
  return {code, out.str(), err.str()};
}

// The files that provisioning leaves on a machine.
class MachineFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "leaseback-agent-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
    state_ = folder_ + "/state";
    settings_ = folder_ + "/settings";
    std::filesystem::create_directories(state_);
    std::filesystem::create_directories(settings_);
    const Identity identity = rig_.identity();
    ASSERT_TRUE(images::keys::write_private_key(files_, state_ + "/device.key", identity.device_key));
    put(state_ + "/voucher.json", identity.voucher + "\n");
    put(settings_ + "/terms.json", contract::text_of(identity.terms));
    put(settings_ + "/authority.pem", identity.authority_pem);
    put(settings_ + "/agent.yaml", "# Written at manufacture.\ncontroller: \"https://controller.test:8443\"\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  static void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
  std::vector<std::string> here(std::vector<std::string> words) const {
    for (const std::string& word : {std::string("--state"), state_, std::string("--settings"), settings_})
      words.push_back(word);
    return words;
  }

  Rig rig_;
  images::files::PosixFiles files_;
  std::string folder_;
  std::string state_;
  std::string settings_;
};

TEST(AgentProgram, HelpIsWhatItWas) {
  tests::golden::expect_same("agent/help.txt", policies::command_line::all_help_text(agent_program()));
}

TEST(AgentProgram, SettingsAndTheirDefaultsAreWhatTheyWere) {
  tests::golden::expect_same("agent/settings.yaml", text_of(default_settings()));
}

TEST(Settings, ReadBackAsTheyArePrinted) {
  Settings settings = default_settings();
  settings.controller = "https://a \"quoted\" host";
  settings.release_command = {"/bin/release", "{order}"};
  settings.tasks_running_max = 7;
  settings.poll_first = Duration{250};
  Result<Settings> again = with_yaml(default_settings(), text_of(settings), "agent.yaml");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(text_of(*again), text_of(settings));
}

TEST(Settings, RefuseWhatTheyDoNotKnow) {
  for (const char* wrong : {"controler: x\n", "tasks_running_max: 0\n", "poll_first: fast\n", "release_command: []\n",
                            "cache_budget: 1 KiB\n", "log_level: loud\n"}) {
    Result<Settings> settings = with_yaml(default_settings(), wrong, "agent.yaml");
    ASSERT_FALSE(settings) << wrong;
    EXPECT_NE(settings.error().text().find("agent.yaml:"), std::string::npos) << settings.error().text();
  }
  Settings falling = default_settings();
  falling.controller = "https://c:1";
  EXPECT_TRUE(check(falling));
  falling.poll_interval = Duration{1};
  EXPECT_FALSE(check(falling));
  EXPECT_FALSE(check(default_settings())) << "no controller is named";
}

TEST_F(MachineFolder, OptionsWinOverTheFile) {
  const Told told = tell(here({"run", "--print-settings", "--controller", "https://other:1", "--vault", "/v"}));
  EXPECT_EQ(told.code, ExitCode::Done) << told.err;
  EXPECT_NE(told.out.find("controller: \"https://other:1\"\n"), std::string::npos) << told.out;
  EXPECT_NE(told.out.find("vault: \"/v\"\n"), std::string::npos);
  EXPECT_NE(told.out.find("state: \"" + state_ + "\"\n"), std::string::npos);
}

TEST_F(MachineFolder, FirstBootRecordsOneAnswerOnce) {
  EXPECT_EQ(tell(here({"first-boot"}), "").code, ExitCode::PartlyDone);
  EXPECT_FALSE(std::filesystem::exists(state_ + "/owner/consent.dsse"));
  const Told answered = tell(here({"first-boot"}), "2\nAlice Example\n");
  EXPECT_EQ(answered.code, ExitCode::Done) << answered.err;
  EXPECT_NE(answered.out.find("The terms."), std::string::npos);
  const Told again = tell(here({"first-boot"}), "1\nMallory\n");
  EXPECT_EQ(again.code, ExitCode::Done);
  EXPECT_TRUE(again.out.starts_with("The terms were declined at ")) << again.out;
  Result<std::optional<consent::Record>> record = consent::ConsentBook(files_, state_ + "/owner").read();
  ASSERT_TRUE(record && record->has_value());
  EXPECT_EQ((*record)->consent.choice, contract::Choice::Declined);
}

TEST_F(MachineFolder, FilesThatDoNotBelongTogetherAreRefused) {
  EXPECT_TRUE(read_identity(files_, state_, settings_));
  std::filesystem::remove(state_ + "/device.key");
  ASSERT_TRUE(images::keys::write_private_key(files_, state_ + "/device.key",
                                              *images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey)));
  EXPECT_EQ(read_identity(files_, state_, settings_).error().code, ErrorCode::Refused);
  const Told told = tell(here({"first-boot"}), "1\nA\n");
  EXPECT_EQ(told.code, ExitCode::Refused) << told.err;
}

TEST_F(MachineFolder, OtherTermsThanTheVouchersAreRefused) {
  contract::TermsDocument other = rig_.terms;
  other.canonical = R"({"processor_hours": "always", "zone": "UTC", "more": 1})";
  other.digest = images::keys::sha256(other.canonical);
  put(settings_ + "/terms.json", contract::text_of(other));
  EXPECT_EQ(read_identity(files_, state_, settings_).error().code, ErrorCode::Refused);
}

TEST_F(MachineFolder, PauseAndResumeReachTheDesk) {
  StateDesk desk(files_, state_, std::nullopt);
  EXPECT_EQ(desk.pause_text(), "");
  EXPECT_EQ(tell(here({"pause"})).code, ExitCode::Done);
  EXPECT_EQ(desk.pause_text(), "until-resumed");
  EXPECT_EQ(tell(here({"pause", "--until", "2027-01-01T08:00:00Z"})).code, ExitCode::Done);
  EXPECT_EQ(desk.pause_text(), "2027-01-01T08:00:00Z");
  EXPECT_EQ(tell(here({"resume"})).code, ExitCode::Done);
  EXPECT_EQ(desk.pause_text(), "");
}

TEST_F(MachineFolder, ARenewalAnswerIsForItsOfferOnly) {
  StateDesk desk(files_, state_, std::nullopt);
  EXPECT_EQ(tell(here({"renewal", "accept", "home-renewal"})).code, ExitCode::Done);
  EXPECT_EQ(desk.renewal_answer({.agreement = "a", .offer = "home-renewal", .text = "", .answer_by = {}}),
            contract::Choice::Accepted);
  EXPECT_EQ(desk.renewal_answer({.agreement = "a", .offer = "another", .text = "", .answer_by = {}}), std::nullopt);
}

TEST_F(MachineFolder, OneDaemonHoldsAStateFolder) {
  EXPECT_FALSE(StateLock::holder(state_));
  Result<StateLock> lock = StateLock::take(state_);
  ASSERT_TRUE(lock);
  // Locks are a process's own: another process must ask.
  const pid_t other = fork();
  if (other == 0) _exit(StateLock::holder(state_) == getppid() && !StateLock::take(state_) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
}

TEST_F(MachineFolder, StatusSaysWhatIsGoingOnInASentence) {
  EXPECT_EQ(tell(here({"status"})).code, ExitCode::Failed);
  AgentReport report{.phase = Phase::Leased, .agreement = "agreement-1"};
  report.presence = {
      .window = presence::Window::Open, .owner = presence::Owner::Unknown, .window_changes_at = rig_begin};
  report.running = 1;
  report.shards = 3;
  report.earned_minor = 480;
  report.currency = "USD";
  put(state_ + "/status.json", status_json(report, rig_begin));
  const Told told = tell(here({"status"}));
  EXPECT_EQ(told.code, ExitCode::Done) << told.err;
  EXPECT_TRUE(
      told.out.starts_with("The agent is not running. What follows is of 2027-01-15T08:00:00Z.\n1 leased task runs."))
      << told.out;
  EXPECT_NE(told.out.find("4.80 USD"), std::string::npos);
  EXPECT_EQ(tell(here({"status", "--json"})).out, status_json(report, rig_begin));
  report.presence.owner = presence::Owner::Paused;
  EXPECT_TRUE(status_for_people(status_json(report, rig_begin), true)->starts_with("You have paused leased work."));
}

TEST_F(MachineFolder, NoticesAreKeptForTheOwner) {
  std::filesystem::create_directories(state_ + "/owner");
  StateDesk desk(files_, state_, std::nullopt);
  desk.tell("Your lease ends on Sunday.");
  for (int i = 0; i < 30; ++i) desk.tell("Message " + std::to_string(i) + std::string(4'000, '.'));
  const std::string notices = *files_.read(state_ + "/owner/notices.txt", mebibytes(1));
  EXPECT_LE(notices.size(), 64U * 1024);
  EXPECT_NE(notices.find("Message 29."), std::string::npos);
}

contract::Receipt sample_receipt() {
  return {.kind = contract::ReceiptKind::Released,
          .serial = "PC-1",
          .machine = MachineId{std::string(64, 'a')},
          .order = OrderId{"o-1"},
          .table_before = images::keys::sha256("b"),
          .table_after = images::keys::sha256("a"),
          .freed = gibibytes(6),
          .owner_files_before = {},
          .owner_files_after = {},
          .key_slots_destroyed = true,
          .steps = {"done"},
          .done_at = ScriptedController::whole(rig_begin)};
}

TEST(Releaser, FindsTheReceiptInWhatTheReleasePrinted) {
  const std::string payload = contract::payload_of(sample_receipt());
  const images::keys::PrivateKey key = *images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey);
  const std::string dsse = *images::keys::sign_statement(contract::receipt_type, payload, key);
  for (const std::string& printed : {payload, payload + "\n", "Released.\n" + payload + "\n", dsse, dsse + "\n"}) {
    Result<contract::Receipt> receipt = receipt_in(printed);
    ASSERT_TRUE(receipt) << printed << receipt.error().text();
    EXPECT_EQ(receipt->freed, gibibytes(6));
  }
  for (const char* printed : {"", "{}", "done\n"}) EXPECT_FALSE(receipt_in(printed)) << printed;
}

class ReleaseCommand : public MachineFolder {
 protected:
  Result<contract::Receipt> release(std::vector<std::string> command, bool keeper) {
    Mailbox mailbox;
    CommandKeeper keeper_of_rights;
    CommandReleaser releaser(files_, mailbox, keeper_of_rights, state_, rig_.voucher.machine, command);
    if (keeper && !keeper_of_rights.keep_rights()) return Error{ErrorCode::Unavailable, "no keeper could be made", {}};
    releaser.begin_release("the order");
    std::deque<Mail> mails;
    for (int i = 0; i < 30 && mails.empty(); ++i) mails = mailbox.take(Duration{1'000});
    if (mails.empty()) return Error{ErrorCode::Unavailable, "no event came", {}};
    return std::get<DiskReleased>(std::get<Event>(mails.front())).receipt;
  }
};

TEST_F(ReleaseCommand, RunsTheProgramWithTheOrderAndTakesItsReceipt) {
  put(folder_ + "/payload", contract::payload_of(sample_receipt()) + "\n");
  for (const bool keeper : {false, true}) {
    Result<contract::Receipt> receipt = release({"/bin/sh", "-c", "test \"$(cat \"$1\")\" = 'the order' && cat \"$2\"",
                                                 "release", "{order}", folder_ + "/payload"},
                                                keeper);
    ASSERT_TRUE(receipt) << receipt.error().text();
    EXPECT_EQ(receipt->order.text, "o-1");
  }
}

class OpenCommand : public MachineFolder {
 protected:
  Result<partition::OpenAnswer> open(const std::vector<std::string>& command, const std::string& key, bool keeper) {
    Mailbox mailbox;
    CommandKeeper keeper_of_rights;
    keeper_of_rights.add({"/bin/false"});  // another command that the same keeper knows
    CommandOpener opener(mailbox, keeper_of_rights, "/vault", "", rig_.voucher.machine, command);
    if (keeper && !keeper_of_rights.keep_rights()) return Error{ErrorCode::Unavailable, "no keeper could be made", {}};
    opener.begin_open(key);
    std::deque<Mail> mails;
    for (int i = 0; i < 30 && mails.empty(); ++i) mails = mailbox.take(Duration{1'000});
    if (mails.empty()) return Error{ErrorCode::Unavailable, "no event came", {}};
    return std::get<PartitionAnswered>(std::get<Event>(mails.front())).answer;
  }
};

TEST_F(OpenCommand, GetsTheKeyOnItsStandardInputAndOnNoCommandLine) {
  const std::string key(64, '7');
  const std::vector<std::string> command = {"/bin/sh", "-c",
                                            "test \"$(cat)\" = " + key + " && test \"$1\" = /vault && test \"$2\" = root && "
                                            "printf '{\"state\": \"open\", \"by\": \"given-key\", \"capacity_bytes\": 7}'",
                                            "open", "{vault}", "{user}"};
  for (const bool keeper : {false, true}) {
    const auto answer = open(command, key, keeper);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_TRUE(answer->open);
    EXPECT_EQ(answer->capacity, Bytes{7});
    EXPECT_FALSE(open(command, "", keeper)) << "without the key";
  }
}

TEST_F(OpenCommand, WithoutAKeySaysWhatItNeeds) {
  for (const bool keeper : {false, true}) {
    const auto answer = open({"/bin/sh", "-c", "cat > /dev/null; printf '{\"state\": \"key-needed\", \"reason\": \"no TPM\"}'; exit 4"}, "", keeper);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_FALSE(answer->open);
    EXPECT_EQ(answer->reason, "no TPM");
  }
}

TEST_F(ReleaseCommand, AProgramThatFailsReleasedNothing) {
  put(folder_ + "/payload", contract::payload_of(sample_receipt()) + "\n");
  EXPECT_FALSE(release({"/bin/sh", "-c", "cat \"$1\"; exit 1", "release", folder_ + "/payload"}, false));
  EXPECT_FALSE(release({"/nowhere/at/all"}, false));
  EXPECT_FALSE(release({"/bin/true"}, true)) << "no receipt was printed";
}

TEST(Answers, OfTheControllerAreReadStrictly) {
  EXPECT_TRUE(nonce_from(R"({"nonce": "00", "authority_pem": "a", "controller_key_pem": "k"})"));
  EXPECT_FALSE(nonce_from(R"({"nonce": "00"})"));
  EXPECT_FALSE(nonce_from("[]"));
  Result<EnrolmentAnswer> leased = enrolment_answer_from(
      R"({"state": "leased", "certificate_pem": "c", "countersigned": "d", "terms": {"a": 1}, "agreement": "x"})");
  ASSERT_TRUE(leased);
  EXPECT_TRUE(leased->leased);
  EXPECT_EQ(leased->terms_json, R"({"a":1})");
  EXPECT_FALSE(enrolment_answer_from(R"({"state": "leased"})"));
  EXPECT_FALSE(enrolment_answer_from(R"({"state": "declined", "countersigned": "d"})"));
  EXPECT_FALSE(enrolment_answer_from(R"({"state": "perhaps"})"));
}

}  // namespace
}  // namespace agent::daemon
