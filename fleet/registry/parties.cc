#include <algorithm>

#include "fleet/registry/registry.h"

namespace fleet::registry {
namespace {

constexpr std::size_t id_max = 64;
constexpr std::size_t name_max = 256;

Done check_names(std::string_view id, std::string_view name) {
  const bool good = !id.empty() && id.size() <= id_max && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  if (!good)
    return Error{ErrorCode::InvalidInput, "'" + std::string(id.substr(0, id_max)) + "' is not a name of 1 to 64 of a-z, 0-9, '-', '_', '.'", {}};
  if (name.size() > name_max) return Error{ErrorCode::InvalidInput, "a name of more than 256 bytes", {}};
  return {};
}

}  // namespace

const Party* Registry::find_party(const PartyId& id) const {
  const auto found = parties_.find(id);
  return found == parties_.end() ? nullptr : &found->second;
}

const Line* Registry::find_line(const PartyId& id) const {
  const auto found = lines_.find(id);
  return found == lines_.end() ? nullptr : &found->second;
}

const Line* Registry::find_line_by_key(const KeyId& key) const {
  const auto found = line_keys_.find(key);
  return found == line_keys_.end() ? nullptr : find_line(found->second);
}

Caller Registry::who(const KeyId& key) const {
  Caller caller;
  caller.key = key;
  if (key.empty()) return caller;
  if (const auto party = party_keys_.find(key); party != party_keys_.end()) {
    const Party& record = parties_.at(party->second);
    caller.party = record.id;
    caller.client = record.is(Role::Client);
    caller.staff = record.is(Role::Staff);
    return caller;
  }
  // A machine's id is its key's id. Before enrolment the voucher alone does not make it a caller.
  const Machine* machine = find_machine(MachineId(key.text));
  if (machine != nullptr && !machine->public_key_pem.empty()) caller.machine = machine->id;
  return caller;
}

void Registry::index(const Party& party) {
  if (!party.key.empty()) party_keys_[party.key] = party.id;
}

void Registry::put(const Party& party, store::Batch& batch) {
  batch.push_back({store::Table::Parties, party.id.text, text_of(party)});
}

Done Registry::add_party(Party party, const Happening& how, store::Batch& batch) {
  if (const Done named = check_names(party.id.text, party.name); !named) return named;
  if (party.roles.empty()) return Error{ErrorCode::InvalidInput, "party '" + party.id.text + "' has no role (owner, client, staff)", {}};
  if (!party.key.empty()) {
    const auto holder = party_keys_.find(party.key);
    if ((holder != party_keys_.end() && holder->second != party.id) || line_keys_.contains(party.key) ||
        find_machine(MachineId(party.key.text)) != nullptr)
      return Error{ErrorCode::AlreadyExists, "the key " + party.key.text.substr(0, 16) + "... belongs to somebody else", {}};
  }
  const auto found = parties_.find(party.id);
  if (found == parties_.end()) {
    std::sort(party.roles.begin(), party.roles.end());
    party.roles.erase(std::unique(party.roles.begin(), party.roles.end()), party.roles.end());
    party.since = how.at;
    const Party& added = parties_[party.id] = std::move(party);
    index(added);
    put(added, batch);
    record({.kind = "party-added", .party = added.id, .text = added.name}, how, batch);
    return {};
  }
  const Party& known = found->second;
  if (!party.key.empty() && !known.key.empty() && party.key != known.key)
    return Error{ErrorCode::AlreadyExists, "party '" + known.id.text + "' is there with another key", {}};
  Party merged = known;
  if (!party.name.empty()) merged.name = party.name;
  if (merged.key.empty()) {
    merged.key = party.key;
    merged.public_key_pem = party.public_key_pem;
  }
  if (party.spending_limit) merged.spending_limit = party.spending_limit;
  for (const Role role : party.roles)
    if (!merged.is(role)) merged.roles.push_back(role);
  std::sort(merged.roles.begin(), merged.roles.end());
  if (text_of(merged) == text_of(known)) return {};
  found->second = std::move(merged);
  index(found->second);
  put(found->second, batch);
  record({.kind = "party-changed", .party = found->first, .text = found->second.name}, how, batch);
  return {};
}

Done Registry::add_line(Line line, const Happening& how, store::Batch& batch) {
  if (const Done named = check_names(line.id.text, line.name); !named) return named;
  if (const Line* known = find_line(line.id)) {
    if (known->key == line.key) return {};
    return Error{ErrorCode::AlreadyExists, "line '" + line.id.text + "' is there with another key; register the new key under a new name", {}};
  }
  if (line_keys_.contains(line.key) || party_keys_.contains(line.key))
    return Error{ErrorCode::AlreadyExists, "the key " + line.key.text.substr(0, 16) + "... belongs to somebody else", {}};
  line.since = how.at;
  const Line& added = lines_[line.id] = std::move(line);
  line_keys_[added.key] = added.id;
  batch.push_back({store::Table::Lines, added.id.text, text_of(added)});
  record({.kind = "line-registered", .party = added.id, .text = added.name}, how, batch);
  return {};
}

}  // namespace fleet::registry
