// How kinds of keys are called on the command line.
#pragma once

#include <string_view>

#include "images/keys/keys.h"

namespace images::cli {

inline std::string_view word_of(keys::KeyKind kind) {
  return kind == keys::KeyKind::SigningKey ? "signing" : "machine";
}
inline std::string_view described(keys::KeyKind kind) {
  return kind == keys::KeyKind::SigningKey ? "signing (Ed25519)" : "machine (ECDSA P-256)";
}

}  // namespace images::cli
