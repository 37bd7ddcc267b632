// Goal: a signed statement means one thing to everyone, for years. Method: freeze the bytes of each, read them back, and damage
// them in every way a careless or hostile writer would.
#include "agent/contract/statements.h"

#include "tests/agent/contract/examples.h"
#include "tests/golden/golden.h"

namespace agent::contract {
namespace {

// Each statement as its payload, and what reading a payload and writing it again gives.
struct Kind {
  const char* name;
  std::string payload;
  std::function<Result<std::string>(std::string_view)> reread;
};

template <typename Statement>
Result<std::string> rewritten(const Result<Statement>& read) {
  if (!read) return read.error();
  return payload_of(*read);
}

std::vector<Kind> kinds() {
  return {{"voucher", payload_of(examples::voucher()), [](std::string_view text) { return rewritten(voucher_from(text)); }},
          {"line_export", payload_of(examples::line_export()), [](std::string_view text) { return rewritten(line_export_statement_from(text)); }},
          {"consent", payload_of(examples::consent()), [](std::string_view text) { return rewritten(consent_from(text)); }},
          {"enrolment", payload_of(examples::enrolment()), [](std::string_view text) { return rewritten(enrolment_from(text)); }},
          {"receipt", payload_of(examples::receipt()), [](std::string_view text) { return rewritten(receipt_from(text)); }},
          {"offer_answer", payload_of(examples::offer_answer()), [](std::string_view text) { return rewritten(offer_answer_from(text)); }},
          {"ticket", payload_of(examples::ticket()), [](std::string_view text) { return rewritten(ticket_from(text)); }},
          {"escrow", payload_of(examples::escrow()), [](std::string_view text) { return rewritten(escrow_from(text)); }},
          {"release_order", payload_of(examples::release_order()), [](std::string_view text) { return rewritten(release_order_from(text)); }}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " is not in " << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Statements, PayloadsAreTheFrozenBytes) {
  std::string all;
  for (const Kind& kind : kinds()) all += std::string(kind.name) + " " + kind.payload + "\n";
  tests::golden::expect_same("wire/statements.txt", all);
}

TEST(Statements, SurviveWritingAndReading) {
  for (const Kind& kind : kinds()) {
    const Result<std::string> again = kind.reread(kind.payload);
    ASSERT_TRUE(again) << kind.name << ": " << again.error().text();
    EXPECT_EQ(*again, kind.payload);
  }
  const Receipt receipt = *receipt_from(payload_of(examples::receipt()));
  EXPECT_EQ(receipt.kind, ReceiptKind::Released);
  EXPECT_EQ(receipt.freed, Bytes{6'000'000'000});
  EXPECT_EQ(receipt.steps.size(), 3U);
  EXPECT_TRUE(receipt.key_slots_destroyed);
  EXPECT_EQ(consent_from(payload_of(examples::consent()))->answered_at, examples::consent().answered_at);
}

TEST(Statements, RefuseAFieldThatTheyDoNotKnow) {
  for (const Kind& kind : kinds()) {
    const Result<std::string> read = kind.reread(kind.payload.substr(0, kind.payload.size() - 1) + ",\"extra\":1}");
    ASSERT_FALSE(read) << kind.name;
    EXPECT_EQ(read.error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(read.error().message, "field 'extra' is not a field of this statement");
  }
}

TEST(Statements, RefuseFieldsInAnotherOrder) {
  const Result<Ticket> read = ticket_from(R"({"element":")" + examples::hash('d') + R"(","holder":")" + examples::hash('a') +
                                          R"(","act":"put","size_max":1,"expires_at":"2026-11-23T00:00:00Z"})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text(), "reading a ticket: field 'element' stands where 'holder' belongs");
}

TEST(Statements, RefuseToMissAField) {
  for (const Kind& kind : kinds()) {
    const std::size_t comma = kind.payload.find(',');
    const Result<std::string> read = kind.reread("{" + kind.payload.substr(comma + 1));
    ASSERT_FALSE(read) << kind.name;
    EXPECT_EQ(read.error().code, ErrorCode::InvalidInput);
  }
}

TEST(Statements, RefuseADoubledField) {
  const std::string payload = payload_of(examples::consent());
  EXPECT_FALSE(consent_from(replaced(payload, "\"choice\":\"accepted\"", "\"choice\":\"declined\",\"choice\":\"accepted\"")));
  EXPECT_FALSE(consent_from(replaced(payload, "\"choice\":\"accepted\"", "\"choice\":\"accepted\",\"choice\":\"declined\"")));
}

TEST(Statements, RefuseAnotherSpellingOfTheSame) {
  const std::string payload = payload_of(examples::consent());
  EXPECT_FALSE(consent_from(" " + payload));
  EXPECT_FALSE(consent_from(replaced(payload, ":", ": ")));
  EXPECT_FALSE(consent_from(replaced(payload, "accepted", "\\u0061ccepted")));
  EXPECT_FALSE(consent_from(replaced(payload, "18:00:00.250Z", "18:00:00.25Z")));
}

TEST(Statements, RefuseWrongTypesAndRanges) {
  const std::string payload = payload_of(examples::voucher());
  EXPECT_FALSE(voucher_from(replaced(payload, "\"terms_version\":3", "\"terms_version\":\"3\"")));
  EXPECT_FALSE(voucher_from(replaced(payload, "\"terms_version\":3", "\"terms_version\":-3")));
  EXPECT_FALSE(voucher_from(replaced(payload, "\"terms_version\":3", "\"terms_version\":3.5")));
  EXPECT_FALSE(voucher_from(replaced(payload, "\"terms_version\":3", "\"terms_version\":4294967296")));
  EXPECT_FALSE(voucher_from(replaced(payload, examples::hash('a'), examples::hash('A'))));
  EXPECT_FALSE(voucher_from(replaced(payload, examples::hash('a'), "")));
  EXPECT_FALSE(voucher_from(replaced(payload, "\"alice\"", "\"\"")));
  EXPECT_FALSE(voucher_from(replaced(payload, "\"alice\"", "\"" + std::string(300, 'x') + "\"")));
  EXPECT_FALSE(ticket_from(replaced(payload_of(examples::ticket()), "\"put\"", "\"post\"")));
  for (const char* text : {"", "[]", "null", "{", "{\"holder\":{\"a\":{\"b\":{}}}}"}) EXPECT_FALSE(ticket_from(text)) << text;
}

TEST(Statements, RefuseTextsThatAreTooLong) {
  Enrolment enrolment = examples::enrolment();
  enrolment.voucher = std::string(64 * 1024, 'v');
  EXPECT_TRUE(enrolment_from(payload_of(enrolment)));
  enrolment.voucher += 'v';
  EXPECT_FALSE(enrolment_from(payload_of(enrolment)));
}

TEST(Statements, AllowWhatMayBeEmpty) {
  Receipt receipt = examples::receipt();
  receipt.table_before = receipt.owner_files_before = Digest();
  receipt.steps.clear();
  EXPECT_TRUE(receipt_from(payload_of(receipt)));
  ReleaseOrder order = examples::release_order();
  order.agreement = AgreementId();
  EXPECT_TRUE(release_order_from(payload_of(order)));
}

}  // namespace
}  // namespace agent::contract
