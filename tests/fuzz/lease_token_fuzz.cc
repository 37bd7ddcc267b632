// links: provision_disk
#include <cstdint>
#include <string_view>

#include "provision/disk/luks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace provision::disk;
  const auto token = token_from_json({reinterpret_cast<const char*>(bytes), size});
  if (!token) return 0;
  const auto again = token_from_json(token_json(*token));
  policies::vocabulary::invariant(again && *again == *token, "a token changes when it is written and read");
  return 0;
}
