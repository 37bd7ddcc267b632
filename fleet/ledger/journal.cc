#include "fleet/ledger/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace fleet::ledger {
namespace {

constexpr std::size_t natural_key_max = 256;
constexpr std::size_t text_max = 1000;
constexpr std::size_t postings_max = 16;

std::string key_of(std::uint64_t number) { return fmt::format("{:012}", number); }

Error wrong(std::string message) { return Error{ErrorCode::InvalidInput, std::move(message), {}}; }

// "client:acme:receivable" belongs to acme; "manufacturer:..." to no party.
bool is_of(std::string_view account, const PartyId& party) {
  for (const std::string_view kind : {"client:", "owner:"}) {
    if (!account.starts_with(kind)) continue;
    const std::string_view rest = account.substr(kind.size());
    return rest.starts_with(party.text) && rest.substr(party.text.size()).starts_with(":");
  }
  return false;
}
bool is_of_some_party(std::string_view account) { return account.starts_with("client:") || account.starts_with("owner:"); }

bool is_balanced(const Draft& draft) {
  std::map<Currency, std::int64_t> sums;
  for (const Posting& posting : draft.postings) sums[posting.amount.currency()] += posting.amount.minor_units();
  return std::all_of(sums.begin(), sums.end(), [](const auto& sum) { return sum.second == 0; });
}

Done check(const Draft& draft, const Currency& currency) {
  if (draft.natural_key.empty() || draft.natural_key.size() > natural_key_max)
    return wrong("an entry needs a natural key of 1 to 256 bytes");
  if (draft.text.size() > text_max) return wrong("an entry's text may have 1000 bytes");
  if (draft.postings.size() < 2 || draft.postings.size() > postings_max) return wrong("an entry needs 2 to 16 postings");
  for (const Posting& posting : draft.postings) {
    if (std::count(posting.account.begin(), posting.account.end(), ':') < 1 || posting.account.size() > natural_key_max)
      return wrong("'" + posting.account.substr(0, natural_key_max) + "' is no account");
    if (is_of_some_party(posting.account) && std::count(posting.account.begin(), posting.account.end(), ':') != 2)
      return wrong("'" + posting.account + "' does not name one party and one purpose");
    if (posting.amount.currency() != currency)
      return wrong("this journal is kept in " + currency.code + ", not in " + posting.amount.currency().code);
  }
  if (!is_balanced(draft)) return wrong("the postings of " + draft.natural_key + " do not sum to zero");
  return {};
}

}  // namespace

void Journal::remember(const Entry& entry) {
  last_number_ = entry.number;
  last_hash_ = entry.hash;
  booked_[entry.draft.natural_key] = entry.number;
  for (const Posting& posting : entry.draft.postings) {
    balances_[posting.account] += posting.amount.minor_units();
    if (is_of_some_party(posting.account))
      lines_[posting.account].push_back({entry.number, entry.at, posting.amount.minor_units()});
  }
}

void Journal::visit_accounts(const PartyId& party,
                             const std::function<void(const std::string&, const std::vector<Line>&)>& visit) const {
  for (const char* kind : {"client:", "owner:"}) {
    const std::string prefix = kind + party.text + ":";
    for (auto found = lines_.lower_bound(prefix); found != lines_.end() && found->first.starts_with(prefix); ++found)
      visit(found->first, found->second);
  }
}

Done Journal::load(store::Store& store) {
  Journal fresh(currency_);
  Done broken;
  const Done scanned = store.scan(store::Table::Ledger, "", [&](std::string_view key, std::string_view value) {
    if (!broken) return;
    const Result<Entry> entry = entry_from(value);
    if (!entry) {
      broken = Error(entry.error()).within("reading ledger entry " + std::string(key));
    } else if (entry->number != fresh.last_number_ + 1 || key != key_of(entry->number) ||
               entry->previous_hash != fresh.last_hash_ || entry->hash != hash_of(*entry)) {
      broken = Error{ErrorCode::Corrupt, "the journal's chain is broken at entry " + std::string(key) + "; compare with a backup", {}};
    } else {
      fresh.remember(*entry);
    }
  });
  if (!scanned) return scanned.error().within("loading the journal");
  if (!broken) return broken.error().within("loading the journal");
  *this = std::move(fresh);
  return {};
}

Result<std::uint64_t> Journal::book(Draft draft, Instant at, store::Batch& batch) {
  if (const auto known = booked_.find(draft.natural_key); known != booked_.end()) return known->second;
  if (Done done = check(draft, currency_); !done) return done.error();
  Entry entry;
  entry.number = last_number_ + 1;
  entry.at = at;
  entry.draft = std::move(draft);
  entry.previous_hash = last_hash_;
  entry.hash = hash_of(entry);
  batch.push_back({store::Table::Ledger, key_of(entry.number), text_of(entry)});
  remember(entry);
  return entry.number;
}

bool Journal::is_booked(std::string_view natural_key) const { return booked_.contains(std::string(natural_key)); }

Money Journal::balance(std::string_view account) const {
  const auto found = balances_.find(std::string(account));
  return {found == balances_.end() ? 0 : found->second, currency_};
}

Money Journal::balance_of(const PartyId& party) const {
  Money sum(0, currency_);
  visit_accounts(party, [&](const std::string& account, const std::vector<Line>&) { sum += balance(account); });
  return sum;
}

Money Journal::billed_since(const PartyId& party, Instant from) const {
  Money sum(0, currency_);
  const auto found = lines_.find(client_account(party));
  if (found == lines_.end()) return sum;
  for (auto line = found->second.rbegin(); line != found->second.rend() && line->at >= from; ++line)
    if (line->minor > 0) sum += Money(line->minor, currency_);
  return sum;
}

Result<Statement> Journal::statement(store::Store& store, const PartyId& party, Instant from, Instant to) const {
  Statement statement{party, from, to, {}, Money(0, currency_)};
  std::vector<std::uint64_t> numbers;
  visit_accounts(party, [&](const std::string&, const std::vector<Line>& lines) {
    for (const Line& line : lines)
      if (line.at >= from && line.at < to) numbers.push_back(line.entry);
  });
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  for (const std::uint64_t number : numbers) {
    Result<Entry> read = entry(store, number);
    if (!read && read.error().code == ErrorCode::NotFound) continue;  // booked, but not durable yet
    if (!read) return read.error();
    for (const Posting& posting : read->draft.postings) {
      if (!is_of(posting.account, party)) continue;
      statement.total += posting.amount;
      statement.lines.push_back({number, read->at, posting.account, posting.amount, read->draft.text, read->draft.rule,
                                 read->draft.measurement});
    }
  }
  return statement;
}

Result<Entry> Journal::entry(store::Store& store, std::uint64_t number) {
  const Result<std::string> text = store.get(store::Table::Ledger, key_of(number));
  if (!text) return text.error().within("reading ledger entry " + std::to_string(number));
  Result<Entry> entry = entry_from(*text);
  if (!entry) return entry.error().within("reading ledger entry " + std::to_string(number));
  return entry;
}

Result<std::vector<Entry>> Journal::entries(store::Store& store, std::uint64_t from, std::size_t count) {
  std::vector<Entry> found;
  for (std::uint64_t number = std::max<std::uint64_t>(1, from); found.size() < count; ++number) {
    Result<Entry> read = entry(store, number);
    if (!read && read.error().code == ErrorCode::NotFound) break;  // numbers have no gaps
    if (!read) return read.error();
    found.push_back(std::move(*read));
  }
  return found;
}

Result<Verification> Journal::verify(store::Store& store) {
  Verification result;
  std::string previous(64, '0');
  const auto fault = [&result](std::string_view key, std::string_view what) {
    if (result.first_fault.empty()) result.first_fault = "entry " + std::string(key) + ": " + std::string(what);
  };
  const Done scanned = store.scan(store::Table::Ledger, "", [&](std::string_view key, std::string_view value) {
    ++result.entries;
    const Result<Entry> entry = entry_from(value);
    if (!entry) {
      result.chain_intact = false;
      return fault(key, entry.error().message);
    }
    if (entry->number != result.entries || key != key_of(entry->number) || entry->previous_hash != previous) {
      result.chain_intact = false;
      fault(key, "it does not follow the entry before it");
    } else if (entry->hash != hash_of(*entry)) {
      result.chain_intact = false;
      fault(key, "it was changed after it was booked");
    }
    if (!is_balanced(entry->draft)) {
      result.balanced = false;
      fault(key, "its postings do not sum to zero");
    }
    previous = entry->hash;
  });
  if (!scanned) return scanned.error().within("verifying the journal");
  return result;
}

}  // namespace fleet::ledger
