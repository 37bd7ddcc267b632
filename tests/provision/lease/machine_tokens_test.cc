// Goal: what a machine writes into the LUKS header is read back the same, has one frozen spelling, and nothing else is taken for it.
// Method: golden text, then one change at a time.
#include "provision/lease/machine_tokens.h"

#include <gtest/gtest.h>

namespace provision::lease {
namespace {

TpmToken some_token() { return {2, {"sha256", {7}, std::string("\x00\x4e public", 9), std::string("\x00\x9e private", 10)}}; }

TEST(MachineTokens, HaveOneSpelling) {
  EXPECT_EQ(token_json(some_token()),
            R"({"type":"leaseback-tpm2","keyslots":["2"],"version":1,"bank":"sha256","registers":[7],"public":"AE4gcHVibGlj","private":"AJ4gcHJpdmF0ZQ=="})");
  EXPECT_EQ(token_json(FilesystemToken{"0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11"}),
            R"({"type":"leaseback-filesystem","keyslots":[],"version":1,"filesystem":"ext4","uuid":"0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11"})");
}

TEST(MachineTokens, ComeBackTheSame) {
  const auto back = tpm_token_from(token_json(some_token()));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, some_token());
  TpmToken bare = some_token();
  bare.slot.reset();
  EXPECT_EQ(*tpm_token_from(token_json(bare)), bare);
  const FilesystemToken mark{"0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11"};
  EXPECT_EQ(*filesystem_token_from(token_json(mark)), mark);
}

TEST(MachineTokens, RefuseWhatTheyAreNot) {
  const std::string good = token_json(some_token());
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const std::string& bad :
       {changed("leaseback-tpm2", "systemd-tpm2"), changed("\"version\":1", "\"version\":2"), changed("[\"2\"]", "[\"2\",\"3\"]"), changed("[\"2\"]", "[\"32\"]"),
        changed("[\"2\"]", "[\"2x\"]"), changed("[\"2\"]", "[2]"), changed("sha256", "sha1"), changed("[7]", "[]"), changed("[7]", "[24]"), changed("[7]", "[-1]"),
        changed("[7]", "[7,7]"), changed("[7]", "[8,7]"), changed("AE4gcHVibGlj", ""), changed("AE4gcHVibGlj", "***"), changed("AE4gcHVibGlj", std::string(2800, 'A')),
        std::string("[]"), std::string("{"), std::string(20000, ' ')}) {
    const auto token = tpm_token_from(bad);
    ASSERT_FALSE(token) << bad;
    EXPECT_EQ(token.error().code, ErrorCode::InvalidInput) << bad;
  }
  EXPECT_FALSE(filesystem_token_from(good));
  EXPECT_FALSE(filesystem_token_from(R"({"type":"leaseback-filesystem","keyslots":[],"version":1,"filesystem":"xfs","uuid":"0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11"})"));
  EXPECT_FALSE(filesystem_token_from(R"({"type":"leaseback-filesystem","keyslots":[],"version":1,"filesystem":"ext4","uuid":"../../etc"})"));
}

}  // namespace
}  // namespace provision::lease
