// Goal: what a client stored comes back from any k shards, and from nothing less; nobody else can read, forge or mix it up.
// Method: every subset of several codes; damage to every part; a search for the plaintext in what leaves the client.
#include "fleet/objects/objects.h"

#include <unordered_set>

#include "policies/vocabulary/random.h"

namespace fleet::objects {
namespace {

const std::string secret(32, 's');
const ObjectId id("object-1");
const Instant moment = *instant_from("2026-11-21T08:00:00Z");

Facts named(const std::string& name) { return {name, "text/plain", {}, {}, moment}; }

// Half text, half noise, so that compression has something to do and something to fail at.
std::string content_of(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string content;
  while (content.size() < size / 2) content += "the quick brown fox " + std::to_string(random.below(1'000)) + "\n";
  while (content.size() < size) content += static_cast<char>(random.below(256));
  content.resize(size);
  return content;
}

SealedObject sealed(const std::string& content, Code code) {
  Result<SealedObject> object = seal_object(id, content, named("letter.txt"), code, secret);
  EXPECT_TRUE(object) << object.error().text();
  return *std::move(object);
}

// Calls `use` with each way to choose `count` of `total`.
void each_subset(std::size_t total, std::size_t count, const std::function<void(const std::vector<std::size_t>&)>& use) {
  std::vector<std::size_t> chosen(count);
  for (std::size_t i = 0; i < count; ++i) chosen[i] = i;
  while (true) {
    use(chosen);
    std::size_t i = count;
    while (i > 0 && chosen[i - 1] == total - count + i - 1) --i;
    if (i == 0) return;
    ++chosen[i - 1];
    for (std::size_t j = i; j < count; ++j) chosen[j] = chosen[j - 1] + 1;
  }
}

Shards chosen_of(const SealedObject& object, const std::vector<std::size_t>& indexes) {
  Shards shards;
  for (const std::size_t index : indexes) shards[index] = object.shard_bytes[index];
  return shards;
}

TEST(Objects, ComeBackFromEverySubsetThatSuffices) {
  for (const Code code : {Code{1, 1}, Code{1, 3}, Code{2, 3}, Code{3, 3}, Code{4, 6}, Code{10, 14}}) {
    const std::string content = content_of(20'000, code.total);
    const SealedObject object = sealed(content, code);
    int subsets = 0;
    each_subset(code.total, code.data, [&](const std::vector<std::size_t>& indexes) {
      const Result<std::string> back = open_object(id, object.sealed_facts, code, object.shards, chosen_of(object, indexes), secret);
      ASSERT_TRUE(back) << back.error().text();
      ASSERT_TRUE(*back == content);
      ++subsets;
    });
    if (code == Code{10, 14}) {
      EXPECT_EQ(subsets, 1'001);
    }
  }
}

TEST(Objects, NeedAsManyShardsAsTheirCodeSays) {
  const SealedObject object = sealed(content_of(20'000, 1), {4, 6});
  each_subset(6, 3, [&](const std::vector<std::size_t>& indexes) {
    const Result<std::string> back = open_object(id, object.sealed_facts, {4, 6}, object.shards, chosen_of(object, indexes), secret);
    ASSERT_FALSE(back);
    ASSERT_EQ(back.error().code, ErrorCode::Corrupt);
  });
}

TEST(Objects, ComeBackInEverySize) {
  for (const std::size_t size : {0UL, 1UL, 63UL, 64UL, 4'095UL, 4'096UL, 4'097UL, 65'537UL, 1'000'003UL, 9'000'001UL}) {
    const std::string content = content_of(size, size);
    const SealedObject object = sealed(content, {2, 3});
    const Result<std::string> back = open_object(id, object.sealed_facts, {2, 3}, object.shards, chosen_of(object, {1, 2}), secret);
    ASSERT_TRUE(back) << size << ": " << back.error().text();
    EXPECT_TRUE(*back == content) << size;
  }
}

TEST(Objects, AreRefusedOverTheLimit) {
  const Result<SealedObject> object = seal_object(id, std::string(content_max.count + 1, 'x'), named("large"), {2, 3}, secret);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().code, ErrorCode::LimitExceeded);
  EXPECT_FALSE(seal_object(id, "x", named(""), {2, 3}, secret));
  EXPECT_FALSE(seal_object(id, "x", named("x"), {3, 2}, secret));
  EXPECT_FALSE(seal_object(id, "x", named("x"), {0, 2}, secret));
  EXPECT_FALSE(seal_object(id, "x", named("x"), {2, 65}, secret));
}

TEST(Objects, LeaveDamagedShardsAsideAndNameThem) {
  const std::string content = content_of(20'000, 1);
  const SealedObject object = sealed(content, {2, 3});
  for (std::size_t damaged = 0; damaged < 3; ++damaged) {
    Shards shards = chosen_of(object, {0, 1, 2});
    shards[damaged][shards[damaged].size() / 2] ^= 1;
    const Result<std::string> back = open_object(id, object.sealed_facts, {2, 3}, object.shards, shards, secret);
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_TRUE(*back == content);
    shards.erase((damaged + 1) % 3);
    const Result<std::string> none = open_object(id, object.sealed_facts, {2, 3}, object.shards, shards, secret);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::Corrupt);
    EXPECT_NE(none.error().text().find("damaged: " + std::to_string(damaged)), std::string::npos) << none.error().text();
  }
}

TEST(Objects, DoNotBelieveAControllerThatChangesBytesAndDigestsTogether) {
  SealedObject object = sealed(content_of(20'000, 1), {2, 3});
  object.shard_bytes[0][7] ^= 1;
  object.shards[0].digest = images::keys::sha256(object.shard_bytes[0]);
  const Result<std::string> back = open_object(id, object.sealed_facts, {2, 3}, object.shards, chosen_of(object, {0, 1}), secret);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::Corrupt);
}

TEST(Objects, KeepTheirNameForTheirClient) {
  const SealedObject object = sealed("hello", {2, 3});
  const Result<Facts> facts = open_facts(id, object.sealed_facts, secret);
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->name, "letter.txt");
  EXPECT_EQ(facts->content_type, "text/plain");
  EXPECT_EQ(facts->size, Bytes{5});
  EXPECT_EQ(facts->put_at, moment);
  EXPECT_EQ(facts->digest, images::keys::sha256("hello"));
  EXPECT_EQ(open_facts(id, object.sealed_facts, std::string(32, 't')).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(open_facts(ObjectId("object-2"), object.sealed_facts, secret).error().code, ErrorCode::Corrupt);
  for (std::size_t i = 0; i < object.sealed_facts.size(); ++i) {
    std::string damaged = object.sealed_facts;
    damaged[i] ^= 1;
    ASSERT_FALSE(open_facts(id, damaged, secret)) << i;
    ASSERT_FALSE(open_facts(id, object.sealed_facts.substr(0, i), secret)) << i;
  }
}

TEST(Objects, ShowNoPlaintextToWhoeverHoldsThem) {
  const std::string content = content_of(300'000, 5);
  const Code code{2, 3};
  const SealedObject object = sealed(content, code);
  std::unordered_set<std::string_view> runs;
  for (std::size_t i = 0; i + 16 <= content.size(); ++i) runs.insert(std::string_view(content).substr(i, 16));
  std::vector<std::string> shown = object.shard_bytes;
  shown.push_back(object.sealed_facts);
  for (const std::string& bytes : shown) {
    for (std::size_t i = 0; i + 16 <= bytes.size(); ++i) ASSERT_FALSE(runs.contains(std::string_view(bytes).substr(i, 16)));
    EXPECT_EQ(bytes.find("letter.txt"), std::string::npos);
  }
}

TEST(Objects, OfTheSameContentLookDifferentEachTime) {
  const std::string content = content_of(20'000, 1);
  const SealedObject first = sealed(content, {2, 3});
  const SealedObject second = sealed(content, {2, 3});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NE(first.shards[i].digest, second.shards[i].digest);
}

TEST(Objects, ShowOnlyTheirSizeClass) {
  std::set<std::uint64_t> sizes;
  Random random(7);
  for (std::size_t size = 100'000; size < 101'000; size += 37) {
    std::string noise;
    for (std::size_t i = 0; i < size; ++i) noise += static_cast<char>(random.below(256));
    const SealedObject object = sealed(noise, {2, 3});
    sizes.insert(object.shards[0].size.count);
    EXPECT_LE(object.shards[0].size.count * 2, size * 112 / 100 + 256);
  }
  EXPECT_LE(sizes.size(), 2U);
  EXPECT_EQ(sealed("", {2, 3}).shards[0].size, sealed(std::string(3'000, 'a'), {2, 3}).shards[0].size);
}

TEST(Rebuild, MakesEveryMissingShardFromEveryOthersWithoutAKey) {
  const Code code{4, 6};
  const SealedObject object = sealed(content_of(50'000, 3), code);
  each_subset(6, 4, [&](const std::vector<std::size_t>& indexes) {
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < 6; ++i)
      if (std::find(indexes.begin(), indexes.end(), i) == indexes.end()) missing.push_back(i);
    const Result<Shards> made = rebuild(code, object.shards, chosen_of(object, indexes), missing);
    ASSERT_TRUE(made) << made.error().text();
    for (const std::size_t index : missing) ASSERT_TRUE(made->at(index) == object.shard_bytes[index]);
  });
}

TEST(Rebuild, RefusesDamageGoingInAndComingOut) {
  const Code code{2, 3};
  const SealedObject object = sealed(content_of(50'000, 3), code);
  Shards damaged = chosen_of(object, {0, 1});
  damaged[1][0] ^= 1;
  EXPECT_EQ(rebuild(code, object.shards, damaged, {2}).error().text(), "rebuilding shards: shard 1 does not match its digest");
  std::vector<ShardFacts> wrong = object.shards;
  wrong[2].digest = images::keys::sha256("something else");
  EXPECT_EQ(rebuild(code, wrong, chosen_of(object, {0, 1}), {2}).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(rebuild(code, object.shards, chosen_of(object, {0}), {2}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(rebuild(code, object.shards, chosen_of(object, {0, 1}), {3}).error().code, ErrorCode::InvalidInput);
  EXPECT_TRUE(rebuild(code, object.shards, chosen_of(object, {0, 1}), {})->empty());
}

TEST(ReedSolomon, RefusesShardsOfDifferentSizes) {
  EXPECT_EQ(recover({2, 3}, {{0, "abcd"}, {1, "abc"}}, {2}).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(recover({2, 3}, {{0, "abcd"}, {9, "abcd"}}, {2}).error().code, ErrorCode::InvalidInput);
}

// The layout of bytes must never change: objects outlive programs. Parity of a 2 of 3 code, worked by ISA-L 2.30 once.
TEST(ReedSolomon, KeepsItsArithmetic) {
  const std::vector<std::string> shards = encode({2, 3}, std::string("\x01\x02\x03\x04", 4));
  EXPECT_EQ(shards[0], "\x01\x02");
  EXPECT_EQ(shards[1], "\x03\x04");
  const std::string& parity = shards[2];
  // Row 2 of the matrix is (1/(2 xor 0), 1/(2 xor 1)) = (1/2, 1/3) over GF(2^8) with polynomial 0x11d: (0x8e, 0xf4).
  EXPECT_EQ(static_cast<unsigned char>(parity[0]), 0x8e ^ 0x01);
  EXPECT_EQ(encode({2, 2}, "abcd"), (std::vector<std::string>{"ab", "cd"}));
}

}  // namespace
}  // namespace fleet::objects
