// links: images_bundle
#include <string>

#include "images/bundle/manifest.h"

// A manifest that is accepted reads back from its own text as the same manifest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace images::bundle;
  const Result<Manifest> manifest = manifest_from({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  const Result<Manifest> again = manifest_from(text_of(*manifest));
  invariant(again && *again == *manifest, "a manifest reads back as itself");
  return 0;
}
