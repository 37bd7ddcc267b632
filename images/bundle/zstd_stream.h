// zstd with the settings of FORMAT.md, in pieces.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace images::bundle {
using namespace policies::vocabulary;

// One frame: level 9, checksum, window of 8 MiB, one thread.
class Compressor {
 public:
  // `take` gets the compressed bytes in pieces of up to 1 MiB.
  explicit Compressor(std::function<Done(std::string_view)> take);
  ~Compressor();
  Done add(std::string_view bytes);
  // Call once, last.
  Done finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Decompressor {
 public:
  // `give` yields compressed bytes, and nothing at their end.
  explicit Decompressor(std::function<Result<std::string>()> give);
  ~Decompressor();
  // Decompressed bytes, valid until the next call; nothing after the end of the frame. InvalidInput when the bytes are
  // no whole zstd frame with a window of at most 8 MiB, or something follows it.
  Result<std::string_view> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace images::bundle
