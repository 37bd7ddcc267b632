// Goal: a journal tells what was meant and done, whatever became of its last line, and lies to nobody who changed it.
// Method: write through files whose power is cut, then read; break single bytes and lines.
#include "provision/run/journal.h"

#include <gtest/gtest.h>

#include "tests/fakes/memory_files.h"

namespace provision::run {
namespace {

using tests::fakes::MemoryFiles;

const Instant noon = *instant_from("2026-11-21T12:00:00Z");

Entry entry(EntryKind kind, const std::string& step) {
  return {kind, step, {{"text", "say \"" + step + "\"\n"}}, noon};
}

std::string three_lines() {
  std::string text;
  std::string chain(64, '0');
  for (const char* step : {"one", "two", "three"}) {
    const std::string line = line_of(entry(EntryKind::Outcome, step), chain);
    chain = line.substr(0, 64);
    text += line;
  }
  return text;
}

TEST(Journal, GivesBackWhatWasWritten) {
  MemoryFiles files;
  auto journal = Journal::open(files, "/journal");
  ASSERT_TRUE(journal);
  ASSERT_TRUE(journal->add(entry(EntryKind::Intent, "lay out")));
  ASSERT_TRUE(journal->add(entry(EntryKind::Outcome, "lay out")));
  files.cut_power();
  const auto again = Journal::open(files, "/journal");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->entries(), journal->entries());
  EXPECT_TRUE(again->has(EntryKind::Outcome, "lay out"));
  EXPECT_FALSE(again->has(EntryKind::Failure, "lay out"));
}

TEST(Journal, KeepsEveryWholeEntryWhereverThePowerIsCut) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (std::uint64_t cut = 1; cut <= 6; ++cut) {
      MemoryFiles files(seed);
      auto journal = Journal::open(files, "/journal");
      ASSERT_TRUE(journal);
      files.cut_at(cut);
      std::size_t acknowledged = 0;
      for (const char* step : {"one", "two", "three"})
        acknowledged += journal->add(entry(EntryKind::Fact, step)) ? 1 : 0;
      files.power_on();
      files.cut_power();
      auto again = Journal::open(files, "/journal");
      ASSERT_TRUE(again) << "seed " << seed << " cut " << cut << ": " << again.error().text();
      EXPECT_GE(again->entries().size(), acknowledged) << "seed " << seed << " cut " << cut;
      ASSERT_TRUE(again->add(entry(EntryKind::Fact, "four")));
      EXPECT_TRUE(Journal::open(files, "/journal")->has(EntryKind::Fact, "four"));
    }
}

TEST(JournalText, DropsATornEnd) {
  const std::string text = three_lines();
  for (std::size_t kept = 0; kept < text.size(); ++kept) {
    const auto journal = journal_from(text.substr(0, kept));
    ASSERT_TRUE(journal) << kept << ": " << journal.error().text();
    EXPECT_LE(journal->entries.size(), 2U);
    EXPECT_LE(journal->whole_bytes, kept);
  }
  EXPECT_EQ(journal_from(text)->entries.size(), 3U);
}

TEST(JournalText, NamesTheLineThatWasChanged) {
  const std::string text = three_lines();
  const std::size_t second = text.find('\n') + 1;
  std::string changed = text;
  changed[second + 100] ^= 1;
  const auto journal = journal_from(changed);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::Corrupt);
  EXPECT_NE(journal.error().text().find("line 2"), std::string::npos);
}

TEST(JournalText, SeesALineThatIsMissing) {
  const std::string text = three_lines();
  const std::size_t second = text.find('\n') + 1;
  const std::size_t third = text.find('\n', second) + 1;
  EXPECT_FALSE(journal_from(text.substr(0, second) + text.substr(third) + text.substr(second)));
}

TEST(JournalText, RefusesWhatIsLargerThanAJournal) {
  const auto journal = journal_from(std::string(journal_size_max.count + 1, 'x'));
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace provision::run
