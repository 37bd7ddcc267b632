// Goal: a statement says what its signer signed, of the type that was signed, and nothing else is believed. Method:
// DSSE's published example, round trips, and each part of an envelope changed in turn.
#include "images/keys/statement.h"

#include <gtest/gtest.h>

namespace images::keys {
namespace {

constexpr std::string_view consent = "application/vnd.leaseback.consent+json";

TEST(Statement, EncodesAsTheDsseProtocolSays) {
  EXPECT_EQ(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(pre_authentication_encoding("", ""), "DSSEv1 0  0 ");
}

TEST(Statement, VerifiesThePublishedExample) {
  // The vector of DSSE's protocol.md: its key's X and Y as SubjectPublicKeyInfo, its signature (there r and s) as DER.
  const PublicKey key =
      *PublicKey::from_der(*bytes_of_base64("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ805D3eqNZywjCI19lInBJOp7YMr"
                                            "CrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA=="));
  const Result<Statement> statement = parse_statement(
      R"({"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld", "signatures": [{"sig": )"
      R"("MEQCIANyarEBrVbCdjtsaqyOSHJ14qeRk6CdxfhZ2fjvPEo7AiBR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]})");
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->payload, "hello world");
  EXPECT_TRUE(verify_statement(*statement, key, "http://example.com/HelloWorld"));
  EXPECT_FALSE(verify_statement(*statement, PrivateKey::generate(KeyKind::MachineKey)->public_key(),
                                "http://example.com/HelloWorld"));
}

TEST(Statement, ComesBackAndVerifies) {
  for (const KeyKind kind : {KeyKind::MachineKey, KeyKind::SigningKey}) {
    const PrivateKey key = *PrivateKey::generate(kind);
    const std::string payload("{\"choice\":\"accepted\"}\0\xff", 23);
    const Result<Statement> statement = parse_statement(*sign_statement(consent, payload, key));
    ASSERT_TRUE(statement);
    EXPECT_EQ(statement->payload, payload);
    EXPECT_EQ(statement->type, consent);
    EXPECT_TRUE(verify_statement(*statement, key.public_key(), consent));
    EXPECT_EQ(parse_statement(text_of(*statement))->payload, payload);
  }
}

TEST(Statement, OfAnotherTypePayloadOrKeyIsRefused) {
  const PrivateKey key = *PrivateKey::generate(KeyKind::SigningKey);
  const PrivateKey other = *PrivateKey::generate(KeyKind::SigningKey);
  const Statement good = *parse_statement(*sign_statement(consent, "payload", key));
  EXPECT_EQ(verify_statement(good, key.public_key(), "application/vnd.leaseback.voucher+json").error().code,
            ErrorCode::Unauthenticated);
  EXPECT_EQ(verify_statement(good, other.public_key(), consent).error().code, ErrorCode::Unauthenticated);
  Statement changed = good;
  changed.payload = "Payload";
  EXPECT_EQ(verify_statement(changed, key.public_key(), consent).error().code, ErrorCode::Unauthenticated);
  changed = good;
  changed.type = "application/vnd.leaseback.voucher+json";
  EXPECT_EQ(verify_statement(changed, key.public_key(), changed.type).error().code, ErrorCode::Unauthenticated)
      << "the type is signed too";
  changed = good;
  changed.signatures[0].signature[3] ^= 1;
  EXPECT_FALSE(verify_statement(changed, key.public_key(), consent));
  changed = good;
  changed.signatures.clear();
  EXPECT_FALSE(verify_statement(changed, key.public_key(), consent));
  changed = good;
  changed.signatures[0].key = other.id();
  EXPECT_FALSE(verify_statement(changed, other.public_key(), consent)) << "a key id alone proves nothing";
}

TEST(Statement, TakesACountersignatureAndKeepsTheFirst) {
  const PrivateKey machine = *PrivateKey::generate(KeyKind::MachineKey);
  const PrivateKey controller = *PrivateKey::generate(KeyKind::SigningKey);
  std::string envelope = *sign_statement(consent, "payload", machine);
  envelope = *countersign_statement(envelope, controller);
  envelope = *countersign_statement(envelope, controller);
  const Statement both = *parse_statement(envelope);
  EXPECT_EQ(both.signatures.size(), 2U) << "one signature per key";
  EXPECT_TRUE(verify_statement(both, machine.public_key(), consent));
  EXPECT_TRUE(verify_statement(both, controller.public_key(), consent));
}

TEST(Statement, KeepsItsLimits) {
  const PrivateKey key = *PrivateKey::generate(KeyKind::SigningKey);
  EXPECT_EQ(sign_statement(consent, std::string(60'000, 'x'), key).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(sign_statement("", "x", key).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(parse_statement(std::string(statement_size_max + 1, ' ')).error().code, ErrorCode::LimitExceeded);
  std::string envelope = *sign_statement(consent, "x", key);
  for (std::size_t i = 1; i < statement_signatures_max; ++i)
    envelope = *countersign_statement(envelope, *PrivateKey::generate(KeyKind::SigningKey));
  EXPECT_EQ(countersign_statement(envelope, *PrivateKey::generate(KeyKind::SigningKey)).error().code,
            ErrorCode::LimitExceeded);
  EXPECT_TRUE(countersign_statement(envelope, key)) << "a key that signed already takes no new place";
}

TEST(Statement, AcceptsTheUrlSafeAlphabetToo) {
  EXPECT_EQ(parse_statement(R"({"payloadType":"t","payload":"-_8=","signatures":[]})")->payload, "\xfb\xff");
}

TEST(Statement, RefusesWhatIsNoEnvelope) {
  for (const char* text :
       {"", "[]", "{}", "null", R"({"payloadType":"t","payload":"eA==","signatures":{}})",
        R"({"payloadType":"t","payload":"e","signatures":[]})", R"({"payloadType":"","payload":"","signatures":[]})",
        R"({"payloadType":7,"payload":"","signatures":[]})", R"({"payloadType":"t","signatures":[]})",
        R"({"payloadType":"t","payload":"","signatures":[{"keyid":"a"}]})",
        R"({"payloadType":"t","payload":"","signatures":["a"]})",
        R"({"payloadType":"t","payload":"","signatures":[[[[[[]]]]]]})",
        R"({"payloadType":"t","payload":"","signatures":[]} trailing)"}) {
    const Result<Statement> statement = parse_statement(text);
    ASSERT_FALSE(statement) << text;
    EXPECT_EQ(statement.error().code, ErrorCode::InvalidInput) << text;
  }
}

}  // namespace
}  // namespace images::keys
