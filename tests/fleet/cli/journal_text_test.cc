// Goal: what is exported is read, and balanced, by the tools that accountants use.
// Method: entries with awkward texts and several currencies; Debian's ledger and hledger judge the journal where they are
// installed, Python's csv reader the CSV.
#include "fleet/cli/journal_text.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

namespace json = boost::json;

json::object posting(const char* account, std::int64_t minor, const char* currency) {
  return {{"account", account}, {"amount", {{"minor", minor}, {"currency", currency}}}};
}

json::object entry(std::int64_t number, const char* text, json::array postings) {
  return {{"number", number},
          {"at", "2026-12-02T05:30:00Z"},
          {"natural_key", "key-" + std::to_string(number)},
          {"text", text},
          {"rule", "standard"},
          {"rule_version", 1},
          {"measurement", {{"kind", "owner-work"}, {"subject", "machine 3f"}, {"quantities", {{"occupied_ms_before", 0}, {"occupied_ms_after", 7200000}}}}},
          {"postings", std::move(postings)},
          {"previous_hash", std::string(64, '0')},
          {"hash", std::string(64, 'a')}};
}

json::array entries() {
  return {entry(1, "two hours of work", {posting("manufacturer:lease-cost", 125, "USD"), posting("owner:alice:payable", -125, "USD")}),
          entry(2, "awkward; \"quoted\", | and\nbroken  text", {posting("client:acme:receivable", 1, "USD"), posting("manufacturer:compute-income", -1, "USD")}),
          entry(3, "another currency", {posting("client:acme:receivable", 300, "EUR"), posting("manufacturer:compute-income", -300, "EUR")})};
}

struct Ran {
  int status = -1;
  std::string said;
};
Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  char block[4096];
  for (std::size_t got = 0; (got = fread(block, 1, sizeof block, pipe)) > 0;) ran.said.append(block, got);
  ran.status = pclose(pipe);
  return ran;
}

class JournalText : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "leaseback-journal-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string keep(const char* name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string folder_;
};

TEST_F(JournalText, LedgerReadsAndBalancesIt) {
  if (run("ledger --version").status != 0) GTEST_SKIP() << "ledger is not installed";
  const std::string path = keep("j", fleet::cli::journal_text(entries()));
  const Ran ran = run("ledger --args-only -f " + path + " balance --flat --no-total");
  ASSERT_EQ(ran.status, 0) << ran.said;
  EXPECT_NE(ran.said.find("-1.25 USD  owner:alice:payable"), std::string::npos) << ran.said;
  EXPECT_NE(run("ledger --args-only -f " + path + " balance").said.find("--------------------\n                   0\n"), std::string::npos);
  EXPECT_NE(run("ledger --args-only -f " + path + " stats").said.find("3"), std::string::npos);
}

TEST_F(JournalText, HledgerReadsAndBalancesIt) {
  if (run("hledger --version").status != 0) GTEST_SKIP() << "hledger is not installed";
  const std::string path = keep("j", fleet::cli::journal_text(entries()));
  const Ran checked = run("LC_ALL=C.UTF-8 hledger -f " + path + " check");
  EXPECT_EQ(checked.status, 0) << checked.said;
  const Ran ran = run("LC_ALL=C.UTF-8 hledger -f " + path + " balance --flat -N -O csv");
  ASSERT_EQ(ran.status, 0) << ran.said;
  EXPECT_NE(ran.said.find("\"owner:alice:payable\",\"-1.25 USD\""), std::string::npos) << ran.said;
}

TEST_F(JournalText, AnEntryThatDoesNotBalanceIsRefusedByBoth) {
  json::array broken = entries();
  broken[0].as_object()["postings"].as_array()[0] = posting("manufacturer:lease-cost", 126, "USD");
  const std::string path = keep("j", fleet::cli::journal_text(broken));
  if (run("ledger --version").status != 0 || run("hledger --version").status != 0) GTEST_SKIP() << "ledger or hledger is not installed";
  EXPECT_NE(run("ledger --args-only -f " + path + " balance").status, 0);
  EXPECT_NE(run("LC_ALL=C.UTF-8 hledger -f " + path + " check").status, 0);
}

TEST_F(JournalText, AStatementBalancesAlone) {
  if (run("hledger --version").status != 0) GTEST_SKIP() << "hledger is not installed";
  json::object line = entry(7, "two hours; of work", {});
  line["entry"] = 7;
  line["account"] = "owner:alice:payable";
  line["amount"] = {{"minor", -125}, {"currency", "USD"}};
  const json::object statement = {{"party", "alice"}, {"name", "Alice Ambrose"}, {"from", "2026-12-01T00:00:00Z"}, {"to", "2027-01-01T00:00:00Z"}, {"lines", {line}}};
  const std::string path = keep("s", fleet::cli::statement_journal(statement));
  const Ran ran = run("LC_ALL=C.UTF-8 hledger -f " + path + " balance --flat -N -O csv");
  ASSERT_EQ(ran.status, 0) << ran.said;
  EXPECT_NE(ran.said.find("\"owner:alice:payable\",\"-1.25 USD\""), std::string::npos) << ran.said;
}

TEST_F(JournalText, TheCsvIsReadBackAsWritten) {
  const std::string path = keep("c", fleet::cli::entries_csv(entries()));
  const Ran ran = run("python3 -c \"import csv,sys; r=list(csv.reader(open('" + path +
                      "',newline=''))); print(len(r), set(map(len,r)), r[3][3], r[3][4], repr(r[3][5]), r[5][3], r[5][4])\"");
  ASSERT_EQ(ran.status, 0) << ran.said;
  EXPECT_EQ(ran.said, "7 {10} 0.01 USD 'awkward; \"quoted\", | and\\nbroken  text' 3.00 EUR\n");
}

}  // namespace
