// The bytes of FORMAT.md's archive, written in one pass.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "images/bundle/manifest.h"

namespace images::bundle {

class ArchiveWriter {
 public:
  // `take` gets the archive's bytes in pieces of up to 1 MiB.
  explicit ArchiveWriter(std::function<Done(std::string_view)> take);
  ~ArchiveWriter();

  Done add_manifest(std::string_view text);
  // One file of the manifest, in its order; then its content by add(), exactly entry.size bytes.
  Done begin(const Entry& entry);
  Done add(std::string_view piece);
  // Call once, last.
  Done finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace images::bundle
