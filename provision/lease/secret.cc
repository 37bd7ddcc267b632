#include "provision/lease/secret.h"

#include <cstring>

namespace provision::lease {

void Secret::wipe() {
  ::explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

// Copied, not stolen: a short string would stay behind in the other's own buffer.
Secret::Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = other.bytes_;
  other.wipe();
  return *this;
}

}  // namespace provision::lease
