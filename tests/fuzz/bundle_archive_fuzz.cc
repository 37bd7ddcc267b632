// links: images_bundle tests_fakes
#include "images/bundle/archive_reader.h"
#include "tests/fakes/memory_files.h"

// Whatever bytes lie where an archive is expected: an error or a manifest, and no more memory than the format allows.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::fakes::MemoryFiles files;
  const bool stored =
      files.replace("/b", {reinterpret_cast<const char*>(data), size}, images::files::Access::Everyone).has_value();
  images::bundle::NoSink nowhere;
  if (stored) static_cast<void>(images::bundle::read_archive(files, "/b", nowhere));
  return 0;
}
