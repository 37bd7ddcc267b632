// Goal: storage is furnished from an opened lease partition and from nothing else; whatever keeps it shut is told to the controller
// and the owner, and keeps neither work nor the release. Method: the production agent over a scripted opener and controller.
#include "agent/contract/messages.pb.h"
#include "tests/agent/daemon/agent_rig.h"

namespace agent::daemon {
namespace {

// What the command would say, in the hands of a test.
class ScriptedOpener final : public LeaseOpener {
 public:
  explicit ScriptedOpener(Rig& rig) : rig_(rig) {}
  bool tpm_opens = true;
  std::string wanted_key;  // which key opens it
  Bytes capacity = mebibytes(64);
  std::vector<std::string> keys;  // as they came; empty for a try by the TPM

  void begin_open(const std::string& key) override {
    keys.push_back(key);
    const bool opens = key.empty() ? tpm_opens : key == wanted_key;
    Result<partition::OpenAnswer> answer = partition::OpenAnswer{.open = opens, .reason = opens ? "" : "the TPM refuses the key", .by = "tpm", .capacity = capacity};
    if (!opens && !key.empty()) answer = Error{ErrorCode::Refused, "the key does not fit", {}};
    rig_.agent->deliver(PartitionAnswered{std::move(answer)});
  }

 private:
  Rig& rig_;
};

struct PartitionRig : Rig {
  PartitionRig() {
    owner.terms = contract::Choice::Accepted;
    opener = &lease;
    lease.wanted_key = controller.slot_key;
  }
  std::vector<const contract::NodeStatus*> statuses() const { return told(&contract::Message::node_status, &contract::Message::has_node_status); }
  std::vector<const contract::Contents*> contents() const { return told(&contract::Message::contents, &contract::Message::has_contents); }
  bool run_until_status() {
    return run_until([&] { return !statuses().empty(); });
  }
  ScriptedOpener lease{*this};
};

TEST(LeasePartition, IsOpenedByTheTpmBeforeTheFirstPoll) {
  PartitionRig rig;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  EXPECT_EQ(rig.lease.keys, std::vector<std::string>{""});
  EXPECT_EQ(rig.controller.slot_keys, 0) << "a TPM that opens needs no controller";
  EXPECT_EQ(rig.statuses().front()->partition(), contract::PARTITION_SOUND);
  EXPECT_EQ(rig.contents().size(), 1U);
  EXPECT_EQ(rig.agent->report().partition, "sound");
  rig.order_store(1, "object/0", "bytes");
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  EXPECT_EQ(rig.shard_statuses()[0]->outcome(), contract::SHARD_STORED);
}

TEST(LeasePartition, IsNotTouchedBeforeAnAnswerNorAfterANo) {
  PartitionRig rig;
  rig.owner.terms.reset();
  ASSERT_TRUE(rig.start());
  EXPECT_FALSE(rig.run_until([&] { return !rig.lease.keys.empty(); }));
  rig.owner.terms = contract::Choice::Declined;
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase == Phase::Released; }));
  EXPECT_TRUE(rig.lease.keys.empty());
  EXPECT_EQ(rig.controller.slot_keys, 0);
}

TEST(LeasePartition, IsOpenedByTheControllersKeyWhenTheTpmRefuses) {
  PartitionRig rig;
  rig.lease.tpm_opens = false;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  EXPECT_EQ(rig.lease.keys, (std::vector<std::string>{"", rig.controller.slot_key}));
  EXPECT_EQ(rig.controller.slot_keys, 1);
  EXPECT_EQ(rig.statuses().front()->partition(), contract::PARTITION_SOUND);
}

TEST(LeasePartition, TheKeyIsWrittenNowhere) {
  PartitionRig rig;
  rig.lease.tpm_opens = false;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  for (const char* name : {"/state/agent.journal"}) {
    const auto text = rig.files.read(name, mebibytes(64));
    ASSERT_TRUE(text) << name;
    EXPECT_EQ(text->find(rig.controller.slot_key), std::string::npos) << name;
  }
  EXPECT_EQ(rig.agent->report().partition_reason.find(rig.controller.slot_key), std::string::npos);
}

TEST(LeasePartition, WhileShutNoStorageIsFurnishedButWorkGoesOn) {
  PartitionRig rig;
  rig.lease.tpm_opens = false;
  rig.controller.slot_key = std::string(64, '0');  // not the partition's
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  EXPECT_EQ(rig.statuses().front()->partition(), contract::PARTITION_UNAVAILABLE);
  EXPECT_NE(rig.statuses().front()->partition_reason().find("does not fit"), std::string::npos) << rig.statuses().front()->partition_reason();
  EXPECT_EQ(rig.statuses().front()->vault_free_bytes(), 0U);
  EXPECT_TRUE(rig.contents().empty()) << "what cannot be read is not gone";
  EXPECT_EQ(rig.agent->report().partition, "unavailable");

  rig.order_store(1, "object/0", "bytes");
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  EXPECT_EQ(rig.shard_statuses()[0]->outcome(), contract::SHARD_FAILED);
  rig.controller.send_assignment(rig.assignment("a-1", "small"));
  ASSERT_TRUE(rig.run_until([&] { return !rig.task_statuses().empty() && rig.task_statuses().back()->outcome() == contract::TASK_DONE; }));
}

TEST(LeasePartition, OpensLaterAndThenTellsWhatItHolds) {
  PartitionRig rig;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  rig.order_store(1, "object/0", "bytes");
  ASSERT_TRUE(rig.run_until([&] { return rig.shard_statuses().size() == 1; }));
  rig.lose_power();
  rig.lease.tpm_opens = false;  // a firmware update
  const std::string right = std::exchange(rig.controller.slot_key, std::string(64, '0'));
  rig.controller.told.clear();
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  EXPECT_EQ(rig.statuses().front()->partition(), contract::PARTITION_UNAVAILABLE);
  EXPECT_TRUE(rig.contents().empty());
  rig.controller.slot_key = right;
  ASSERT_TRUE(rig.run_until([&] { return !rig.contents().empty(); }));
  EXPECT_EQ(rig.contents().front()->shards_size(), 1);
  EXPECT_EQ(rig.agent->report().partition, "sound");
  EXPECT_EQ(rig.agent->report().partition_reason, "");
}

TEST(LeasePartition, WithoutAControllerItWaitsAndGoesOnWhenThereIsOne) {
  PartitionRig rig;
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  rig.lose_power();
  rig.lease.tpm_opens = false;
  rig.controller.reachable = false;
  rig.controller.told.clear();
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().partition == "unavailable"; }));
  EXPECT_NE(rig.agent->report().partition_reason.find("no answer"), std::string::npos) << rig.agent->report().partition_reason;
  rig.controller.reachable = true;
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().partition == "sound"; }));
}

TEST(LeasePartition, DoesNotKeepARelease) {
  PartitionRig rig;
  rig.lease.tpm_opens = false;
  rig.controller.slot_key = std::string(64, '0');
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  rig.order_release("ended");
  ASSERT_TRUE(rig.run_until([&] { return rig.agent->report().phase == Phase::Released; }));
  EXPECT_EQ(rig.controller.receipts.size(), 1U);
}

TEST(LeasePartition, AVaultIsNoLargerThanItsFilesystem) {
  PartitionRig rig;
  rig.lease.capacity = mebibytes(32);
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.run_until_status());
  EXPECT_LE(rig.statuses().front()->vault_free_bytes(), mebibytes(32).count);
}

}  // namespace
}  // namespace agent::daemon
