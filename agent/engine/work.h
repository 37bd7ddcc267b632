// Leased work as values: what the controller assigned, and what is reported about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "images/keys/keys.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace agent::contract {
class Assignment;
class TaskStatus;
}  // namespace agent::contract

namespace agent::engine {
using namespace policies::vocabulary;

struct NeededElement {
  std::string name;
  Digest digest;
  Bytes size;
  std::string ticket;
  bool executable = false;
};

struct Work {
  AssignmentId assignment;
  std::string task;
  std::string job;
  std::vector<NeededElement> elements;
  std::string entry;
  std::vector<std::string> arguments;
  std::string parameters_json;
  Bytes memory_max;
  Bytes scratch_max;
  Bytes result_max;
  Duration processor_max{0};
  Instant deadline;
  std::int32_t priority = 0;
  std::string result_ticket;
};

// Unauthenticated when the signature is not the controller's over the message without it; InvalidInput for names,
// digests and counts outside their limits (64 elements, 256 arguments, 1 MiB of parameters).
Result<Work> work_from(const contract::Assignment& message, const images::keys::PublicKey& controller);

// What the controller signs: the message without its signature, serialized deterministically.
std::string signed_bytes(const contract::Assignment& message);

// Work as bytes for our own journal, and back. The signature was checked before and is not kept.
std::string encoded(const Work& work);
Result<Work> work_from_encoded(std::string_view bytes);

enum class Outcome { Queued, Running, Done, Failed, Stopped, Refused };

struct Report {
  AssignmentId assignment{};
  Outcome outcome = Outcome::Queued;
  Digest result_digest{};
  std::string result{};   // when at most 64 KiB
  Duration processor{0};  // of all starts together
  Instant started{};      // the first start; the epoch when it never started
  Instant ended{};
  std::string reason{};
  std::int32_t exit_code = 0;
};

contract::TaskStatus message_of(const Report& report);

}  // namespace agent::engine
