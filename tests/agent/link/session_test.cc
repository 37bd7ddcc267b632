// Goal: each message is handled exactly once and in order, whatever happens to exchanges and to either end. Method: two sessions
// over a simulated link that drops, doubles, delays and reorders frames, and ends that lose power at any moment and go on from
// what they had made durable; from many seeds.
#include "agent/link/session.h"

#include "agent/contract/messages.pb.h"
#include "policies/vocabulary/random.h"

namespace agent::link {
namespace {

contract::Message numbered(std::uint64_t number) {
  contract::Message message;
  message.mutable_task_status_request()->set_assignment(std::to_string(number));
  return message;
}
std::uint64_t number_of(const contract::Message& message) { return std::stoull(message.task_status_request().assignment()); }

// One end and its disk. Everything in `Memory` is lost by a power cut; `disk` is what the last save() wrote.
class Party {
 public:
  Party(Session::End end, std::uint64_t seed, Session::Limits limits) : end_(end), limits_(limits), random_(seed), session_(end, {}, limits) { save(); }

  void produce() {
    if (session_.send(numbered(produced + 1)).has_value()) ++produced;
  }
  void save() { disk_ = {encode_state(session_.state()), handled, produced}; }
  void lose_power() {
    Result<Session::State> state = decode_state(disk_.state);
    ASSERT_TRUE(state) << state.error().text();
    session_ = Session(end_, *std::move(state), limits_);
    handled = disk_.handled;
    produced = disk_.produced;
  }
  // Forgets the link but not what it did: a store restored without its sessions.
  void forget_link() {
    session_ = Session(end_, {}, limits_);
    save();
  }
  std::string speak() {
    if (end_ == Session::End::Machine && session_.state().session.empty()) open();
    save();
    return encode_frame(session_.frame());
  }
  void open() {
    std::string name;
    for (int i = 0; i < 16; ++i) name += static_cast<char>(random_.below(256));
    session_.open(name);
    ++sessions_opened;
  }
  // What comes back, if anything.
  std::string hear(const std::string& bytes) {
    const Result<contract::Frame> frame = decode_frame(bytes);
    EXPECT_TRUE(frame) << frame.error().text();
    const Result<std::vector<contract::Message>> fresh = session_.take(*frame);
    if (!fresh) {
      if (fresh.error().code == ErrorCode::InvalidInput) return {};
      EXPECT_EQ(fresh.error().code, ErrorCode::Conflict);
      if (end_ == Session::End::Controller) return encode_frame(reset_frame(*frame));
      open();
      return {};
    }
    for (const contract::Message& message : *fresh) handled.push_back(number_of(message));
    return end_ == Session::End::Controller ? speak() : std::string();
  }
  [[nodiscard]] bool quiet() const { return session_.state().unacknowledged.empty(); }

  std::vector<std::uint64_t> handled;
  std::uint64_t produced = 0;
  int sessions_opened = 0;

 private:
  struct Disk {
    std::string state;
    std::vector<std::uint64_t> handled;
    std::uint64_t produced = 0;
  };
  Session::End end_;
  Session::Limits limits_;
  Random random_;
  Session session_;
  Disk disk_;
};

struct Weather {
  double drop = 0.0;
  double twice = 0.0;
  double power = 0.0;   // per step and end
  double forget = 0.0;  // the controller forgets the link
};

class Link {
 public:
  Link(std::uint64_t seed, Weather weather, Session::Limits limits)
      : random_(seed), weather_(weather), machine(Session::End::Machine, seed * 2 + 1, limits), controller(Session::End::Controller, seed * 2 + 2, limits) {}

  void step() {
    switch (random_.below(6)) {
      case 0: machine.produce(); break;
      case 1: controller.produce(); break;
      case 2: post(to_controller_, machine.speak()); break;
      case 3: deliver(to_controller_, controller, &to_machine_); break;
      case 4: deliver(to_machine_, machine, nullptr); break;
      case 5: (random_.chance(0.5) ? machine : controller).save(); break;
    }
    if (random_.chance(weather_.power)) machine.lose_power();
    if (random_.chance(weather_.power)) controller.lose_power();
    if (random_.chance(weather_.forget)) controller.forget_link();
  }
  // The weather clears; what is under way may still arrive, late and out of order.
  void settle() {
    weather_ = {};
    for (int round = 0; round < 2'000 && !(machine.quiet() && controller.quiet() && to_controller_.empty() && to_machine_.empty()); ++round) {
      if (to_controller_.empty() && to_machine_.empty()) post(to_controller_, machine.speak());
      deliver(to_controller_, controller, &to_machine_);
      deliver(to_machine_, machine, nullptr);
    }
    for (int round = 0; round < 3; ++round) machine.hear(controller.hear(machine.speak()));
  }

 private:
  void post(std::vector<std::string>& bag, std::string frame) {
    if (frame.empty() || random_.chance(weather_.drop)) return;
    if (random_.chance(weather_.twice)) bag.push_back(frame);
    bag.push_back(std::move(frame));
  }
  // Any frame under way may be the next to arrive: delay and reordering in one.
  void deliver(std::vector<std::string>& bag, Party& to, std::vector<std::string>* answers) {
    if (bag.empty()) return;
    const std::size_t chosen = random_.below(bag.size());
    const std::string frame = bag[chosen];
    bag.erase(bag.begin() + static_cast<std::ptrdiff_t>(chosen));
    std::string answer = to.hear(frame);
    if (answers) post(*answers, std::move(answer));
  }

  Random random_;
  Weather weather_;
  std::vector<std::string> to_controller_, to_machine_;

 public:
  Party machine, controller;
};

std::vector<std::uint64_t> count_to(std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 1; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

TEST(Session, HandlesEachMessageOnceAndInOrderOverABadLink) {
  std::uint64_t messages = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random weather_of(seed);
    const Weather weather{weather_of.unit() * 0.7, weather_of.unit() * 0.5, weather_of.unit() * 0.1, 0.0};
    Session::Limits limits;
    limits.messages_max = 1 + weather_of.below(8);
    Link link(seed, weather, limits);
    for (int i = 0; i < 600; ++i) link.step();
    link.settle();
    ASSERT_EQ(link.controller.handled, count_to(link.machine.produced));
    ASSERT_EQ(link.machine.handled, count_to(link.controller.produced));
    messages += link.machine.produced + link.controller.produced;
    ASSERT_TRUE(link.machine.quiet() && link.controller.quiet());
  }
  EXPECT_GT(messages, 20'000U);
}

TEST(Session, OpensOneSessionAndKeepsIt) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Link link(seed, {0.4, 0.3, 0.0, 0.0}, {});
    for (int i = 0; i < 300; ++i) link.step();
    link.settle();
    ASSERT_EQ(link.machine.sessions_opened, 1) << "seed " << seed;
  }
}

TEST(Session, LosesNothingWhenTheControllerForgetsTheLink) {
  int resets = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Link link(seed, {0.3, 0.3, 0.0, 0.01}, {});
    for (int i = 0; i < 400; ++i) link.step();
    link.settle();
    resets += link.machine.sessions_opened - 1;
    // Handled again is possible then; left out or first seen out of order is not.
    std::uint64_t highest = 0;
    for (const std::uint64_t number : link.controller.handled) {
      ASSERT_LE(number, highest + 1);
      highest = std::max(highest, number);
    }
    ASSERT_EQ(highest, link.machine.produced);
    ASSERT_TRUE(link.machine.quiet());
  }
  EXPECT_GT(resets, 100);
}

TEST(Session, NeverTakesUpASessionThatWasReplaced) {
  Party machine(Session::End::Machine, 1, {});
  Party controller(Session::End::Controller, 2, {});
  machine.produce();
  const std::string first = machine.speak();
  controller.hear(first);
  machine.open();
  machine.hear(controller.hear(machine.speak()));
  const std::vector<std::uint64_t> handled = controller.handled;
  const Result<contract::Frame> answer = decode_frame(controller.hear(first));  // delayed until now
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->reset());
  EXPECT_EQ(controller.handled, handled);
}

Session opened_machine() {
  Session machine(Session::End::Machine, {}, {});
  machine.open(std::string(16, 's'));
  return machine;
}

TEST(Session, IdlePollChangesNothingThatMustBeSaved) {
  Session machine = opened_machine();
  Session controller(Session::End::Controller, {}, {});
  ASSERT_TRUE(controller.take(machine.frame()));
  ASSERT_TRUE(machine.take(controller.frame()));
  const std::uint64_t before_machine = machine.revision();
  const std::uint64_t before_controller = controller.revision();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(controller.take(machine.frame()));
    ASSERT_TRUE(machine.take(controller.frame()));
  }
  EXPECT_EQ(machine.revision(), before_machine);
  EXPECT_EQ(controller.revision(), before_controller);
  EXPECT_FALSE(machine.has_traffic());
}

TEST(Session, OpensAnewWhenItsDiskWasSetBack) {
  Session machine = opened_machine();
  Session controller(Session::End::Controller, {}, {});
  const Session::State old = machine.state();
  ASSERT_TRUE(machine.send(numbered(1)));
  ASSERT_TRUE(controller.take(machine.frame()));
  Session restored(Session::End::Machine, old, {});
  const auto taken = restored.take(controller.frame());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::Conflict);
}

TEST(Session, RefusesGapsAndBrokenFramesUnchanged) {
  Session machine = opened_machine();
  Session controller(Session::End::Controller, {}, {});
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(machine.send(numbered(i)));
  contract::Frame gap = machine.frame();
  gap.mutable_messages()->DeleteSubrange(1, 1);
  contract::Frame late = machine.frame();
  late.mutable_messages()->DeleteSubrange(0, 1);
  contract::Frame other = machine.frame();
  other.set_protocol(2);
  contract::Frame short_session = machine.frame();
  short_session.set_session("short");
  for (const contract::Frame& frame : {gap, late, other, short_session}) {
    const auto taken = controller.take(frame);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(controller.state().received, 0U);
    EXPECT_TRUE(controller.state().session.empty());
  }
  EXPECT_EQ(controller.take(machine.frame())->size(), 3U);
}

TEST(Session, FillsFramesUpToTheirLimits) {
  Session::Limits limits;
  limits.messages_max = 4;
  limits.frame_max = kibibytes(10);
  limits.unacknowledged_max = 8;
  Session machine(Session::End::Machine, {}, limits);
  machine.open(std::string(16, 's'));
  for (std::uint64_t i = 1; i <= 8; ++i) ASSERT_TRUE(machine.send(numbered(i)));
  EXPECT_EQ(machine.frame().messages_size(), 4);
  EXPECT_EQ(machine.send(numbered(9)).error().code, ErrorCode::LimitExceeded);

  Session bulky(Session::End::Machine, {}, limits);
  bulky.open(std::string(16, 's'));
  contract::Message message;
  message.mutable_task_status()->set_result(std::string(4'000, 'r'));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(bulky.send(message));
  EXPECT_EQ(bulky.frame().messages_size(), 2);
  message.mutable_task_status()->set_result(std::string(11'000, 'r'));
  EXPECT_EQ(bulky.send(message).error().code, ErrorCode::LimitExceeded);
}

TEST(Session, StateSurvivesAsBytesAndRefusesDamage) {
  Session machine = opened_machine();
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(machine.send(numbered(i)));
  const std::string bytes = encode_state(machine.state());
  const Result<Session::State> state = decode_state(bytes);
  ASSERT_TRUE(state);
  EXPECT_EQ(encode_state(*state), bytes);
  EXPECT_EQ(state->unacknowledged.size(), 3U);
  EXPECT_EQ(decode_state("\xff\xff").error().code, ErrorCode::Corrupt);
  Session::State hole = *state;
  hole.unacknowledged.erase(hole.unacknowledged.begin() + 1);
  EXPECT_EQ(decode_state(encode_state(hole)).error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace agent::link
