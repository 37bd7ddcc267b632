// Goal: frames travel unchanged, and a hostile body costs no more than its size. Method: frozen bytes; then damage and bombs.
#include <zstd.h>

#include "agent/contract/messages.pb.h"
#include "agent/link/session.h"
#include "policies/vocabulary/hex.h"
#include "tests/golden/golden.h"

namespace agent::link {
namespace {

std::string packed(const std::string& plain) {
  std::string bytes(ZSTD_compressBound(plain.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), plain.data(), plain.size(), 3));
  return bytes;
}

contract::Frame example() {
  contract::Frame frame;
  frame.set_protocol(1);
  frame.set_session("0123456789abcdef");
  frame.set_acknowledged(41);
  frame.set_poll_after_ms(300'000);
  contract::Message* status = frame.add_messages();
  status->set_sequence(7);
  status->mutable_node_status()->set_at_ms(1'763'712'000'000);
  status->mutable_node_status()->set_window(contract::WINDOW_OPEN);
  status->mutable_node_status()->set_owner(contract::OWNER_AWAY);
  status->mutable_node_status()->set_vault_free_bytes(6'000'000'000);
  contract::Message* shard = frame.add_messages();
  shard->set_sequence(8);
  shard->mutable_shard_status()->set_shard("object/2");
  shard->mutable_shard_status()->set_outcome(contract::SHARD_STORED);
  shard->mutable_shard_status()->set_request(12);
  return frame;
}

TEST(FrameCodec, WritesTheFrozenBytes) { tests::golden::expect_same("wire/frame.hex", hex_of(example().SerializeAsString()) + "\n"); }

// What zstd makes of a frame may differ from one release to the next; what an old one made must be read for ever.
TEST(FrameCodec, ReadsAFrameThatWasCompressedLongAgo) {
  std::string digits = tests::golden::read("wire/frame_compressed.hex");
  digits.pop_back();
  const Result<std::string> travelling = bytes_of_hex(digits);
  ASSERT_TRUE(travelling);
  const Result<contract::Frame> frame = decode_frame(*travelling);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->SerializeAsString(), example().SerializeAsString());
}

TEST(FrameCodec, CompressesARepetitiveBatch) {
  contract::Frame frame = example();
  for (int i = 0; i < 200; ++i) {
    contract::Message* message = frame.add_messages();
    message->set_sequence(static_cast<std::uint64_t>(9 + i));
    message->mutable_task_status()->set_assignment("job-1/" + std::to_string(i) + "/a");
    message->mutable_task_status()->set_outcome(contract::TASK_DONE);
  }
  EXPECT_LT(encode_frame(frame).size() * 2, frame.SerializeAsString().size());
}

TEST(FrameCodec, RefusesADecompressionBomb) {
  const Result<contract::Frame> frame = decode_frame(packed(std::string(200 << 20, '\0')));
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, ErrorCode::LimitExceeded);
}

TEST(FrameCodec, RefusesABombOfManySmallMessages) {
  std::string plain;
  for (int i = 0; i < 3'000'000; ++i) {  // field 4, empty
    plain += '\x22';
    plain += '\0';
  }
  const Result<contract::Frame> frame = decode_frame(packed(plain));
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, ErrorCode::LimitExceeded);
}

TEST(FrameCodec, RefusesABombOfManySmallEntries) {
  contract::Frame frame = example();
  contract::Contents* contents = frame.add_messages()->mutable_contents();
  for (int i = 0; i < 200'000; ++i) contents->add_shards();
  const Result<contract::Frame> read = decode_frame(encode_frame(frame));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::LimitExceeded);
}

TEST(FrameCodec, HoldsAnInventoryOfFiftyThousandShards) {
  contract::Frame frame = example();
  contract::Contents* contents = frame.add_messages()->mutable_contents();
  for (int i = 0; i < 50'000; ++i) contents->add_shards()->set_shard("o/" + std::to_string(i));
  EXPECT_TRUE(decode_frame(encode_frame(frame)));
}

TEST(FrameCodec, RefusesDamageOfEveryKind) {
  const std::string good = encode_frame(example());
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(decode_frame(good.substr(0, length))) << length;
  EXPECT_FALSE(decode_frame(good + "x"));
  EXPECT_FALSE(decode_frame(good + good));
  EXPECT_FALSE(decode_frame("not zstd at all"));
  EXPECT_FALSE(decode_frame(packed("\x22\x7f")));
}

TEST(FrameCodec, SkipsKindsOfMessagesThatItDoesNotKnow) {
  contract::Frame frame = example();
  std::string plain = frame.SerializeAsString();
  plain += "\x22\x07\x08\x09\xc2\x3e\x02\x08\x01";  // a message with sequence 9 and an unknown body, field 1000
  const Result<contract::Frame> read = decode_frame(packed(plain));
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->messages_size(), 3);
  EXPECT_EQ(read->messages(2).sequence(), 9U);
  EXPECT_EQ(read->messages(2).body_case(), contract::Message::BODY_NOT_SET);
}

}  // namespace
}  // namespace agent::link
