// Which slot to try, when to seal anew, what to take away: decided purely from what the container says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "provision/disk/luks_container.h"
#include "provision/lease/machine_tokens.h"

namespace provision::lease {

// The slots of a lease partition by their purpose.
struct Slots {
  struct Sealed {
    std::uint32_t token = 0;  // number of the LUKS2 token
    std::uint32_t slot = 0;
    SealedKey key;
  };
  std::optional<std::uint32_t> controller;  // whose key the controller hands to the machine
  std::optional<std::uint32_t> recovery;    // whose key only people at the manufacturer take out
  std::vector<Sealed> sealed;               // by this machine's TPM, the newest first
  std::optional<FilesystemToken> filesystem;
  std::vector<std::uint32_t> stray_slots;   // in use, but no token of ours names them: a sealing was cut
  std::vector<std::uint32_t> stray_tokens;  // of ours, but unreadable or without a slot: a sealing or retiring was cut
};
// InvalidInput when the container has no token of ours: then it is not a lease partition that we made.
Result<Slots> slots_of(const disk::ContainerFacts& facts);

enum class Means {
  Mapped,  // it is open already: the kernel holds the volume key
  Tpm,     // the slot key that the TPM sealed
  Given,   // the key that came with the call, from the controller or from an operator
};
std::string_view name_of(Means means);

struct Attempt {
  Means means = Means::Mapped;
  std::uint32_t slot = 0;     // not of Mapped
  std::size_t sealed = 0;     // index in Slots::sealed, of Tpm
  bool operator==(const Attempt&) const = default;
};
// In the order in which they are to be tried: what needs no key first, then the TPM, then the key that was given.
std::vector<Attempt> attempts(const Slots& slots, bool mapped, bool tpm_present, bool key_given);

// Whether to seal a new slot now. With a key at hand and a TPM that did not give its own: always. That is the first
// activation, and the recovery after a firmware update.
bool shall_seal(const Attempt& opened_by, bool tpm_present);

// What is to go, given the TPM slot that was just seen to open (nullopt: none was). Never a slot that the factory's token
// names, and no TPM slot while none was seen to open.
struct Retirement {
  std::vector<std::uint32_t> slots;
  std::vector<std::uint32_t> tokens;
  bool operator==(const Retirement&) const = default;
};
Retirement retirement(const Slots& slots, std::optional<std::uint32_t> opening_slot);

enum class FilesystemAct {
  Make,     // no mark: nothing of value was ever inside
  Mend,     // ours: check it, mount it
  Unsound,  // marked as whole, but not there any more: nothing is guessed, nothing overwritten
};
// `found` is what lies in the opened partition.
FilesystemAct filesystem_act(const std::optional<FilesystemToken>& mark, const disk::FilesystemFacts& found);

}  // namespace provision::lease
