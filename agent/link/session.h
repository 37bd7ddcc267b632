// Each message handled exactly once, in order, over exchanges that may be lost, doubled, delayed or cut at any moment.
// One Session stands at each end. It is pure: it takes and gives frames; what must survive a crash is its `State`.
//
// The rule that makes it exact: an end makes `State` durable (together with the effects of what it handled) BEFORE it sends a
// frame whose `acknowledged` tells of it. Idempotent retransmission does the rest. Proven by tests/agent/link with a link that
// drops, duplicates, reorders and cuts.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace agent::contract {
class Frame;
class Message;
}  // namespace agent::contract

namespace agent::link {
using namespace policies::vocabulary;

class Session {
 public:
  enum class End { Machine, Controller };

  // Everything that must be durable, as values; encode/decode below.
  struct Outgoing {
    std::uint64_t sequence = 0;
    std::string body;                    // serialized agent::contract::Message
  };
  struct State {
    std::string session;                 // 16 bytes; empty before the first frame
    std::uint64_t received = 0;          // highest sequence of the peer handled here
    std::uint64_t next_sequence = 1;     // of our next message
    std::deque<Outgoing> unacknowledged;  // ours, in rising sequence
    bool established = false;            // machine end: the controller has answered in this session
    std::vector<std::string> retired;    // controller end: sessions that were replaced, newest last; never adopted again
  };

  struct Limits {
    std::size_t messages_max = 256;      // in one frame
    Bytes frame_max = mebibytes(4);      // serialized, before compression
    std::size_t unacknowledged_max = 100'000;
    std::size_t retired_max = 16;        // sessions remembered as replaced
  };

  Session(End end, State state, Limits limits);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;

  [[nodiscard]] const State& state() const { return state_; }

  // Machine end: opens a new session with 16 random bytes; what was unacknowledged is numbered anew and sent again.
  void open(std::string session);

  // Queues one message for the peer and numbers it. LimitExceeded when too many wait, or it alone would not fit in a frame.
  Done send(agent::contract::Message message);

  // The next frame: acknowledgement and as many waiting messages as fit. Sending it twice is harmless.
  [[nodiscard]] agent::contract::Frame frame() const;

  // Takes a frame of the peer. Returns the messages to handle now, in order, none twice; forgets ours that it acknowledges.
  // Controller end: a frame that opens a session replaces the old one; what the controller had not had acknowledged is numbered
  // anew. Conflict when the ends no longer agree: controller end: answer with reset_frame(); machine end: open() a new session.
  // InvalidInput when a sequence has a gap, the frame breaks its limits or (machine end) answers for another session: drop it.
  // Nothing is changed by a frame that is refused.
  Result<std::vector<agent::contract::Message>> take(const agent::contract::Frame& frame);

  // Counts changes of state(): when it is the same after an exchange as before, there is nothing to make durable.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

  // True when something waits to be sent or acknowledged: the next exchange should be soon.
  [[nodiscard]] bool has_traffic() const;

 private:
  End end_;
  State state_;
  Limits limits_;
  void renumber();
  Done check(const agent::contract::Frame& frame) const;
  void adopt(const std::string& session);

  bool acknowledgement_due_ = false;
  std::uint64_t revision_ = 0;
};

// Controller end: the answer to a frame that take() met with Conflict. It echoes the session that is unknown.
agent::contract::Frame reset_frame(const agent::contract::Frame& refused);

// Frames as they travel: protobuf, then zstd. Refuses more than `limit` bytes after decompression, bombs included.
std::string encode_frame(const agent::contract::Frame& frame);
Result<agent::contract::Frame> decode_frame(std::string_view bytes, Bytes limit = mebibytes(8));

// State as bytes for a store or a file, and back.
std::string encode_state(const Session::State& state);
Result<Session::State> decode_state(std::string_view bytes);

}  // namespace agent::link
