// The port to the machine's TPM 2.0: it keeps one slot key for the boot state that the machine had when it was sealed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/lease/secret.h"

namespace provision::lease {
using namespace policies::vocabulary;

// The register that Secure Boot's state is measured into: whether it is on, its keys, and who signed what was started
// (TCG PC Client Platform Firmware Profile, 3.3.4). decisions/0002 says why this one alone.
inline constexpr std::uint32_t boot_state_register = 7;

// What a TPM gives back for a key that it sealed. No secret: it opens nothing without that TPM in that state.
struct SealedKey {
  std::string bank;                      // hash of the registers: "sha256"
  std::vector<std::uint32_t> registers;  // PCRs, ascending, each 0 to 23, at least one
  std::string public_part;               // TPM2B_PUBLIC as marshalled, at most 2 KiB
  std::string private_part;              // TPM2B_PRIVATE as marshalled, at most 2 KiB
  bool operator==(const SealedKey&) const = default;
};

class Tpm {
 public:
  virtual ~Tpm() = default;

  // Seals `key` (32 bytes) to the present values of boot_state_register. Unsupported when this TPM keeps no such SHA-256
  // register: a key sealed to nothing would be open to everything. Unavailable when the TPM cannot be spoken to.
  virtual Result<SealedKey> seal(const Secret& key) = 0;

  // Refused when the registers differ from what they were, or when another TPM sealed it (a new mainboard, a cleared TPM);
  // Unavailable when the TPM cannot be spoken to.
  virtual Result<Secret> unseal(const SealedKey& sealed) = 0;

  // Whether anything was measured into boot_state_register since power on; false for firmware that measures nothing, on
  // which sealing binds a key to the TPM but to no boot state.
  virtual Result<bool> boot_state_is_measured() = 0;
};

}  // namespace provision::lease
