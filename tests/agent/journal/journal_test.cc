// Goal: a commit of the agent's journal is there wholly or not at all, whenever the power goes, and for ever once
// acknowledged. Method: a disk in memory that loses what was not synced, cut at each mutating call in turn.
#include "agent/journal/journal.h"

#include "tests/fakes/memory_files.h"

namespace agent::journal {
namespace {

using tests::fakes::MemoryFiles;

constexpr const char* path = "/state.journal";
constexpr Journal::Limits small{.file_max = mebibytes(1), .batch_max = kibibytes(64), .compact_after = Bytes{512}};

using Entries = std::map<std::string, std::string>;

TEST(Journal, ChecksumIsCastagnolis) { EXPECT_EQ(crc32c("123456789"), 0xE3069283U); }

TEST(Journal, FindsAgainWhatWasCommittedAndNothingElse) {
  MemoryFiles files;
  {
    Result<Journal> journal = Journal::open(files, path, {});
    ASSERT_TRUE(journal);
    journal->put("a", "1");
    journal->put("b", "2");
    ASSERT_TRUE(journal->commit());
    journal->erase("a");
    ASSERT_TRUE(journal->commit());
    journal->put("c", "never committed");
  }
  files.cut_power();
  Result<Journal> again = Journal::open(files, path, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->entries(), (Entries{{"b", "2"}}));
}

TEST(Journal, CommittingNothingNewWritesNothing) {
  MemoryFiles files;
  Result<Journal> journal = Journal::open(files, path, {});
  ASSERT_TRUE(journal);
  journal->put("a", "1");
  ASSERT_TRUE(journal->commit());
  const std::uint64_t calls = files.mutating_calls();
  journal->put("a", "1");
  journal->erase("unknown");
  ASSERT_TRUE(journal->commit());
  EXPECT_EQ(files.mutating_calls(), calls);
}

// One step of the workload: sets three entries together, erases an older one.
void work(Journal& journal, int step) {
  journal.put("step", std::to_string(step));
  journal.put("left/" + std::to_string(step % 5), std::string(40, static_cast<char>('a' + step % 26)));
  journal.put("right/" + std::to_string(step % 5), std::string(40, static_cast<char>('a' + step % 26)));
  if (step % 3 == 0) journal.erase("left/" + std::to_string((step + 1) % 5));
  if (step % 3 == 0) journal.erase("right/" + std::to_string((step + 1) % 5));
}

TEST(Journal, HoldsAWholeCommitAtEachCutOfThePower) {
  constexpr int steps = 40;
  for (std::uint64_t cut = 1;; ++cut) {
    MemoryFiles files(cut);
    files.cut_at(cut);
    int acknowledged = -1;
    std::vector<Entries> states;
    {
      Result<Journal> journal = Journal::open(files, path, small);
      for (int step = 0; journal && step < steps; ++step) {
        work(*journal, step);
        states.push_back(journal->entries());
        if (!journal->commit()) break;
        acknowledged = step;
      }
    }
    if (!files.is_off()) {
      EXPECT_GT(cut, 60U) << "the workload did not reach the disk often enough to prove anything";
      break;
    }
    files.power_on();
    Result<Journal> again = Journal::open(files, path, small);
    ASSERT_TRUE(again) << "cut " << cut << ": " << again.error().text();
    const Entries& found = again->entries();
    const Entries nothing;
    const Entries& last = acknowledged >= 0 ? states[static_cast<std::size_t>(acknowledged)] : nothing;
    const bool next = static_cast<std::size_t>(acknowledged + 1) < states.size() &&
                      found == states[static_cast<std::size_t>(acknowledged + 1)];
    EXPECT_TRUE(found == last || next) << "cut " << cut << " after step " << acknowledged;
    // And it goes on from there.
    again->put("after", "yes");
    ASSERT_TRUE(again->commit()) << "cut " << cut;
    Result<Journal> third = Journal::open(files, path, small);
    ASSERT_TRUE(third);
    EXPECT_EQ(third->entries(), again->entries()) << "cut " << cut;
  }
}

TEST(Journal, DoesNotGrowWithItsHistory) {
  MemoryFiles files;
  Result<Journal> journal = Journal::open(files, path, small);
  ASSERT_TRUE(journal);
  for (int step = 0; step < 1000; ++step) {
    journal->put("counter", std::to_string(step));
    ASSERT_TRUE(journal->commit());
  }
  EXPECT_LT(*files.size(path), 2048U);
  Result<Journal> again = Journal::open(files, path, small);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->find("counter"), "999");
}

TEST(Journal, RefusesAFileThatIsNotItsOwn) {
  MemoryFiles files;
  ASSERT_TRUE(files.replace(path, "something else entirely", images::files::Access::OwnerOnly));
  Result<Journal> journal = Journal::open(files, path, {});
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::Corrupt);
  EXPECT_EQ(*files.read(path, kibibytes(1)), "something else entirely");
}

TEST(Journal, AFlippedBitEndsTheJournalThereAndInventsNothing) {
  MemoryFiles files;
  std::vector<Entries> states = {{}};
  {
    Result<Journal> journal = Journal::open(files, path, {});
    ASSERT_TRUE(journal);
    for (int step = 0; step < 10; ++step) {
      work(*journal, step);
      ASSERT_TRUE(journal->commit());
      states.push_back(journal->entries());
    }
  }
  const std::string whole = *files.read(path, mebibytes(1));
  for (std::size_t at = 40; at < whole.size(); at += 7) {
    ASSERT_TRUE(files.replace(path, whole, images::files::Access::OwnerOnly));
    files.flip_bit(path, at);
    Result<Journal> journal = Journal::open(files, path, {});
    ASSERT_TRUE(journal) << at;
    EXPECT_NE(std::find(states.begin(), states.end(), journal->entries()), states.end()) << at;
  }
}

}  // namespace
}  // namespace agent::journal
