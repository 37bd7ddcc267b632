// links: provision_lease
#include <cstdint>
#include <string_view>

#include "provision/lease/machine_tokens.h"

// Tokens of a header that lay on a disk in other hands: what is accepted reads back as itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace provision::lease;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (const auto sealed = tpm_token_from(text)) {
    const auto again = tpm_token_from(token_json(*sealed));
    invariant(again && *again == *sealed, "a TPM token changes when it is written and read");
  }
  if (const auto mark = filesystem_token_from(text)) {
    const auto again = filesystem_token_from(token_json(*mark));
    invariant(again && *again == *mark, "a filesystem token changes when it is written and read");
  }
  return 0;
}
