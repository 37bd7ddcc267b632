// links: agent_partition
#include <cstdint>
#include <string_view>

#include "agent/partition/opening.h"

// What the lease command printed, and what the controller answered: read or refused, and a key that is taken has its one form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace agent::partition;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const int status : {0, 1, 4}) {
    const auto answer = open_answer_from(status, text);
    invariant(!answer || answer->open == (status == 0), "an answer agrees with its status");
  }
  const auto key = slot_key_from(text);
  invariant(!key || key->size() == 64, "a slot key has 64 digits");
  return 0;
}
