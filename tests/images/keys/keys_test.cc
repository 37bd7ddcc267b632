// Goal: keys, digests and sealing do what the standards say, not only what we say. Method: known answers from FIPS
// 180-4, RFC 5869, RFC 8032, RFC 4648 and McGrew and Viega's GCM paper, round trips, and one changed bit at a time.
#include "images/keys/keys.h"

#include <gtest/gtest.h>

#include "images/keys/key_files.h"
#include "images/keys/sealing.h"
#include "policies/vocabulary/hex.h"
#include "tests/fakes/memory_files.h"

namespace images::keys {
namespace {

TEST(Sha256, GivesTheKnownAnswers) {
  EXPECT_EQ(sha256("").text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc").text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  for (const char* piece : {"abcdbcdecdefdefgefghfg", "", "highijhijkijkljklmklmnlmnomnopnopq"}) pieces.add(piece);
  EXPECT_EQ(pieces.finish().text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(DerivedKey, GivesTheKnownAnswerOfRfc5869) {
  // Test case 3 (empty salt, empty info); the first 32 of its 42 bytes.
  EXPECT_EQ(hex_of(derived_key(std::string(22, '\x0b'), "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
  EXPECT_NE(derived_key("secret", "one purpose"), derived_key("secret", "another purpose"));
}

TEST(Sealing, OpensTheKnownAnswerOfGcm) {
  // Test case 16 of "The Galois/Counter Mode of Operation": AES-256 with authenticated data.
  const std::string key = *bytes_of_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string nonce = *bytes_of_hex("cafebabefacedbaddecaf888");
  const std::string context = *bytes_of_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string cipher = *bytes_of_hex(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662");
  const std::string tag = *bytes_of_hex("76fc6ece0f4e1768cddf8853bb2d551b");
  const std::string plain = *bytes_of_hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const Result<std::string> opened = open(key, nonce + cipher + tag, context);
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened, plain);
}

TEST(Sealing, OpensWhatItSealed) {
  const std::string key = random_bytes(32);
  for (const std::size_t size : {0U, 1U, 16U, 100'000U}) {
    const std::string plain = random_bytes(size);
    const Result<std::string> sealed = seal(key, plain, "shard 7");
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), size + sealing_overhead);
    EXPECT_EQ(*open(key, *sealed, "shard 7"), plain);
    EXPECT_NE(*sealed, *seal(key, plain, "shard 7")) << "a nonce was used twice";
  }
}

TEST(Sealing, RefusesAnyChangedByteContextOrKey) {
  const std::string key = random_bytes(32);
  const std::string sealed = *seal(key, "plain", "context");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] ^= 1;
    EXPECT_EQ(open(key, changed, "context").error().code, ErrorCode::Corrupt) << i;
    EXPECT_EQ(open(key, sealed.substr(0, i), "context").error().code, ErrorCode::Corrupt) << i;
  }
  EXPECT_EQ(open(key, sealed, "Context").error().code, ErrorCode::Corrupt);
  EXPECT_EQ(open(random_bytes(32), sealed, "context").error().code, ErrorCode::Corrupt);
  EXPECT_EQ(open("short", sealed, "context").error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(seal("short", "plain", "").error().code, ErrorCode::InvalidInput);
}

TEST(Base64, GivesTheKnownAnswersOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> known = {{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : known) {
    EXPECT_EQ(base64_of(bytes), text);
    EXPECT_EQ(*bytes_of_base64(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(*bytes_of_base64(base64_of(all)), all);
}

TEST(Base64, RefusesSecondWaysToWriteTheSameBytes) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "=", "====", "Z===", "Zg==Zg==", "Zm-_"})
    EXPECT_FALSE(bytes_of_base64(text)) << text;
}

class EachKind : public ::testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(Keys, EachKind, ::testing::Values(KeyKind::MachineKey, KeyKind::SigningKey));

TEST_P(EachKind, VerifiesItsOwnSignatureAndNoOther) {
  const PrivateKey key = *PrivateKey::generate(GetParam());
  const PrivateKey other = *PrivateKey::generate(GetParam());
  const std::string signature = *key.sign("the bytes");
  EXPECT_TRUE(key.public_key().verify("the bytes", signature));
  EXPECT_EQ(key.public_key().verify("the byteS", signature).error().code, ErrorCode::Unauthenticated);
  EXPECT_EQ(other.public_key().verify("the bytes", signature).error().code, ErrorCode::Unauthenticated);
  EXPECT_FALSE(key.public_key().verify("the bytes", ""));
  std::string changed = signature;
  changed[changed.size() / 2] ^= 1;
  EXPECT_FALSE(key.public_key().verify("the bytes", changed));
}

TEST_P(EachKind, ComesBackFromPemAndDerUnchanged) {
  const PrivateKey key = *PrivateKey::generate(GetParam());
  const PrivateKey again = *PrivateKey::from_pem(key.pem());
  EXPECT_EQ(again.id(), key.id());
  EXPECT_TRUE(key.public_key().verify("x", *again.sign("x")));
  EXPECT_TRUE(key.pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_EQ(PublicKey::from_pem(key.public_key().pem())->id(), key.id());
  EXPECT_EQ(PublicKey::from_der(key.public_key().der())->id(), key.id());
  EXPECT_EQ(key.id().text, sha256(key.public_key().der()).text);
  EXPECT_TRUE(is_sha256_hex(key.id().text));
}

TEST_P(EachKind, RefusesBrokenEncodings) {
  const PrivateKey key = *PrivateKey::generate(GetParam());
  const std::string der = key.public_key().der();
  EXPECT_FALSE(PublicKey::from_der(der + "x")) << "trailing bytes would give one key two ids";
  EXPECT_FALSE(PublicKey::from_der(der.substr(0, der.size() - 1)));
  EXPECT_FALSE(PublicKey::from_der(""));
  EXPECT_FALSE(PublicKey::from_pem(key.pem())) << "a private key is not taken for a public one";
  EXPECT_FALSE(PrivateKey::from_pem(key.public_key().pem()));
  EXPECT_FALSE(PrivateKey::from_pem(""));
  EXPECT_EQ(PrivateKey::from_pem(std::string(20'000, 'x')).error().code, ErrorCode::LimitExceeded);
}

TEST(Keys, SignEd25519AsRfc8032Says) {
  // Test 2 of section 7.1: the secret key wrapped as PKCS#8.
  const std::string pkcs8 = *bytes_of_hex(
      "302e020100300506032b657004220420"
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const PrivateKey key =
      *PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\n" + base64_of(pkcs8) + "\n-----END PRIVATE KEY-----\n");
  EXPECT_EQ(hex_of(key.public_key().der().substr(12)),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(hex_of(*key.sign("\x72")),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Keys, RefusesOtherAlgorithmsAndCompressedPoints) {
  // An X25519 key, and a P-256 key whose point is compressed: the same key in another form would have another id.
  const std::string x25519 = *bytes_of_hex(
      "302a300506032b656e032100"
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(PublicKey::from_der(x25519).error().code, ErrorCode::InvalidInput);
  const std::string whole = PrivateKey::generate(KeyKind::MachineKey)->public_key().der();
  ASSERT_EQ(whole.size(), 91U);
  const std::string x = whole.substr(27, 32);
  const char parity = (whole.back() & 1) != 0 ? '\x03' : '\x02';
  const std::string compressed = *bytes_of_hex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + parity + x;
  EXPECT_EQ(PublicKey::from_der(compressed).error().code, ErrorCode::InvalidInput);
}

TEST(KeyFiles, KeepPrivateKeysForTheirOwnerAndOverwriteNothing) {
  tests::fakes::MemoryFiles files;
  const PrivateKey key = *PrivateKey::generate(KeyKind::SigningKey);
  ASSERT_TRUE(write_private_key(files, "/line.key", key));
  ASSERT_TRUE(write_public_key(files, "/line.pub", key.public_key()));
  EXPECT_EQ(files.access_of("/line.key"), files::Access::OwnerOnly);
  EXPECT_EQ(files.access_of("/line.pub"), files::Access::Everyone);
  EXPECT_EQ(read_private_key(files, "/line.key")->id(), key.id());
  EXPECT_EQ(read_public_key(files, "/line.pub")->id(), key.id());
  const PrivateKey other = *PrivateKey::generate(KeyKind::SigningKey);
  EXPECT_EQ(write_private_key(files, "/line.key", other).error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(read_private_key(files, "/line.key")->id(), key.id());
}

TEST(KeyFiles, NeverShowTheKeyInAnError) {
  tests::fakes::MemoryFiles files;
  std::string pem = PrivateKey::generate(KeyKind::SigningKey)->pem();
  const std::string body = pem.substr(pem.find('\n') + 1, 40);
  pem.erase(pem.find("-----END"), 3);
  ASSERT_TRUE(files.replace("/broken.key", pem, files::Access::OwnerOnly));
  const Error error = read_private_key(files, "/broken.key").error();
  EXPECT_EQ(error.code, ErrorCode::InvalidInput);
  EXPECT_EQ(error.text().find(body), std::string::npos) << error.text();
  EXPECT_NE(error.text().find("/broken.key"), std::string::npos) << error.text();
}

}  // namespace
}  // namespace images::keys
