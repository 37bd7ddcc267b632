// Goal: what leaseback-policy tells people changes only when somebody means it to. Method: its help, a buyer's page, the terms
// and a night on which the clocks change, each held against a file.
#include <sstream>

#include "policies/cli/commands.h"
#include "policies/terms/iana_zone.h"
#include "tests/golden/golden.h"

namespace policies::cli {
namespace {

using command_line::ExitCode;

class NoClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return *instant_from("2026-11-21T12:00:00Z"); }
};

std::string asked(std::vector<std::string> words) {
  const terms::IanaZoneRules zones;
  const NoClock clock;
  const Ports ports{zones, clock};
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const ExitCode code = command_line::run_program(policy_program(ports), words, {in, out, err});
  EXPECT_EQ(code, ExitCode::Done) << err.str();
  return out.str();
}

const std::string rules = LEASEBACK_SOURCE_DIR "/policies/rules";
std::string example(const std::string& name) { return LEASEBACK_SOURCE_DIR "/provision/order/examples/" + name + ".yaml"; }

TEST(PolicyGolden, Help) {
  const terms::IanaZoneRules zones;
  const NoClock clock;
  const Ports ports{zones, clock};
  tests::golden::expect_same("policy/help.txt", all_help_text(policy_program(ports)));
}

TEST(PolicyGolden, Quote) {
  tests::golden::expect_same("policy/quote.txt", asked({"order", "quote", example("home-alice"), example("business-dan"),
                                                        example("home-frank-retrofit"), example("business-grace"),
                                                        example("home-henry-declined"), "--rules", rules}));
}

TEST(PolicyGolden, QuoteAsJson) {
  tests::golden::expect_same("policy/quote.json", asked({"order", "quote", example("home-alice"), "--rules", rules, "--json"}));
}

TEST(PolicyGolden, Terms) {
  tests::golden::expect_same("policy/terms.txt", asked({"terms", "show", "home-night", "--rules", rules}));
}

// A change here changes the digest that customers sign: ship it as a new version of the terms.
TEST(PolicyGolden, CanonicalTerms) {
  tests::golden::expect_same("policy/terms.json",
                             asked({"terms", "show", "home-night", "--rules", rules, "--zone", "America/Chicago", "--json"}));
}

TEST(PolicyGolden, Window) {
  tests::golden::expect_same("policy/window.txt", asked({"window", "show", "home-night", "--zone", "America/Chicago", "--from",
                                                         "2026-10-30T12:00:00Z", "--days", "4", "--rules", rules}));
}

}  // namespace
}  // namespace policies::cli
