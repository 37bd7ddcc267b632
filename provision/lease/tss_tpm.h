// A TPM 2.0 through the TSS (libtss2-esys). The key is a sealed data object under the owner hierarchy's ECC P-256 storage
// key, its policy PolicyPCR; what travels between us and the TPM is encrypted (salted session, AES-128-CFB), so that a probe
// on the bus reads no key.
#pragma once

#include <memory>
#include <string>

#include "provision/lease/tpm.h"

namespace provision::lease {

class TssTpm final : public Tpm {
 public:
  // `place` is a TCTI configuration: "device:/dev/tpmrm0", "swtpm:host=127.0.0.1,port=2321" (tcti(7)). Unavailable when no
  // TPM answers there.
  static Result<std::unique_ptr<Tpm>> open(const std::string& place);
  ~TssTpm() override;

  Result<SealedKey> seal(const Secret& key) override;
  Result<Secret> unseal(const SealedKey& sealed) override;
  Result<bool> boot_state_is_measured() override;

 private:
  struct Connection;
  explicit TssTpm(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// The place of this machine's own TPM, of those that the kernel offers; empty when there is none.
std::string own_tpm();

}  // namespace provision::lease
