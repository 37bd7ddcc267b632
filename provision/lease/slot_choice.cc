#include "provision/lease/slot_choice.h"

#include <algorithm>

#include "agent/contract/disk_markers.h"

namespace provision::lease {
namespace {

bool holds(const std::vector<std::uint32_t>& numbers, std::uint32_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

}  // namespace

std::string_view name_of(Means means) {
  switch (means) {
    case Means::Mapped:
      return "mapped";
    case Means::Tpm:
      return "tpm";
    case Means::Given:
      return "given-key";
  }
  return "unknown";
}

Result<Slots> slots_of(const disk::ContainerFacts& facts) {
  if (!facts.token)
    return Error{ErrorCode::InvalidInput, "the LUKS2 header has no token of ours: this is no lease partition that a line made", {}};
  Slots slots;
  std::vector<std::uint32_t> named;
  for (const disk::TokenSlot& slot : facts.token->slots) {
    named.push_back(slot.slot);
    if (!holds(facts.slots, slot.slot)) continue;
    if (slot.purpose == "controller") slots.controller = slot.slot;
    if (slot.purpose == "recovery") slots.recovery = slot.slot;
  }
  for (const disk::ContainerToken& token : facts.tokens) {
    if (token.type == agent::contract::filesystem_token_type) {
      Result<FilesystemToken> mark = filesystem_token_from(token.json);
      // A mark that cannot be read still says that something of value is inside: one that fits no filesystem.
      slots.filesystem = mark ? *std::move(mark) : FilesystemToken{};
    } else if (token.type == agent::contract::tpm_token_type) {
      Result<TpmToken> sealed = tpm_token_from(token.json);
      // A token that names a slot of the factory's would have us take that slot away one day.
      if (sealed && sealed->slot && holds(facts.slots, *sealed->slot) && !holds(named, *sealed->slot)) {
        slots.sealed.push_back({token.number, *sealed->slot, std::move(sealed->sealed)});
        named.push_back(*sealed->slot);
      } else {
        slots.stray_tokens.push_back(token.number);
      }
    }
  }
  // Slots and tokens take the lowest free number, so neither tells age; but at most one is left over from before, and it
  // is tried too.
  std::reverse(slots.sealed.begin(), slots.sealed.end());
  for (const std::uint32_t slot : facts.slots)
    if (!holds(named, slot)) slots.stray_slots.push_back(slot);
  return slots;
}

std::vector<Attempt> attempts(const Slots& slots, bool mapped, bool tpm_present, bool key_given) {
  if (mapped) return {{Means::Mapped, 0, 0}};
  std::vector<Attempt> order;
  for (std::size_t i = 0; tpm_present && i < slots.sealed.size(); ++i) order.push_back({Means::Tpm, slots.sealed[i].slot, i});
  if (key_given)
    for (const auto& slot : {slots.controller, slots.recovery})
      if (slot) order.push_back({Means::Given, *slot, 0});
  return order;
}

bool shall_seal(const Attempt& opened_by, bool tpm_present) { return opened_by.means == Means::Given && tpm_present; }

Retirement retirement(const Slots& slots, std::optional<std::uint32_t> opening_slot) {
  Retirement going;
  if (!opening_slot) return going;
  for (const Slots::Sealed& sealed : slots.sealed) {
    if (sealed.slot == *opening_slot) continue;
    going.slots.push_back(sealed.slot);
    going.tokens.push_back(sealed.token);
  }
  for (const std::uint32_t slot : slots.stray_slots)
    if (slot != *opening_slot) going.slots.push_back(slot);
  going.tokens.insert(going.tokens.end(), slots.stray_tokens.begin(), slots.stray_tokens.end());
  std::sort(going.slots.begin(), going.slots.end());
  std::sort(going.tokens.begin(), going.tokens.end());
  return going;
}

FilesystemAct filesystem_act(const std::optional<FilesystemToken>& mark, const disk::FilesystemFacts& found) {
  if (!mark) return FilesystemAct::Make;
  // A torn superblock reads back without its UUID; e2fsck mends it from its backups.
  if (found.kind == disk::FilesystemKind::Ext4 && (found.torn || found.uuid == mark->uuid)) return FilesystemAct::Mend;
  return FilesystemAct::Unsound;
}

}  // namespace provision::lease
