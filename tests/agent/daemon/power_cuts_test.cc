// Goal: a power cut at any moment of a machine's life loses no answer, no shard and no result, doubles none, and leaves
// the machine able to go on to its end. Method: one whole life (consent, work, shards, renewal, drain, release), cut at
// each mutating call of the disk in turn, started again, and judged by what the controller was told.
#include "tests/agent/daemon/agent_rig.h"

namespace agent::daemon {
namespace {

// What the controller does in this life, driven by what it hears.
class Life {
 public:
  explicit Life(Rig& rig) : rig_(rig) {
    rig_.controller.on_told = [this](const contract::Message& message) { heard(message); };
  }
  void begin() {
    rig_.controller.send_assignment(rig_.assignment("small", "small"));
    rig_.controller.send_assignment(rig_.assignment("large", "large"));
    rig_.order_store(1, "object/0", bytes_);
    rig_.order_store(2, "object/1", bytes_ + "!");
  }
  // What went wrong; empty when nothing did.
  std::string verdict;
  std::map<std::string, int> done;                           // assignments
  std::map<std::uint64_t, contract::ShardOutcome> answered;  // by request

 private:
  void heard(const contract::Message& message) {
    if (message.has_task_status() && message.task_status().outcome() == contract::TASK_DONE) {
      const contract::TaskStatus& status = message.task_status();
      ++done[status.assignment()];
      if (status.result_digest() != images::keys::sha256(Rig::result_of(status.assignment())).text)
        verdict += "a wrong result of " + status.assignment() + "; ";
    } else if (message.has_task_status() && message.task_status().outcome() > contract::TASK_DONE) {
      verdict += message.task_status().assignment() + " ended otherwise: " + message.task_status().reason() + "; ";
    }
    if (message.has_shard_status()) {
      const std::uint64_t request = message.shard_status().request();
      const bool again = answered.contains(request);
      if (again && answered[request] != message.shard_status().outcome())
        verdict += "request " + std::to_string(request) + " was answered differently; ";
      answered[request] = message.shard_status().outcome();
      if (again) return;
      if (request == 1) rig_.order_send(3, "object/0", images::keys::sha256(bytes_));
      if (request == 2) rig_.order_delete(4, "object/1", images::keys::sha256(bytes_ + "!"));
    }
    if (message.has_offer_answer() && ++offers_answered_ > 1) verdict += "the offer was answered twice; ";
    const bool all = done.size() == 2 && answered.size() == 4;
    if (all && !offered_) {
      offered_ = true;
      rig_.send_offer("renewal");
    }
    if (offers_answered_ == 1 && !released_) {
      released_ = true;
      rig_.order_release("ended");
    }
  }
  Rig& rig_;
  std::string bytes_ = std::string(3'000, 'b');
  int offers_answered_ = 0;
  bool offered_ = false;
  bool released_ = false;
};

TEST(AgentUnderPowerCuts, LosesAndDoublesNothingAtAnyCutOfAWholeLife) {
  for (std::uint64_t cut = 1;; ++cut) {
    Rig rig(cut);
    rig.owner.terms = contract::Choice::Accepted;
    rig.owner.renewal = contract::Choice::Declined;
    Life life(rig);
    life.begin();
    rig.files.cut_at(cut);
    bool was_cut = false;
    bool released = false;
    std::set<std::string> stored;
    for (int starts = 0; starts < 4 && !released; ++starts) {
      if (rig.start()) {
        released = rig.run_until([&] {
          // An acknowledged shard is there until it is deleted.
          if (rig.agent->report().phase == Phase::Leased && life.answered.contains(1) && rig.agent->shards().empty())
            life.verdict += "object/0 is gone; ";
          return rig.agent->report().phase == Phase::Released;
        });
      }
      if (released) break;
      ASSERT_TRUE(rig.files.is_off()) << "cut " << cut << ": stopped without a power cut: " << rig.failure << " in "
                                      << (rig.agent ? name_of(rig.agent->report().phase) : "start")
                                      << " trouble: " << (rig.agent ? rig.agent->report().trouble : "");
      was_cut = true;
      rig.lose_power();
    }
    const std::string where = "cut " + std::to_string(cut);
    ASSERT_TRUE(released) << where;
    EXPECT_EQ(life.verdict, "") << where;
    EXPECT_EQ(life.done["small"], 1) << where;
    EXPECT_EQ(life.done["large"], 1) << where;
    EXPECT_EQ(life.answered[1], contract::SHARD_STORED) << where;
    EXPECT_EQ(life.answered[3], contract::SHARD_SENT) << where;
    EXPECT_EQ(life.answered[4], contract::SHARD_DELETED) << where;
    std::set<Instant> answers;
    for (const contract::Consent& consent : rig.controller.consents) answers.insert(consent.answered_at);
    EXPECT_EQ(answers.size(), 1U) << where << ": the owner's answer changed";
    ASSERT_FALSE(rig.controller.receipts.empty()) << where;
    EXPECT_TRUE(*rig.files.exists("/state/owner/receipt.dsse")) << where;
    if (!was_cut) {
      EXPECT_GT(cut, 30U);
      break;
    }
  }
}

TEST(AgentUnderPowerCuts, LivesThroughManyCutsFromASeed) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Rig rig(seed);
    Random random(seed);
    rig.owner.terms = contract::Choice::Accepted;
    rig.owner.renewal = contract::Choice::Declined;
    Life life(rig);
    life.begin();
    bool released = false;
    for (int starts = 0; starts < 100 && !released; ++starts) {
      rig.files.cut_at(3 + random.below(25));
      if (rig.start()) released = rig.run_until([&] { return rig.agent->report().phase == Phase::Released; });
      if (!released) rig.lose_power();
    }
    ASSERT_TRUE(released) << "seed " << seed;
    EXPECT_EQ(life.verdict, "") << "seed " << seed;
    EXPECT_EQ(life.done["small"] + life.done["large"], 2) << "seed " << seed;
  }
}

}  // namespace
}  // namespace agent::daemon
