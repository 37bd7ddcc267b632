// links: provision_install
#include <string>

#include "provision/install/system_tree.h"

// A marker that is accepted reads back from its own text as the same marker.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace provision::install;
  const Result<InstallationMarker> marker = marker_from({reinterpret_cast<const char*>(data), size});
  if (!marker) return 0;
  const Result<InstallationMarker> again = marker_from(text_of(*marker));
  invariant(again && *again == *marker, "a marker reads back as itself");
  return 0;
}
