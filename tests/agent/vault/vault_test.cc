// Goal: every shard that the vault acknowledged survives every cut of the power, and its files never exceed the budget
// of the lease. Method: a seeded workload over a disk in memory, cut at each mutating call in turn; a map of what was
// acknowledged is the judge.
#include "agent/vault/vault.h"

#include "agent/vault/record.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/random.h"
#include "tests/fakes/memory_files.h"

namespace agent::vault {
namespace {

using tests::fakes::MemoryFiles;

constexpr const char* folder = "/vault";
constexpr VaultLimits small{.budget = Bytes{24'000}, .segment_max = Bytes{3'000}, .shard_max = Bytes{1'000}};

std::string bytes_of(std::uint64_t seed, std::size_t size) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

ShardId id(int number) { return ShardId{"object/" + std::to_string(number)}; }

// What was acknowledged, and what may or may not have happened to the one shard under way.
struct Judge {
  std::map<ShardId, std::string> held;
  std::optional<ShardId> uncertain;
  std::string uncertain_bytes;
};

TEST(Vault, ReadsBackWhatItStored) {
  MemoryFiles files;
  Result<Vault> vault = Vault::open(files, folder, small);
  ASSERT_TRUE(vault);
  const std::string bytes = bytes_of(1, 700);
  ASSERT_TRUE(vault->store(id(1), images::keys::sha256(bytes), bytes));
  Result<std::string> read = vault->read(id(1));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, bytes);
  EXPECT_TRUE(vault->holds(id(1), images::keys::sha256(bytes)));
  EXPECT_EQ(vault->inventory().size(), 1U);
}

TEST(Vault, AnEmptyShardIsAShard) {
  MemoryFiles files;
  {
    Result<Vault> vault = Vault::open(files, folder, small);
    ASSERT_TRUE(vault->store(id(1), images::keys::sha256(""), ""));
  }
  Result<Vault> again = Vault::open(files, folder, small);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->read(id(1)), "");
}

TEST(Vault, StoringTheSameAgainWritesNothing) {
  MemoryFiles files;
  Result<Vault> vault = Vault::open(files, folder, small);
  const std::string bytes = bytes_of(1, 100);
  ASSERT_TRUE(vault->store(id(1), images::keys::sha256(bytes), bytes));
  const std::uint64_t calls = files.mutating_calls();
  EXPECT_TRUE(vault->store(id(1), images::keys::sha256(bytes), bytes));
  EXPECT_EQ(files.mutating_calls(), calls);
}

TEST(Vault, RefusesWrongDigestsOtherBytesAndShardsThatAreTooLarge) {
  MemoryFiles files;
  Result<Vault> vault = Vault::open(files, folder, small);
  const std::string bytes = bytes_of(1, 100);
  const std::string other = bytes_of(2, 100);
  EXPECT_EQ(vault->store(id(1), images::keys::sha256(other), bytes).error().code, ErrorCode::InvalidInput);
  ASSERT_TRUE(vault->store(id(1), images::keys::sha256(bytes), bytes));
  EXPECT_EQ(vault->store(id(1), images::keys::sha256(other), other).error().code, ErrorCode::AlreadyExists);
  const std::string large = bytes_of(3, 1'001);
  EXPECT_EQ(vault->store(id(2), images::keys::sha256(large), large).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(vault->read(id(9)).error().code, ErrorCode::NotFound);
  EXPECT_EQ(vault->remove(id(9)).error().code, ErrorCode::NotFound);
}

TEST(Vault, RefusesBeforeTheBudgetAndWritesNothingThen) {
  MemoryFiles files;
  Result<Vault> vault = Vault::open(files, folder, small);
  int stored = 0;
  for (;; ++stored) {
    const std::string bytes = bytes_of(static_cast<std::uint64_t>(stored), 900);
    const std::uint64_t calls = files.mutating_calls();
    const bool promised = vault->available().count >= bytes.size();
    Done done = vault->store(id(stored), images::keys::sha256(bytes), bytes);
    EXPECT_TRUE(done || !promised) << "available() promised more than there is";
    if (done) continue;
    EXPECT_EQ(done.error().code, ErrorCode::OutOfSpace);
    EXPECT_EQ(files.mutating_calls(), calls);
    break;
  }
  EXPECT_GT(stored, 15);
  EXPECT_LE(vault->used().count, small.budget.count);
}

TEST(Vault, DeletionGivesTheSpaceBack) {
  MemoryFiles files;
  Result<Vault> vault = Vault::open(files, folder, small);
  for (int round = 0; round < 20; ++round) {
    std::vector<int> stored;
    for (int number = round * 100; vault->available().count >= 900; ++number) {
      const std::string bytes = bytes_of(static_cast<std::uint64_t>(number), 900);
      ASSERT_TRUE(vault->store(id(number), images::keys::sha256(bytes), bytes)) << "round " << round;
      stored.push_back(number);
    }
    ASSERT_GT(stored.size(), 12U) << "round " << round;
    for (const int number : stored) ASSERT_TRUE(vault->remove(id(number))) << "round " << round;
  }
  EXPECT_TRUE(vault->inventory().empty());
  EXPECT_LE(files.used().count, small.budget.count);
}

TEST(Vault, TellsABitThatRotted) {
  MemoryFiles files;
  const std::string bytes = bytes_of(1, 500);
  const std::string next = bytes_of(2, 500);
  {
    Result<Vault> vault = Vault::open(files, folder, small);
    ASSERT_TRUE(vault->store(id(1), images::keys::sha256(bytes), bytes));
    ASSERT_TRUE(vault->store(id(2), images::keys::sha256(next), next));
  }
  files.flip_bit("/vault/00000001.log", head_size + id(1).text.size() + 17);
  Result<Vault> vault = Vault::open(files, folder, small);
  ASSERT_TRUE(vault);
  EXPECT_EQ(vault->read(id(1)).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(*vault->read(id(2)), next);
}

TEST(Vault, ErasesEverythingAtTheEndOfTheLease) {
  MemoryFiles files;
  Result<Vault> vault = Vault::open(files, folder, small);
  const std::string bytes = bytes_of(1, 500);
  ASSERT_TRUE(vault->store(id(1), images::keys::sha256(bytes), bytes));
  ASSERT_TRUE(vault->erase_all());
  EXPECT_EQ(files.used().count, 0U);
  EXPECT_TRUE(vault->inventory().empty());
}

TEST(Vault, RecordsHaveTheWrittenFormat) {
  Vault::Record record{.kind = RecordKind::Shard,
                       .shard = ShardId{"a/1"},
                       .sequence = 7,
                       .size = 3,
                       .digest = images::keys::sha256("abc"),
                       .bytes_crc = 0x364B3FB7};
  EXPECT_EQ(hex_of(record.head()),
            "4c425631"  // LBV1
            "01"
            "00"
            "0300"              // shard, id of 3
            "0700000000000000"  // sequence
            "0300000000000000"  // size
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            "b73f4b36"  // CRC-32C of abc
                + hex_of(record.head()).substr(120, 8) + "612f31");
  Result<Vault::Record> again = Vault::Record::from(record.head());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sequence, 7U);
  std::string broken = record.head();
  for (std::size_t at = 0; at < broken.size(); ++at) {
    broken[at] = static_cast<char>(broken[at] ^ 1);
    EXPECT_FALSE(Vault::Record::from(broken)) << at;
    broken[at] = static_cast<char>(broken[at] ^ 1);
  }
}

// Stores and deletes by a seed until the power is cut or the steps are done; the judge keeps what was acknowledged.
void live(Vault& vault, MemoryFiles& files, Judge& judge, std::uint64_t seed, int steps) {
  Random random(seed);
  for (int step = 0; step < steps; ++step) {
    const ShardId shard = id(static_cast<int>(random.below(30)));
    const bool held = judge.held.contains(shard);
    judge.uncertain = shard;
    if (held) {
      judge.uncertain_bytes = judge.held.at(shard);
      const Done removed = vault.remove(shard);
      if (!removed && files.is_off()) return;
      ASSERT_TRUE(removed) << removed.error().text();
      judge.held.erase(shard);
    } else {
      judge.uncertain_bytes = bytes_of(random.below(1'000'000), random.below(900));
      const Done stored = vault.store(shard, images::keys::sha256(judge.uncertain_bytes), judge.uncertain_bytes);
      if (!stored && files.is_off()) return;
      if (stored) judge.held[shard] = judge.uncertain_bytes;
      if (!stored) {
        ASSERT_EQ(stored.error().code, ErrorCode::OutOfSpace) << stored.error().text();
      }
    }
    judge.uncertain.reset();
    ASSERT_LE(files.used().count, small.budget.count) << "seed " << seed << " step " << step;
  }
}

void expect_kept(Vault& vault, const Judge& judge, const std::string& where) {
  for (const auto& [shard, bytes] : judge.held) {
    if (judge.uncertain == shard) continue;
    Result<std::string> read = vault.read(shard);
    ASSERT_TRUE(read) << where << ": " << shard.text << ": " << read.error().text();
    ASSERT_EQ(*read, bytes) << where << ": " << shard.text;
  }
  for (const HeldShard& held : vault.inventory()) {
    const bool known = judge.held.contains(held.shard) || judge.uncertain == held.shard;
    ASSERT_TRUE(known) << where << ": " << held.shard.text << " came back from the dead";
    ASSERT_EQ(images::keys::sha256(*vault.read(held.shard)), held.digest) << where;
  }
}

TEST(Vault, EveryAcknowledgedShardSurvivesEachCutOfThePower) {
  constexpr std::uint64_t seed = 11;
  constexpr int steps = 120;
  for (std::uint64_t cut = 1;; ++cut) {
    MemoryFiles files(cut);
    files.cut_at(cut);
    Judge judge;
    {
      Result<Vault> vault = Vault::open(files, folder, small);
      if (vault) live(*vault, files, judge, seed, steps);
      if (HasFatalFailure()) return;
    }
    if (!files.is_off()) {
      EXPECT_GT(cut, 200U);
      break;
    }
    files.power_on();
    const std::string where = "cut " + std::to_string(cut);
    Result<Vault> again = Vault::open(files, folder, small);
    ASSERT_TRUE(again) << where << ": " << again.error().text();
    expect_kept(*again, judge, where);
    if (HasFatalFailure()) return;
  }
}

TEST(Vault, LivesThroughManyCutsInOneLife) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    MemoryFiles files(seed);
    Random random(seed * 7919);
    Judge judge;
    for (int life = 0; life < 12; ++life) {
      files.cut_at(1 + random.below(60));
      {
        Result<Vault> vault = Vault::open(files, folder, small);
        if (vault) {
          if (life > 0) expect_kept(*vault, judge, "seed " + std::to_string(seed) + " life " + std::to_string(life));
          // What was under way is settled now, one way or the other.
          if (judge.uncertain) {
            judge.held.erase(*judge.uncertain);
            if (Result<std::string> read = vault->read(*judge.uncertain)) judge.held[*judge.uncertain] = *read;
            judge.uncertain.reset();
          }
          live(*vault, files, judge, random.below(1'000'000), 60);
        }
        if (HasFatalFailure()) return;
      }
      if (files.is_off()) files.power_on();
    }
  }
}

TEST(Vault, AFullDiskBelowTheBudgetLosesNothing) {
  MemoryFiles files;
  files.limit_space(Bytes{8'000});
  Result<Vault> vault = Vault::open(files, folder, small);
  std::map<ShardId, std::string> held;
  for (int number = 0; number < 20; ++number) {
    const std::string bytes = bytes_of(static_cast<std::uint64_t>(number), 900);
    if (vault->store(id(number), images::keys::sha256(bytes), bytes)) held[id(number)] = bytes;
  }
  EXPECT_GT(held.size(), 4U);
  EXPECT_LT(held.size(), 20U);
  Result<Vault> again = Vault::open(files, folder, small);
  ASSERT_TRUE(again);
  for (const auto& [shard, bytes] : held) EXPECT_EQ(*again->read(shard), bytes);
}

}  // namespace
}  // namespace agent::vault
