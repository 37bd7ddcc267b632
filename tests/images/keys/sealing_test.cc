// Goal: what is sealed to a key is opened by that key, in its context, and by nothing else. Method: seal, then change one thing at
// a time.
#include "images/keys/sealing.h"

#include <gtest/gtest.h>

namespace images::keys {
namespace {

TEST(SealingToAKey, IsOpenedByItsKeyInItsContext) {
  const PrivateKey key = *PrivateKey::generate(KeyKind::MachineKey);
  const std::string plain = random_bytes(100);
  const auto sealed = seal_to(key.public_key(), plain, "here");
  ASSERT_TRUE(sealed) << sealed.error().text();
  EXPECT_EQ(sealed->size(), plain.size() + sealing_to_overhead);
  EXPECT_EQ(sealed->find(plain), std::string::npos);
  EXPECT_EQ(*open_with(key, *sealed, "here"), plain);
  EXPECT_NE(*seal_to(key.public_key(), plain, "here"), *sealed) << "each with a key pair of its own";
}

TEST(SealingToAKey, NothingElseOpensIt) {
  const PrivateKey key = *PrivateKey::generate(KeyKind::MachineKey);
  const std::string sealed = *seal_to(key.public_key(), "a secret", "here");
  const auto corrupt = [](const Result<std::string>& opened) { return !opened && opened.error().code == ErrorCode::Corrupt; };
  EXPECT_TRUE(corrupt(open_with(*PrivateKey::generate(KeyKind::MachineKey), sealed, "here"))) << "another key";
  EXPECT_TRUE(corrupt(open_with(*PrivateKey::generate(KeyKind::SigningKey), sealed, "here"))) << "a key that only signs";
  EXPECT_TRUE(corrupt(open_with(key, sealed, "there"))) << "another context";
  for (std::size_t length = 0; length < sealed.size(); ++length) EXPECT_TRUE(corrupt(open_with(key, sealed.substr(0, length), "here"))) << length;
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_TRUE(corrupt(open_with(key, changed, "here"))) << at;
  }
}

TEST(SealingToAKey, WantsAKeyThatCanAgree) {
  const auto sealed = seal_to(PrivateKey::generate(KeyKind::SigningKey)->public_key(), "a secret", "here");
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, ErrorCode::InvalidInput);
}

}  // namespace
}  // namespace images::keys
