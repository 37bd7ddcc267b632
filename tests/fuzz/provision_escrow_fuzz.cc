// links: provision_run
#include <string>

#include "provision/run/station.h"

// An escrow file that is accepted has keys of the right size, and reads back from its own text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace provision::run;
  const Result<Escrow> escrow = escrow_from({reinterpret_cast<const char*>(data), size});
  if (!escrow) return 0;
  const Result<Escrow> again = escrow_from(text_of(*escrow));
  invariant(again && again->slot_keys == escrow->slot_keys, "an escrow file reads back as itself");
  return 0;
}
