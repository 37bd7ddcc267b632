// One opened context of libcryptsetup, and its complaints as errors. For this folder's sources only.
#pragma once

#include <libcryptsetup.h>

#include <memory>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace provision::disk {
using namespace policies::vocabulary;

struct CryptFree {
  void operator()(crypt_device* device) const { crypt_free(device); }
};
using CryptDevice = std::unique_ptr<crypt_device, CryptFree>;

struct CryptHandle {
  std::unique_ptr<std::string> complaint = std::make_unique<std::string>();
  CryptDevice device;

  // `code` is what libcryptsetup returned, a negative errno.
  [[nodiscard]] Error failure(std::string_view act, int code) const;
};

// Reads nothing yet.
Result<CryptHandle> crypt_handle(const std::string& path);

// PBKDF2 at its least cost: slot keys are 256 random bits, which no derivation makes harder to guess.
int set_least_derivation(crypt_device* device, crypt_pbkdf_type& derivation);

}  // namespace provision::disk
