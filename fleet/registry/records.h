// What the registry remembers, as values. Each is one record of the store, written as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/contract/statements.h"
#include "policies/terms/states.h"
#include "policies/terms/terms.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"
#include "policies/vocabulary/result.h"

namespace fleet::registry {
using namespace policies::vocabulary;
namespace terms = policies::terms;
namespace contract = agent::contract;

// What a party may be; one party may be several (who furnishes and also buys is Owner and Client).
enum class Role { Owner, Client, Staff };
std::string_view name_of(Role role);  // "owner", "client", "staff"
Result<Role> role_from(std::string_view name);

struct Party {
  PartyId id{};
  std::string name{};            // for people
  std::vector<Role> roles{};     // sorted, each once
  std::string public_key_pem{};  // of clients and staff; empty for those who never call us
  KeyId key{};                   // its id; empty without a key
  std::optional<Money> spending_limit{};  // per month, for clients
  Instant since{};
  [[nodiscard]] bool is(Role role) const;
};

// A factory line whose vouchers are believed.
struct Line {
  PartyId id{};
  std::string name{};
  std::string public_key_pem{};
  KeyId key{};
  Instant since{};
};

// A voucher whose line's signature was verified.
struct Voucher {
  contract::Voucher facts;
  std::string dsse;
  PartyId line;
  Instant imported_at;
};

// D1: what the machine is and how it is, in its own words.
struct Profile {
  std::string agent_version;
  std::string operating_system;
  std::uint32_t processors = 0;  // 0: nothing was told yet
  std::uint32_t processor_mhz = 0;
  Bytes memory;
  Bytes lease;
  bool sandbox = false;
  Bytes element_cache;
  bool operator==(const Profile&) const = default;
};

enum class WindowWord { Unknown, Open, Closed };
enum class OwnerWord { Unknown, Present, Away, Paused };
std::string_view name_of(WindowWord word);
// Of its lease partition: Unknown where it was not told, Unavailable when the machine cannot open it.
enum class PartitionWord { Unknown, Sound, Unavailable };
std::string_view name_of(OwnerWord word);
std::string_view name_of(PartitionWord word);

struct Status {
  Instant at;
  WindowWord window = WindowWord::Unknown;
  OwnerWord owner = OwnerWord::Unknown;
  std::uint32_t running = 0;
  std::uint32_t queued = 0;
  Bytes vault_used;
  Bytes vault_free;
  std::uint32_t processor_idle_permille = 0;
  PartitionWord partition = PartitionWord::Unknown;
  std::string partition_reason;  // in the machine's words, at most 1 KiB
  bool operator==(const Status&) const = default;
};

// One step of a history.
struct Step {
  Instant at;
  std::string event;   // "accept", "near-end", "drain", ...
  std::string state;   // after it
  std::string by;      // "machine", "staff anna", "controller", ...
  std::string reason;  // for people; may be empty
};
// Older steps than the last so many are in the events only.
inline constexpr std::size_t history_max = 50;

// Emptied because of an operator's command, or because its lease is over.
struct Draining {
  Instant since;
  std::string reason;
};

// Held lost until it is heard again.
struct GivenUp {
  Instant since;
  std::string reason;
};

struct Machine {
  MachineId id;
  std::string public_key_pem;  // empty before enrolment
  std::string serial;
  std::string model;
  OrderId order;
  PartyId owner;
  AgreementId agreement;       // the one in force, or the last
  std::string zone;            // IANA name
  Bytes lease;                 // as provisioned
  std::uint32_t processor_mhz = 0;  // as built in
  terms::MachineState state = terms::MachineState::Ordered;
  Instant state_since;
  std::optional<Draining> draining;
  std::optional<GivenUp> given_up;
  Profile profile;
  Status status;
  std::string certificate_serial;
  std::optional<Instant> certificate_until;
  std::string release_order;   // DSSE, once it was made
  std::string release_receipt; // SHA-256 of the machine's receipt, once it came
  std::uint32_t odd_results = 0;  // results that the majority contradicted
  Money earned;                // what its owner was credited for its work and its space
  std::uint64_t tasks_done = 0;  // results that were accepted and paid for
  std::vector<Step> history;
};

// What the customer gets, valued in money.
struct GrantedIncentive {
  std::string kind;         // unique within the agreement: "discount", "hardware-upgrade disk", ...
  std::string text;         // for people
  Money value;              // each time its schedule comes round
  terms::Schedule schedule = terms::Schedule::Once;
};

struct Renewal {
  OfferId offer;
  std::string text;         // what the owner is shown
  Instant offered_at;
  Instant answer_by;
  std::optional<contract::Choice> answer;
  std::optional<Instant> answered_at;
};

struct Agreement {
  AgreementId id;
  std::vector<MachineId> machines;  // at least one
  PartyId owner;
  TermsId terms;
  std::int64_t terms_version = 0;
  Digest terms_digest;
  std::string terms_text;       // canonical
  OfferId offer;
  std::int64_t offer_version = 0;
  OrderId order;
  std::string zone;
  terms::AgreementState state = terms::AgreementState::Offered;
  Instant state_since;
  Instant offered_at;
  std::optional<Instant> starts_at;  // when it became active
  std::optional<Instant> ends_at;    // of the term, or of the notice once it was terminated
  std::string answered_by;           // the name the owner gave
  std::string countersigned;         // DSSE: the consent, signed by the machine and by us
  std::vector<GrantedIncentive> incentives;
  std::int32_t months_granted = 0;   // monthly incentives booked so far
  std::optional<Renewal> renewal;
  AgreementId follows;               // the agreement that this one renews; empty for a first one
  AgreementId followed_by;
  std::vector<Step> history;
};

// What happened, for ever.
struct Event {
  std::uint64_t number = 0;  // from 1, without gaps
  Instant at{};
  std::string kind{};          // "machine-leased", "voucher-imported", ...
  std::string by{};
  MachineId machine{};         // what it is about; each may be empty
  AgreementId agreement{};
  PartyId party{};
  std::string text{};          // for people
};

std::string text_of(const Party& record);
std::string text_of(const Line& record);
std::string text_of(const Voucher& record);
std::string text_of(const Machine& record);
std::string text_of(const Agreement& record);
std::string text_of(const Event& record);
// Corrupt for anything else than what text_of made.
Result<Party> party_from(std::string_view text);
Result<Line> line_from(std::string_view text);
Result<Voucher> voucher_from(std::string_view text);
Result<Machine> machine_from(std::string_view text);
Result<Agreement> agreement_from(std::string_view text);
Result<Event> event_from(std::string_view text);

}  // namespace fleet::registry
