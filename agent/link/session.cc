#include "agent/link/session.h"

#include <algorithm>

#include "agent/contract/messages.pb.h"

namespace agent::link {
namespace {

constexpr std::uint32_t protocol_version = 1;
constexpr std::size_t session_size = 16;
constexpr std::size_t taken_messages_max = 1'024;
// What a message costs in a frame besides its body: tag, length and sequence.
constexpr std::size_t message_overhead = 24;

Error broken(std::string why) { return {ErrorCode::InvalidInput, std::move(why), {}}; }
Error out_of_step(std::string why) { return {ErrorCode::Conflict, std::move(why), {}}; }

}  // namespace

Session::Session(End end, State state, Limits limits) : end_(end), state_(std::move(state)), limits_(limits) {
  invariant(limits_.messages_max > 0 && limits_.messages_max <= taken_messages_max, "a session's messages_max is out of range");
}

void Session::renumber() {
  state_.received = 0;
  state_.next_sequence = 1;
  for (Outgoing& waiting : state_.unacknowledged) waiting.sequence = state_.next_sequence++;
  acknowledgement_due_ = false;
  ++revision_;
}

void Session::open(std::string session) {
  invariant(end_ == End::Machine, "only the machine end opens sessions");
  invariant(session.size() == session_size, "a session is 16 bytes");
  state_.session = std::move(session);
  state_.established = false;
  renumber();
}

void Session::adopt(const std::string& session) {
  if (!state_.session.empty()) state_.retired.push_back(state_.session);
  if (state_.retired.size() > limits_.retired_max) state_.retired.erase(state_.retired.begin());
  state_.session = session;
  renumber();
}

Done Session::send(contract::Message message) {
  if (state_.unacknowledged.size() >= limits_.unacknowledged_max)
    return Error{ErrorCode::LimitExceeded,
                 std::to_string(limits_.unacknowledged_max) + " messages wait for the peer already; it must answer first", {}};
  message.clear_sequence();
  std::string body = message.SerializeAsString();
  if (body.size() + message_overhead > limits_.frame_max.count)
    return Error{ErrorCode::LimitExceeded,
                 "a message of " + std::to_string(body.size()) + " bytes does not fit in a frame of " + limits_.frame_max.text() +
                     "; large bytes go over the data channel", {}};
  state_.unacknowledged.push_back({state_.next_sequence++, std::move(body)});
  ++revision_;
  return {};
}

contract::Frame Session::frame() const {
  contract::Frame frame;
  frame.set_protocol(protocol_version);
  frame.set_session(state_.session);
  frame.set_acknowledged(state_.received);
  if (end_ == End::Machine) frame.set_opening(!state_.established);
  std::uint64_t size = 0;
  for (const Outgoing& waiting : state_.unacknowledged) {
    size += waiting.body.size() + message_overhead;
    if (static_cast<std::size_t>(frame.messages_size()) == limits_.messages_max || size > limits_.frame_max.count) break;
    contract::Message* message = frame.add_messages();
    invariant(message->ParseFromString(waiting.body), "a queued message is not a message");
    message->set_sequence(waiting.sequence);
  }
  return frame;
}

Done Session::check(const contract::Frame& frame) const {
  if (frame.protocol() != protocol_version)
    return broken("protocol " + std::to_string(frame.protocol()) + " is not spoken here, only " + std::to_string(protocol_version));
  if (frame.session().size() != session_size) return broken("a session of " + std::to_string(frame.session().size()) + " bytes, not 16");
  if (static_cast<std::size_t>(frame.messages_size()) > taken_messages_max)
    return broken(std::to_string(frame.messages_size()) + " messages in one frame, more than " + std::to_string(taken_messages_max));
  for (int i = 1; i < frame.messages_size(); ++i)
    if (frame.messages(i).sequence() != frame.messages(i - 1).sequence() + 1) return broken("a gap between the messages of a frame");
  if (frame.messages_size() > 0 && frame.messages(0).sequence() == 0) return broken("a message without a sequence");
  return {};
}

Result<std::vector<contract::Message>> Session::take(const contract::Frame& frame) {
  if (const Done checked = check(frame); !checked) return checked.error();
  const bool same = frame.session() == state_.session;
  if (end_ == End::Machine) {
    if (!same) return broken("an answer for another session");
    if (frame.reset()) return out_of_step("the controller does not know this session");
  }
  const bool adopting = !same && frame.opening() && std::find(state_.retired.begin(), state_.retired.end(), frame.session()) == state_.retired.end();
  if (!same && !adopting) return out_of_step("a frame of a session that is not the present one");
  const std::uint64_t received = adopting ? 0 : state_.received;
  if (frame.acknowledged() >= (adopting ? 1 : state_.next_sequence))
    return out_of_step("message " + std::to_string(frame.acknowledged()) + " was acknowledged but never sent");
  if (frame.messages_size() > 0 && frame.messages(0).sequence() > received + 1)
    return broken("message " + std::to_string(frame.messages(0).sequence()) + " came before " + std::to_string(received + 1));

  if (adopting) adopt(frame.session());
  if (end_ == End::Machine && !state_.established) {
    state_.established = true;
    ++revision_;
  }
  while (!state_.unacknowledged.empty() && state_.unacknowledged.front().sequence <= frame.acknowledged()) {
    state_.unacknowledged.pop_front();
    ++revision_;
  }
  std::vector<contract::Message> fresh;
  for (const contract::Message& message : frame.messages())
    if (message.sequence() > state_.received) {
      state_.received = message.sequence();
      fresh.push_back(message);
      ++revision_;
    }
  acknowledgement_due_ = frame.messages_size() > 0;
  return fresh;
}

bool Session::has_traffic() const { return acknowledgement_due_ || !state_.unacknowledged.empty(); }

contract::Frame reset_frame(const contract::Frame& refused) {
  contract::Frame frame;
  frame.set_protocol(protocol_version);
  frame.set_session(refused.session());
  frame.set_reset(true);
  return frame;
}

std::string encode_state(const Session::State& state) {
  contract::SessionState written;
  written.set_session(state.session);
  written.set_received(state.received);
  written.set_next_sequence(state.next_sequence);
  written.set_established(state.established);
  for (const Session::Outgoing& waiting : state.unacknowledged) {
    contract::OutgoingMessage* message = written.add_unacknowledged();
    message->set_sequence(waiting.sequence);
    message->set_body(waiting.body);
  }
  for (const std::string& retired : state.retired) written.add_retired(retired);
  return written.SerializeAsString();
}

Result<Session::State> decode_state(std::string_view bytes) {
  const auto corrupt = [](const char* why) { return Error{ErrorCode::Corrupt, std::string("session state: ") + why, {}}; };
  contract::SessionState read;
  if (bytes.size() > INT32_MAX || !read.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return corrupt("not what was written");
  Session::State state;
  state.session = read.session();
  state.received = read.received();
  state.next_sequence = read.next_sequence();
  state.established = read.established();
  if (!state.session.empty() && state.session.size() != session_size) return corrupt("a session is 16 bytes");
  if (state.next_sequence < static_cast<std::uint64_t>(read.unacknowledged_size()) + 1) return corrupt("more messages than were numbered");
  std::uint64_t expected = state.next_sequence - static_cast<std::uint64_t>(read.unacknowledged_size());
  for (const contract::OutgoingMessage& waiting : read.unacknowledged()) {
    contract::Message message;
    if (waiting.sequence() != expected++) return corrupt("a gap in the waiting messages");
    if (!message.ParseFromString(waiting.body())) return corrupt("a waiting message is not a message");
    state.unacknowledged.push_back({waiting.sequence(), waiting.body()});
  }
  for (const std::string& retired : read.retired()) state.retired.push_back(retired);
  return state;
}

}  // namespace agent::link
