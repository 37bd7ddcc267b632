#include "provision/disk/luks_handle.h"

#include <fmt/core.h>

#include <cstring>

namespace provision::disk {
namespace {

constexpr std::uint32_t slot_iterations = 1000;  // libcryptsetup's least

// libcryptsetup prints to stderr unless told otherwise; its last complaint goes into our error instead. It never names keys.
void keep_complaint(int level, const char* text, void* complaint) {
  if (level != CRYPT_LOG_ERROR) return;
  std::string& kept = *static_cast<std::string*>(complaint);
  kept = text;
  while (!kept.empty() && kept.back() == '\n') kept.pop_back();
}

}  // namespace

Error CryptHandle::failure(std::string_view act, int code) const {
  return {ErrorCode::IoFailure, fmt::format("{}: {}{}{}", act, std::strerror(-code), complaint->empty() ? "" : ": ", *complaint), {}};
}

Result<CryptHandle> crypt_handle(const std::string& path) {
  CryptHandle result;
  crypt_device* device = nullptr;
  if (int code = crypt_init(&device, path.c_str()); code != 0) return result.failure("opening a LUKS header", code);
  result.device.reset(device);
  crypt_set_log_callback(device, keep_complaint, result.complaint.get());
  return result;
}

int set_least_derivation(crypt_device* device, crypt_pbkdf_type& derivation) {
  derivation = {};
  derivation.type = CRYPT_KDF_PBKDF2;
  derivation.hash = "sha256";
  derivation.iterations = slot_iterations;
  derivation.flags = CRYPT_PBKDF_NO_BENCHMARK;
  return crypt_set_pbkdf_type(device, &derivation);
}

}  // namespace provision::disk
