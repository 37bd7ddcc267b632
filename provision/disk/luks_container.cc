#include "provision/disk/luks_container.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "provision/disk/luks.h"
#include "provision/disk/luks_handle.h"

namespace provision::disk {
namespace {

bool active(crypt_device* device, const std::string& name) {
  const crypt_status_info status = crypt_status(device, name.c_str());
  return status == CRYPT_ACTIVE || status == CRYPT_BUSY;
}

bool wrong_key(int code) { return code == -EPERM || code == -ENOENT; }

std::string real_path(const char* path) {
  char resolved[PATH_MAX];
  return path == nullptr ? "" : ::realpath(path, resolved) == nullptr ? path : resolved;
}

class CryptsetupContainer final : public LuksContainer {
 public:
  explicit CryptsetupContainer(std::string path) : path_(std::move(path)) {}

  Result<ContainerFacts> read() override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    crypt_device* device = luks->device.get();
    ContainerFacts facts;
    facts.uuid = crypt_get_uuid(device) == nullptr ? "" : crypt_get_uuid(device);
    for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); ++slot) {
      const crypt_keyslot_info status = crypt_keyslot_status(device, slot);
      if (status == CRYPT_SLOT_ACTIVE || status == CRYPT_SLOT_ACTIVE_LAST || status == CRYPT_SLOT_UNBOUND)
        facts.slots.push_back(static_cast<std::uint32_t>(slot));
    }
    for (int number = 0; number < crypt_token_max(CRYPT_LUKS2); ++number) {
      const char* type = nullptr;
      const char* json = nullptr;
      if (crypt_token_status(device, number, &type) == CRYPT_TOKEN_INACTIVE || type == nullptr) continue;
      if (crypt_token_json_get(device, number, &json) < 0 || json == nullptr) continue;
      Result<LeaseToken> ours = token_from_json(json);
      if (ours && !facts.token) facts.token = *std::move(ours);
      else facts.tokens.push_back({static_cast<std::uint32_t>(number), type, json});
    }
    return facts;
  }

  Result<bool> slot_opens(std::uint32_t slot, const std::string& key) override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    const int code = crypt_activate_by_passphrase(luks->device.get(), nullptr, static_cast<int>(slot), key.data(), key.size(), 0);
    if (code >= 0) return true;
    if (wrong_key(code)) return false;
    return luks->failure(fmt::format("trying key slot {}", slot), code);
  }

  Result<std::uint32_t> add_slot(std::uint32_t slot, const std::string& key, const std::string& new_key) override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    crypt_device* device = luks->device.get();
    crypt_pbkdf_type derivation{};
    if (int code = set_least_derivation(device, derivation); code != 0) return luks->failure("choosing the key derivation", code);
    std::string volume_key(static_cast<std::size_t>(crypt_get_volume_key_size(device)), '\0');
    std::size_t length = volume_key.size();
    int code = crypt_volume_key_get(device, static_cast<int>(slot), volume_key.data(), &length, key.data(), key.size());
    if (code >= 0)
      code = crypt_keyslot_add_by_volume_key(device, CRYPT_ANY_SLOT, volume_key.data(), length, new_key.data(), new_key.size());
    else if (wrong_key(code))
      return Error{ErrorCode::Refused, fmt::format("the key does not open slot {}", slot), {}};
    ::explicit_bzero(volume_key.data(), volume_key.size());
    if (code == -EINVAL || code == -ENOSPC) return Error{ErrorCode::OutOfSpace, "there is no room for another key slot: " + *luks->complaint, {}};
    if (code < 0) return luks->failure("adding a key slot", code);
    return static_cast<std::uint32_t>(code);
  }

  Done remove_slot(std::uint32_t slot) override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    const int code = crypt_keyslot_destroy(luks->device.get(), static_cast<int>(slot));
    if (code == 0 || crypt_keyslot_status(luks->device.get(), static_cast<int>(slot)) == CRYPT_SLOT_INACTIVE) return {};
    return luks->failure(fmt::format("destroying key slot {}", slot), code);
  }

  Result<std::uint32_t> add_token(const std::string& json) override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    const int code = crypt_token_json_set(luks->device.get(), CRYPT_ANY_TOKEN, json.c_str());
    if (code < 0) return luks->failure("adding a token", code);
    return static_cast<std::uint32_t>(code);
  }

  Done remove_token(std::uint32_t number) override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    const int code = crypt_token_json_set(luks->device.get(), static_cast<int>(number), nullptr);
    if (code < 0 && code != -ENOENT) return luks->failure("removing a token", code);
    return {};
  }

  Result<bool> mapped(const std::string& name) override {
    if (!active(nullptr, name)) return false;
    crypt_device* device = nullptr;
    if (int code = crypt_init_by_name(&device, name.c_str()); code != 0)
      return Error{ErrorCode::Conflict, fmt::format("{} is mapped, but not as a LUKS container: {}", name, std::strerror(-code)), {}};
    const CryptDevice owned(device);
    const std::string under = real_path(crypt_get_device_name(device));
    if (under == real_path(path_.c_str())) return true;
    return Error{ErrorCode::Conflict, fmt::format("{} maps {}, not {}; unmap it first (cryptsetup close {})", name, under, path_, name), {}};
  }

  Done map(const std::string& name, std::uint32_t slot, const std::string& key) override {
    Result<CryptHandle> luks = loaded();
    if (!luks) return luks.error();
    const int code = crypt_activate_by_passphrase(luks->device.get(), name.c_str(), static_cast<int>(slot), key.data(), key.size(), 0);
    if (code >= 0) return {};
    if (wrong_key(code)) return Error{ErrorCode::Refused, fmt::format("the key does not open slot {}", slot), {}};
    Error error = luks->failure(fmt::format("mapping {} as {}", path_, name), code);
    if (code == -ENOTSUP || code == -ENOTBLK) error.code = ErrorCode::Unsupported;
    return error;
  }

  Done unmap(const std::string& name) override {
    Result<bool> there = mapped(name);
    if (!there || !*there) return there ? Done() : Done(there.error());
    const int code = crypt_deactivate_by_name(nullptr, name.c_str(), 0);
    if (code == 0) return {};
    return Error{code == -EBUSY ? ErrorCode::Conflict : ErrorCode::IoFailure,
                 fmt::format("unmapping {}: {}{}", name, std::strerror(-code), code == -EBUSY ? "; unmount it first" : ""), {}};
  }

 private:
  [[nodiscard]] Result<CryptHandle> loaded() const {
    Result<CryptHandle> luks = crypt_handle(path_);
    if (!luks) return luks;
    const int code = crypt_load(luks->device.get(), CRYPT_LUKS2, nullptr);
    if (code == -EINVAL || code == -ENOENT) return Error{ErrorCode::NotFound, fmt::format("{} holds no whole LUKS2 header", path_), {}};
    if (code != 0) return luks->failure("reading the LUKS header of " + path_, code);
    return luks;
  }
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<LuksContainer>> open_container(const std::string& path) {
  // Calls without a handle (is it mapped?) would print to stderr; what they find comes back as a value.
  crypt_set_log_callback(nullptr, [](int, const char*, void*) {}, nullptr);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::NotFound : errno == EACCES || errno == EPERM ? ErrorCode::PermissionDenied : ErrorCode::IoFailure;
    return Error{code, fmt::format("{}: {}", path, std::strerror(errno)), {}};
  }
  struct stat status {};
  const bool fits = ::fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
  ::close(descriptor);
  if (!fits) return Error{ErrorCode::Unsupported, path + " is neither a partition nor a file", {}};
  return std::unique_ptr<LuksContainer>(std::make_unique<CryptsetupContainer>(path));
}

}  // namespace provision::disk
