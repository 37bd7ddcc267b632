// Goal: the partition is opened by the TPM, else by the controller's key, and a machine that cannot open it says why and tries again,
// never in a circle. Method: the decisions are pure; each story is told step by step.
#include "agent/partition/opening.h"

#include <gtest/gtest.h>

namespace agent::partition {
namespace {

const std::string key(64, 'a');
const OpenAnswer opened{.open = true, .reason = {}, .by = "tpm", .capacity = Bytes{1000}};
const OpenAnswer wanting{.open = false, .reason = "the TPM refuses the key", .by = {}, .capacity = {}};

TEST(Opening, IsDoneWhenTheTpmOpensIt) {
  Opening opening;
  EXPECT_EQ(opening.next(Duration{0}), Wish::RunCommand);
  EXPECT_EQ(opening.next(Duration{0}), Wish::Nothing) << "one thing at a time";
  EXPECT_EQ(opening.take_key(), "");
  opening.command_ended(opened, Duration{5});
  EXPECT_EQ(opening.standing(), Standing::Sound);
  EXPECT_EQ(opening.capacity(), Bytes{1000});
  EXPECT_EQ(opening.next(Duration{1'000'000}), Wish::Nothing);
  EXPECT_EQ(opening.wait(Duration{5}), Duration::max());
}

TEST(Opening, AsksForTheKeyWhenTheTpmRefusesAndUsesItOnce) {
  Opening opening;
  ASSERT_EQ(opening.next(Duration{0}), Wish::RunCommand);
  opening.command_ended(wanting, Duration{1});
  EXPECT_EQ(opening.standing(), Standing::Opening);
  ASSERT_EQ(opening.next(Duration{1}), Wish::AskForKey);
  opening.key_arrived(key, Duration{2});
  ASSERT_EQ(opening.next(Duration{2}), Wish::RunCommand);
  EXPECT_EQ(opening.take_key(), key);
  EXPECT_EQ(opening.take_key(), "") << "it is not kept";
  opening.command_ended(opened, Duration{3});
  EXPECT_EQ(opening.standing(), Standing::Sound);
}

TEST(Opening, OfflineItSaysWhyAndTriesAgainWithGrowingPauses) {
  Opening opening({.first = Duration{100}, .longest = Duration{300}});
  Duration now{0};
  std::vector<std::int64_t> pauses;
  for (int attempt = 0; attempt < 4; ++attempt) {
    ASSERT_EQ(opening.next(now), Wish::RunCommand) << attempt;
    opening.command_ended(wanting, now);
    ASSERT_EQ(opening.next(now), Wish::AskForKey) << attempt;
    opening.key_arrived(Error{ErrorCode::Unavailable, "no answer", {}}, now);
    EXPECT_EQ(opening.standing(), Standing::Unavailable);
    EXPECT_EQ(opening.reason(), "the TPM refuses the key; no answer");
    EXPECT_EQ(opening.next(now), Wish::Nothing);
    pauses.push_back(opening.wait(now).count());
    now += opening.wait(now);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{100, 200, 300, 300}));
}

TEST(Opening, AKeyThatDoesNotFitIsNotAskedForInACircle) {
  Opening opening({.first = Duration{100}, .longest = Duration{300}});
  ASSERT_EQ(opening.next(Duration{0}), Wish::RunCommand);
  opening.command_ended(wanting, Duration{0});
  ASSERT_EQ(opening.next(Duration{0}), Wish::AskForKey);
  opening.key_arrived(key, Duration{0});
  ASSERT_EQ(opening.next(Duration{0}), Wish::RunCommand);
  EXPECT_EQ(opening.take_key(), key);
  opening.command_ended(wanting, Duration{0});
  EXPECT_EQ(opening.standing(), Standing::Unavailable);
  EXPECT_EQ(opening.next(Duration{0}), Wish::Nothing);
  EXPECT_EQ(opening.next(Duration{100}), Wish::RunCommand);
}

TEST(Opening, ReadsWhatTheCommandSays) {
  const auto open = open_answer_from(0, R"({"state": "open", "by": "tpm", "mounted": "/vault", "capacity_bytes": 4096, "reason": "", "notes": []})");
  ASSERT_TRUE(open) << open.error().text();
  EXPECT_TRUE(open->open);
  EXPECT_EQ(open->by, "tpm");
  EXPECT_EQ(open->capacity, Bytes{4096});
  const auto needed = open_answer_from(4, R"({"state": "key-needed", "reason": "this machine has no TPM 2.0"})");
  ASSERT_TRUE(needed);
  EXPECT_FALSE(needed->open);
  EXPECT_EQ(needed->reason, "this machine has no TPM 2.0");
  EXPECT_EQ(open_answer_from(1, "").error().code, ErrorCode::Unavailable);
  EXPECT_EQ(open_answer_from(4, "").error().code, ErrorCode::Refused) << "the given key did not fit";
  for (const char* bad : {"", "[]", "{}", R"({"state": "key-needed"})", R"({"state": 1})"}) EXPECT_EQ(open_answer_from(0, bad).error().code, ErrorCode::Corrupt) << bad;
  EXPECT_EQ(open_answer_from(4, R"({"state": "open"})").error().code, ErrorCode::Corrupt);
}

TEST(Opening, ReadsTheControllersKeyAndNothingElse) {
  EXPECT_EQ(*slot_key_from(R"({"slot": 0, "purpose": "controller", "lease_uuid": "u", "key": ")" + key + "\"}"), key);
  for (const std::string& bad : {std::string(), std::string("{}"), std::string(R"({"key": "short"})"), std::string(R"({"key": 1})")}) {
    const auto read = slot_key_from(bad);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text().find("short"), std::string::npos);
  }
}

}  // namespace
}  // namespace agent::partition
