// The on-line journal of all work, incentives and money: double-entry, append-only, hash-chained.
//
// An entry's postings sum to zero in each currency. A positive amount is a debit (an asset or a cost grows), a negative one a
// credit. Accounts: client:<party>:receivable, owner:<party>:payable, manufacturer:compute-income, manufacturer:storage-income,
// manufacturer:lease-cost, incentives:<kind>, owner:<party>:incentives,
// owner:<party>:purchases, manufacturer:sales.
// Records: Table::Ledger, key = number in 12 digits from 000000000001, value = JSON. A record is never changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fleet/store/store.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"

namespace fleet::ledger {
using namespace policies::vocabulary;

// What was measured: whole numbers with their unit in the name ("power_mhz", "occupied_ms_after"), never floating point.
struct Measurement {
  std::string kind;     // "cluster-power", "owner-work", ... see billing.h
  std::string subject;  // what was measured: "job j00000001", "machine 3f..."
  std::vector<std::pair<std::string, std::int64_t>> quantities;
  // The quantity of that name; nothing when there is none.
  [[nodiscard]] std::optional<std::int64_t> quantity(std::string_view name) const;
  bool operator==(const Measurement&) const = default;
};

// The rule by which the measurement became money: a file of policies/rules and its version.
struct Rule {
  std::string id;
  std::uint32_t version = 0;
  bool operator==(const Rule&) const = default;
};

struct Posting {
  std::string account;
  Money amount;
  bool operator==(const Posting&) const = default;
};

// An entry that is not yet in the journal.
struct Draft {
  std::string natural_key;  // names the event: the same event is never booked twice; at most 256 bytes
  Rule rule;
  Measurement measurement;
  std::string text;  // for people
  std::vector<Posting> postings;
};

struct Entry {
  std::uint64_t number = 0;  // from 1, without gaps
  Instant at;
  Draft draft;
  std::string previous_hash;  // of the entry before; 64 zeros for the first
  std::string hash;           // SHA-256 of the entry's canonical JSON without this field
};
// Golden: the chain depends on it.
std::string text_of(const Entry& entry);
// What `hash` must be.
std::string hash_of(const Entry& entry);
// Corrupt for anything else than what text_of made.
Result<Entry> entry_from(std::string_view text);

struct StatementLine {
  std::uint64_t entry = 0;
  Instant at;
  std::string account;
  Money amount;  // positive: the party owes the manufacturer; negative: the manufacturer owes the party
  std::string text;
  Rule rule;
  Measurement measurement;
};
struct Statement {
  PartyId party;
  Instant from;
  Instant to;
  std::vector<StatementLine> lines;
  Money total;  // same sign as the lines
};

struct Verification {
  std::uint64_t entries = 0;
  bool balanced = true;
  bool chain_intact = true;
  std::string first_fault;  // "entry 17: ..."; empty when there is none
};

std::string client_account(const PartyId& party);  // client:<party>:receivable
std::string owner_account(const PartyId& party);   // owner:<party>:payable

// The end of the chain and what has been booked. What it books is in `batch` and becomes true when the caller commits it.
// Not thread-safe: one event loop owns it.
class Journal {
 public:
  // `currency` is that of totals; entries in another are refused.
  explicit Journal(Currency currency) : currency_(std::move(currency)) {}

  // Replaces what is in memory by what the store holds; Corrupt when the chain is broken.
  Done load(store::Store& store);

  // The number of the entry; that of the earlier one when the natural key was booked before (then nothing is added). InvalidInput
  // when it does not balance, has no postings, an empty key or account, or another currency.
  Result<std::uint64_t> book(Draft draft, Instant at, store::Batch& batch);
  [[nodiscard]] bool is_booked(std::string_view natural_key) const;
  // Sum of all postings to the account; zero for an unknown one.
  [[nodiscard]] Money balance(std::string_view account) const;
  [[nodiscard]] std::uint64_t size() const { return last_number_; }
  // What the party owes (positive) or is owed (negative), over all its accounts.
  [[nodiscard]] Money balance_of(const PartyId& party) const;
  // What the party was billed (debits to its receivable account) since `from`; for spending limits.
  [[nodiscard]] Money billed_since(const PartyId& party, Instant from) const;

  // These read what is durable. from <= at < to.
  Result<Statement> statement(store::Store& store, const PartyId& party, Instant from, Instant to) const;
  static Result<Entry> entry(store::Store& store, std::uint64_t number);  // NotFound
  // Up to `count` entries from number `from`.
  static Result<std::vector<Entry>> entries(store::Store& store, std::uint64_t from, std::size_t count);
  // Reads the whole journal and recomputes every hash and sum.
  static Result<Verification> verify(store::Store& store);

 private:
  struct Line {
    std::uint64_t entry = 0;
    Instant at;
    std::int64_t minor = 0;
  };
  void remember(const Entry& entry);
  // Calls `visit` for each account of the party.
  void visit_accounts(const PartyId& party, const std::function<void(const std::string&, const std::vector<Line>&)>& visit) const;

  Currency currency_;
  std::uint64_t last_number_ = 0;
  std::string last_hash_ = std::string(64, '0');
  std::unordered_map<std::string, std::uint64_t> booked_;           // natural key -> entry
  std::map<std::string, std::vector<Line>, std::less<>> lines_;     // account of a party -> its postings, in order
  std::unordered_map<std::string, std::int64_t> balances_;          // account -> minor units
};

}  // namespace fleet::ledger
