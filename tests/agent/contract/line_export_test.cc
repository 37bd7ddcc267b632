// Goal: a line's export reads back as what went in, and nothing that was changed on the way does. Method: make one, change it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/contract/line_export.h"
#include "images/keys/statement.h"

namespace agent::contract {
namespace {

class Export : public testing::Test {
 protected:
  const images::keys::PrivateKey key = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  const LineExportItems items{{"voucher \"one\"", "voucher two"}, {"receipt\nof two lines"}, {"sealed"}};
  const std::string text = *line_export_text(items, "line-1", *instant_from("2026-11-21T12:00:00Z"), key);
};

TEST_F(Export, ReadsBackAsWhatWentIn) {
  const auto read = line_export_from(text);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->items, items);
  EXPECT_EQ(read->facts.line, "line-1");
  EXPECT_EQ(read->facts.vouchers, 2U);
  EXPECT_TRUE(images::keys::verify_statement(*images::keys::parse_statement(read->statement), key.public_key(), line_export_type));
  EXPECT_TRUE(is_line_export(text));
  EXPECT_FALSE(is_line_export("{\"payloadType\":1}\n"));
  EXPECT_TRUE(line_export_from(*line_export_text({}, "line-1", Instant{}, key)));
}

TEST_F(Export, IsRefusedWhenAnythingInItWasChangedLostOrAdded) {
  const std::size_t first = text.find('\n') + 1;
  const std::size_t second = text.find('\n', first) + 1;
  std::string changed = text;
  changed[changed.find("two")] = 'T';
  EXPECT_EQ(line_export_from(changed).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(line_export_from(text.substr(0, text.size() - 1)).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(line_export_from(text.substr(0, first) + text.substr(second)).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(line_export_from(text + "{\"voucher\":\"three\"}\n").error().code, ErrorCode::Corrupt);
  EXPECT_EQ(line_export_from(text.substr(first)).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(line_export_from("").error().code, ErrorCode::InvalidInput);
}

TEST_F(Export, IsRefusedWhenItsLinesAreNotWhatALineSays) {
  for (const std::string content : {"no JSON\n", "{\"voucher\":1}\n", "{\"invoice\":\"x\"}\n", "{\"receipt\":\"r\"}\n{\"voucher\":\"v\"}\n", "{\"voucher\":\"v\"}"}) {
    const LineExport facts{"line-1", images::keys::sha256(content), 1, 1, 0, Instant{}};
    const auto read = line_export_from(*images::keys::sign_statement(line_export_type, payload_of(facts), key) + "\n" + content);
    ASSERT_FALSE(read) << content;
    EXPECT_EQ(read.error().code, ErrorCode::InvalidInput);
    EXPECT_NE(read.error().message.find("line "), std::string::npos) << read.error().text();
  }
  const LineExport miscounted{"line-1", images::keys::sha256(""), 1, 0, 0, Instant{}};
  EXPECT_EQ(line_export_from(*images::keys::sign_statement(line_export_type, payload_of(miscounted), key) + "\n").error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace agent::contract
