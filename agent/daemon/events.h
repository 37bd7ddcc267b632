// What happens to an agent, as values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "agent/contract/statements.h"
#include "agent/partition/opening.h"
#include "agent/sandbox/sandbox.h"
#include "policies/vocabulary/result.h"

namespace agent::daemon {
using namespace policies::vocabulary;

struct Nonce {
  std::string nonce;               // hexadecimal
  std::string controller_key_pem;  // verifies assignments, release orders and countersignatures
};

struct EnrolmentAnswer {
  bool leased = false;          // false: declined
  std::string certificate_pem;  // when leased
  std::string countersigned;    // DSSE
  std::string terms_json;       // when leased: the agreed terms
  std::string agreement;        // when leased
  std::string release_order;    // when declined: DSSE
};

struct NonceArrived {
  Result<Nonce> nonce;
};
struct EnrolmentAnswered {
  Result<EnrolmentAnswer> answer;
};
struct FrameArrived {
  Result<std::string> encoded;
};
struct ReceiptTaken {
  Done done;
};
struct ElementArrived {
  std::uint64_t transfer = 0;
  Result<std::string> bytes;
};
struct ElementTaken {
  std::uint64_t transfer = 0;
  Done done;
};
struct DiskReleased {
  Result<contract::Receipt> receipt;
};

struct SlotKeyArrived {
  Result<std::string> key;  // secret
};
struct PartitionAnswered {
  Result<partition::OpenAnswer> answer;
};

using Event = std::variant<NonceArrived, EnrolmentAnswered, FrameArrived, ReceiptTaken, ElementArrived, ElementTaken,
                           sandbox::TaskEnd, DiskReleased, SlotKeyArrived, PartitionAnswered>;

// The answers of GET /v1/enrolments/nonce and POST /v1/enrolments. InvalidInput for anything else.
Result<Nonce> nonce_from(std::string_view json);
Result<EnrolmentAnswer> enrolment_answer_from(std::string_view json);

}  // namespace agent::daemon
