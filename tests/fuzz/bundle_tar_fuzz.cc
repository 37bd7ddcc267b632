// links: images_bundle tests_fakes
#include <zstd.h>

#include "images/bundle/archive_reader.h"
#include "tests/fakes/memory_files.h"

// The same reader as bundle_archive, but the input is what lies inside the compression, which a fuzzer seldom gets
// through.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string archive(ZSTD_compressBound(size), '\0');
  archive.resize(ZSTD_compress(archive.data(), archive.size(), data, size, 1));
  tests::fakes::MemoryFiles files;
  const bool stored = files.replace("/b", archive, images::files::Access::Everyone).has_value();
  images::bundle::NoSink nowhere;
  if (stored) static_cast<void>(images::bundle::read_archive(files, "/b", nowhere));
  return 0;
}
