// An archive of FORMAT.md, read in one pass and held against its own manifest. It verifies no signature: see bundle.h.
#pragma once

#include <string>

#include "images/bundle/bundle.h"

namespace images::bundle {

struct ArchiveFacts {
  Manifest manifest;
  Digest manifest_sha256;
  Digest archive_sha256;  // of all bytes at `path`, as they were read
  Bytes archive_size;
  std::uint64_t payload_offset = 0;  // of a bundle with an operating system; else the archive's size
};

// Whether archive_sha256 counts the payload too, which means reading it; else it stays empty for a bundle that has one.
enum class PayloadDigest { Taken, LeftOut };

// Every entry goes to `sink` in the manifest's order, its content as it is read: what is wrong further on is found
// further on. InvalidInput or LimitExceeded when the archive breaks its format; Corrupt when a content is not what the
// manifest says.
Result<ArchiveFacts> read_archive(files::Files& files, const std::string& path, Sink& sink,
                                  PayloadDigest payload = PayloadDigest::Taken);

// For reading without wanting anything.
class NoSink final : public Sink {
 public:
  Done begin(const Entry&) override { return {}; }
  Done write(std::string_view) override { return {}; }
  Done end(const Entry&) override { return {}; }
};

}  // namespace images::bundle
