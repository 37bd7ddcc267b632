// What the use cases answer, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fleet/placement/object.h"
#include "fleet/registry/records.h"
#include "fleet/scheduler/job.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"

namespace fleet::operations {
using namespace policies::vocabulary;

struct NonceAnswer {
  std::string nonce;               // hexadecimal
  std::string authority_pem;
  std::string controller_key_pem;  // verifies what the controller signs
};

enum class EnrolmentOutcome { Leased, Declined };
struct EnrolmentAnswer {
  EnrolmentOutcome outcome = EnrolmentOutcome::Declined;
  std::string certificate_pem;     // Leased only
  std::string authority_pem;       // Leased only
  std::string countersigned;       // DSSE: the consent with both signatures
  std::string terms_text;          // Leased only: canonical
  AgreementId agreement;
  std::string release_order;       // Declined only: DSSE
};

// What opens one slot of a machine's lease partition. Secret: for the machine alone, never for a log or a record.
struct SlotKeyAnswer {
  std::uint32_t slot = 0;
  std::string purpose;     // "controller"
  std::string lease_uuid;  // of the LUKS header that it is for
  std::string key;         // 64 hexadecimal digits
};

enum class ElementPut { Created, WasThere };
struct ElementPart {
  std::string bytes;
  std::uint64_t offset = 0;
  Bytes whole;
};

struct Account {
  PartyId party;
  std::string name;
  Money balance;
  Money spent_month;               // since the first of this month, UTC
  std::optional<Money> spending_limit;
};

struct PartyAnswer {
  PartyId party;
  std::string certificate_pem;
  std::string authority_pem;
};

// All that a support person asks about a machine.
struct MachineView {
  registry::Machine machine;
  bool online = false;
  std::optional<Instant> last_seen;
  bool window_known = false;       // false when there is no agreement or zone to tell
  bool window_open = false;
  std::optional<Instant> window_changes_at;
  std::uint64_t shards = 0;
  Bytes allocated;
  std::uint64_t running = 0;       // assignments out there
  Money earned;                    // what the owner was credited for this machine's agreement and work
  std::uint64_t waiting_messages = 0;
};

// For health.
struct Figures {
  std::uint64_t machines = 0;
  std::uint64_t machines_online = 0;
  std::uint64_t machines_leased = 0;
  std::uint64_t objects = 0;
  std::uint64_t jobs = 0;
  std::uint64_t entries = 0;
  std::uint64_t events = 0;
};

}  // namespace fleet::operations
