// Goal: the owner of rules, and the scripts around them, can rely on what leaseback-policy prints and how it ends. Method: whole
// commands on rules and orders written into a folder of the test's own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "policies/cli/commands.h"
#include "policies/terms/iana_zone.h"

namespace policies::cli {
namespace {

using command_line::ExitCode;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return *instant_from("2026-03-07T18:00:00Z"); }
};

struct Answer {
  ExitCode code;
  std::string out;
  std::string err;
};

Answer ask(std::vector<std::string> words) {
  const terms::IanaZoneRules zones;
  const FixedClock clock;
  const Ports ports{zones, clock};
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const ExitCode code = command_line::run_program(policy_program(ports), words, {in, out, err});
  return {code, out.str(), err.str()};
}

class PolicyCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "leaseback-policy-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (const auto& entry : std::filesystem::directory_iterator(LEASEBACK_SOURCE_DIR "/policies/rules"))
      std::filesystem::copy_file(entry.path(), folder_ / entry.path().filename());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The example order with `from` replaced by `to`, as a file.
  std::string order(const std::string& name, const std::string& from = "", const std::string& to = "") {
    std::ifstream stream(LEASEBACK_SOURCE_DIR "/provision/order/examples/home-alice.yaml");
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (!from.empty()) text.replace(text.find(from), from.size(), to);
    std::filesystem::create_directories(folder_ / "orders");
    const std::filesystem::path path = folder_ / "orders" / name;
    std::ofstream(path) << text;
    return path.string();
  }
  void spoil(const std::string& file, const std::string& from, const std::string& to) {
    std::ifstream stream(folder_ / file);
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    std::ofstream(folder_ / file) << text;
  }
  std::string rules() const { return folder_.string(); }

  std::filesystem::path folder_;
};

TEST_F(PolicyCommands, CheckListsSoundRules) {
  const Answer answer = ask({"rules", "check", rules()});
  EXPECT_EQ(answer.code, ExitCode::Done) << answer.err;
  EXPECT_NE(answer.out.find("terms   home-night"), std::string::npos) << answer.out;
  EXPECT_NE(answer.out.find("none at fault"), std::string::npos);
  EXPECT_EQ(answer.err, "");
}

TEST_F(PolicyCommands, CheckFailsWithThePlaceOfEveryFault) {
  spoil("terms-home-night.yaml", "disk_share_percent: 15", "disk_share_percent: 150");
  spoil("offer-home.yaml", "percent: 15", "percentage: 15");
  const Answer answer = ask({"rules", "check", rules()});
  EXPECT_EQ(answer.code, ExitCode::Failed);
  EXPECT_EQ(answer.out, "");
  EXPECT_NE(answer.err.find("terms-home-night.yaml:8:21: 'disk_share_percent' is '150', but must be 1 to 90"), std::string::npos) << answer.err;
  EXPECT_NE(answer.err.find("unknown key 'percentage'"), std::string::npos) << answer.err;
}

TEST_F(PolicyCommands, QuoteShowsABuyerWhatTheyGetAndGive) {
  const Answer answer = ask({"order", "quote", order("alice.yaml"), "--rules", rules()});
  EXPECT_EQ(answer.code, ExitCode::Done) << answer.err;
  for (const char* fact : {"729.00 USD", "-109.35 USD", "619.65 USD", "6 GB of 40 GB (15 %)", "23:00-07:00", "22:00-05:00", "750 MHz   1 GHz"})
    EXPECT_NE(answer.out.find(fact), std::string::npos) << fact << "\n" << answer.out;
}

TEST_F(PolicyCommands, QuoteOfADeclinedOrderLeasesNothing) {
  const Answer answer =
      ask({"order", "quote", order("no.yaml", "lease: open-until-first-boot", "lease: declined-at-order"), "--rules", rules()});
  EXPECT_EQ(answer.code, ExitCode::Done) << answer.err;
  EXPECT_NE(answer.out.find("Nothing is leased"), std::string::npos) << answer.out;
  EXPECT_EQ(answer.out.find("Discount"), std::string::npos) << answer.out;
  const Answer json = ask({"order", "quote", (folder_ / "orders" / "no.yaml").string(), "--rules", rules(), "--json"});
  EXPECT_NE(json.out.find("\"leased_disk_bytes\": 0"), std::string::npos) << json.out;
  EXPECT_NE(json.out.find("\"terms\": null"), std::string::npos) << json.out;
}

TEST_F(PolicyCommands, QuoteGoesOnAfterABadOrderAndSaysSoAtTheEnd) {
  const Answer some = ask({"order", "quote", order("bad.yaml", "disk: 20 GB", "disk: 20 GB or so"), order("good.yaml"), "--rules", rules()});
  EXPECT_EQ(some.code, ExitCode::PartlyDone);
  EXPECT_NE(some.err.find("bad.yaml:12:9: 'machine.disk'"), std::string::npos) << some.err;
  EXPECT_NE(some.out.find("Order home-alice"), std::string::npos);
  const Answer none = ask({"order", "quote", (folder_ / "orders" / "bad.yaml").string(), "--rules", rules()});
  EXPECT_EQ(none.code, ExitCode::Failed);
  EXPECT_EQ(ask({"order", "quote", (folder_ / "none.yaml").string(), "--rules", rules()}).code, ExitCode::Failed);
}

TEST_F(PolicyCommands, TermsFitOnATextConsole) {
  const Answer answer = ask({"terms", "show", "home-night", "--rules", rules()});
  EXPECT_EQ(answer.code, ExitCode::Done);
  std::istringstream lines(answer.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 76U) << line;
}

TEST_F(PolicyCommands, TermsThatAreNotThereAreNamedWithThoseThatAre) {
  const Answer answer = ask({"terms", "show", "home-day", "--rules", rules()});
  EXPECT_EQ(answer.code, ExitCode::Failed);
  EXPECT_EQ(answer.err, "leaseback-policy: there are no terms 'home-day'; there is: business-night, home-night\n");
}

TEST_F(PolicyCommands, WindowStartsNowAndShowsTheShortNightOfSpring) {
  const Answer answer = ask({"window", "show", "home-night", "--zone", "America/Chicago", "--days", "1", "--rules", rules()});
  EXPECT_EQ(answer.code, ExitCode::Done) << answer.err;
  EXPECT_NE(answer.out.find("Sat 2026-03-07 23:00 -06:00  Sun 2026-03-08 07:00 -05:00        7h"), std::string::npos) << answer.out;
  const Answer promised =
      ask({"window", "show", "home-night", "--zone", "America/Chicago", "--days", "1", "--hours", "promised", "--rules", rules(), "--json"});
  EXPECT_NE(promised.out.find("\"to\": \"2026-03-08T10:00:00Z\""), std::string::npos) << promised.out;
}

TEST_F(PolicyCommands, WindowRefusesAZoneThatIsNone) {
  const Answer answer = ask({"window", "show", "home-night", "--zone", "Chicago", "--rules", rules()});
  EXPECT_EQ(answer.code, ExitCode::Failed);
  EXPECT_NE(answer.err.find("America/Chicago"), std::string::npos);
}

TEST_F(PolicyCommands, RulesComeWithTheProgramWhenNoneAreNamed) { EXPECT_EQ(ask({"rules", "check"}).code, ExitCode::Done); }

}  // namespace
}  // namespace policies::cli
