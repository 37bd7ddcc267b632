#include "provision/disk/luks.h"

#include <fmt/core.h>

#include <cerrno>

#include "agent/contract/disk_markers.h"
#include "images/keys/keys.h"
#include "provision/disk/luks_handle.h"

namespace provision::disk {
namespace {

constexpr std::uint64_t binary_headers_size = 32768;  // two of 16 KiB
constexpr std::string_view luks2_magic("LUKS\xba\xbe\0\2", 8);
// Room for sixteen slots of 256 KiB; libcryptsetup writes all of it, and by default would take the rest of the 16 MiB.
constexpr std::uint64_t slots_size = mebibytes(4).count;

// A copy of the header's first bytes, in a file as large as the partition: libcryptsetup checks that the data behind it fits.
Result<DeviceFile> header_copy(const DeviceFile& disk, const Extent& partition, Bytes length) {
  Result<DeviceFile> copy = DeviceFile::in_memory(partition.size);
  if (!copy) return copy;
  const std::uint64_t end = std::min(partition.size, length).count;
  for (std::uint64_t at = 0; at < end;) {
    // Holes stay holes: a header is 16 MiB, of which a few hundred KiB are written.
    const std::uint64_t next = disk.next_written(partition.start.count + at) - partition.start.count;
    if (next >= end) break;
    const std::uint64_t from = next / 65536 * 65536;
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(1 << 20, end - from));
    Result<std::string> bytes = disk.read(partition.start.count + from, part);
    if (!bytes) return bytes.error();
    if (Done written = copy->write_sparse(from, *bytes); !written) return written.error();
    at = from + part;
  }
  return copy;
}

Done check_keys(const PlannedPartition& partition, const LeaseKeys& keys) {
  const auto invalid = [](std::string message) -> Done { return Error{ErrorCode::InvalidInput, std::move(message), {}}; };
  invariant(partition.luks.has_value(), "a partition to be sealed has a LUKS plan");
  const std::vector<TokenSlot>& slots = partition.luks->token.slots;
  if (keys.volume_key.size() != volume_key_size)
    return invalid(fmt::format("a volume key of {} bytes; it has {}", keys.volume_key.size(), volume_key_size));
  if (keys.slot_keys.size() != slots.size())
    return invalid(fmt::format("{} slot keys for {} slots", keys.slot_keys.size(), slots.size()));
  for (const TokenSlot& slot : slots) {
    const std::string& key = keys.slot_keys[slot.slot];
    if (key.size() != slot_key_size)
      return invalid(fmt::format("the key of slot {} has {} bytes; it has {}", slot.slot, key.size(), slot_key_size));
    if (key_digest_of(key) != slot.key_digest)
      return invalid(fmt::format("the key of slot {} ({}) is not the one that the plan names; go on with the keys of the first run",
                                 slot.slot, slot.purpose));
  }
  return {};
}

Done format_copy(const DeviceFile& copy, const LuksPlan& plan, const LeaseKeys& keys) {
  Result<CryptHandle> luks = crypt_handle(copy.own_path());
  if (!luks) return luks.error();
  crypt_device* device = luks->device.get();
  crypt_pbkdf_type derivation{};
  if (int code = set_least_derivation(device, derivation); code != 0) return luks->failure("choosing the key derivation", code);
  if (int code = crypt_set_metadata_size(device, 0, slots_size); code != 0) return luks->failure("sizing the key slots", code);
  const std::string label(agent::contract::lease_partition_label);
  crypt_params_luks2 parameters{};
  parameters.pbkdf = &derivation;
  parameters.data_alignment = luks_header_size.count / 512;
  parameters.sector_size = 4096;
  parameters.label = label.c_str();
  if (int code = crypt_format(device, CRYPT_LUKS2, "aes", "xts-plain64", plan.uuid.c_str(), keys.volume_key.data(),
                              keys.volume_key.size(), &parameters);
      code != 0)
    return luks->failure("making a LUKS header", code);
  for (const TokenSlot& slot : plan.token.slots) {
    const std::string& key = keys.slot_keys[slot.slot];
    if (int code = crypt_keyslot_add_by_volume_key(device, static_cast<int>(slot.slot), keys.volume_key.data(),
                                                   keys.volume_key.size(), key.data(), key.size());
        code < 0)
      return luks->failure(fmt::format("adding key slot {}", slot.slot), code);
  }
  if (int code = crypt_token_json_set(device, CRYPT_ANY_TOKEN, token_json(plan.token).c_str()); code < 0)
    return luks->failure("adding the token", code);
  return {};
}

// nullopt when the copy holds no header that libcryptsetup accepts.
Result<std::optional<CryptHandle>> loaded(const DeviceFile& copy) {
  Result<std::string> magic = copy.read(0, luks2_magic.size());
  if (!magic) return magic.error();
  if (*magic != luks2_magic) return std::optional<CryptHandle>();
  Result<CryptHandle> luks = crypt_handle(copy.own_path());
  if (!luks) return luks.error();
  if (crypt_load(luks->device.get(), CRYPT_LUKS2, nullptr) != 0) return std::optional<CryptHandle>();
  return std::optional<CryptHandle>(*std::move(luks));
}

Done check_has_header(const Extent& partition) {
  if (partition.size > luks_header_size) return {};
  return Error{ErrorCode::InvalidInput,
               fmt::format("a partition of {} has no room behind a LUKS header of {}", partition.size.text(),
                           luks_header_size.text()), {}};
}

}  // namespace

LeaseKeys::~LeaseKeys() {
  const auto wipe = [](std::string& secret) { ::explicit_bzero(secret.data(), secret.size()); };
  wipe(volume_key);
  for (std::string& key : slot_keys) wipe(key);
}

Result<Contents> luks_contents(const PlannedPartition& partition, const LeaseKeys& keys) {
  if (Done sized = check_has_header(partition.extent); !sized) return sized.error();
  if (Done belong = check_keys(partition, keys); !belong) return belong.error();
  Result<DeviceFile> copy = DeviceFile::in_memory(partition.extent.size);
  if (!copy) return copy.error();
  if (Done formatted = format_copy(*copy, *partition.luks, keys); !formatted) return formatted.error();
  const Bytes start = partition.extent.start;
  Result<std::vector<Piece>> head = pieces_of(*copy, 0, binary_headers_size, start, WrittenZeros::LeftOut);
  if (!head) return head.error();
  Result<std::vector<Piece>> body = pieces_of(*copy, binary_headers_size, luks_header_size.count, start, WrittenZeros::LeftOut);
  if (!body) return body.error();
  return Contents{partition.extent, luks_header_size, *std::move(body), *std::move(head)};
}

Result<std::optional<LuksFacts>> read_luks(const DeviceFile& disk, const Extent& partition) {
  const std::optional<LuksFacts> none;
  if (partition.size <= luks_header_size) return none;
  Result<std::string> magic = disk.read(partition.start.count, luks2_magic.size());
  if (!magic) return magic.error();
  if (*magic != luks2_magic) return none;
  // What it says of itself; a header made by others with larger ones is not one of ours.
  Result<DeviceFile> copy = header_copy(disk, partition, {binary_headers_size});
  if (!copy) return copy.error();
  Result<std::optional<CryptHandle>> luks = loaded(*copy);
  if (!luks) return luks.error();
  if (!*luks) return none;

  crypt_device* device = (*luks)->device.get();
  LuksFacts facts;
  facts.uuid = crypt_get_uuid(device);
  facts.label = crypt_get_label(device) == nullptr ? "" : crypt_get_label(device);
  facts.cipher = fmt::format("{}-{}", crypt_get_cipher(device), crypt_get_cipher_mode(device));
  facts.volume_key_bits = static_cast<std::uint32_t>(crypt_get_volume_key_size(device)) * 8;
  facts.sector_size = static_cast<std::uint32_t>(crypt_get_sector_size(device));
  facts.header_size = {crypt_get_data_offset(device) * 512};
  for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); ++slot) {
    const crypt_keyslot_info status = crypt_keyslot_status(device, slot);
    if (status == CRYPT_SLOT_ACTIVE || status == CRYPT_SLOT_ACTIVE_LAST) facts.slots.push_back(static_cast<std::uint32_t>(slot));
  }
  for (int token = 0; token < crypt_token_max(CRYPT_LUKS2) && !facts.token; ++token) {
    const char* json = nullptr;
    if (crypt_token_json_get(device, token, &json) < 0 || json == nullptr) continue;
    if (Result<LeaseToken> ours = token_from_json(json)) facts.token = *std::move(ours);
  }
  return std::optional<LuksFacts>(std::move(facts));
}

Result<bool> luks_slot_opens(const DeviceFile& disk, const Extent& partition, std::uint32_t slot, const std::string& key) {
  if (Done sized = check_has_header(partition); !sized) return sized.error();
  Result<DeviceFile> copy = header_copy(disk, partition, luks_header_size);
  if (!copy) return copy.error();
  Result<std::optional<CryptHandle>> luks = loaded(*copy);
  if (!luks) return luks.error();
  if (!*luks) return Error{ErrorCode::NotFound, "there is no LUKS2 header", {}};
  const int code = crypt_activate_by_passphrase((*luks)->device.get(), nullptr, static_cast<int>(slot), key.data(), key.size(), 0);
  if (code >= 0) return true;
  if (code == -EPERM || code == -ENOENT) return false;
  return (*luks)->failure(fmt::format("trying key slot {}", slot), code);
}

Done destroy_luks(DeviceFile& disk, const Extent& partition) {
  const std::uint64_t start = partition.start.count;
  const std::uint64_t size = std::min(partition.size, luks_header_size).count;
  const std::uint64_t headers = std::min(size, binary_headers_size);
  // Written zeros, not a hole: a hole would only forget where the key material lies.
  const std::string zeros(size, '\0');
  if (Done written = disk.write(start + headers, std::string_view(zeros).substr(headers)); !written) return written;
  if (Done durable = disk.sync(); !durable) return durable;
  if (Done written = disk.write(start, std::string_view(zeros).substr(0, headers)); !written) return written;
  if (Done durable = disk.sync(); !durable) return durable;
  Result<std::string> there = disk.read(start, size);
  if (!there) return there.error();
  if (*there != zeros) return Error{ErrorCode::Corrupt, "the key slots were overwritten, but read back otherwise; retire this disk", {}};
  return {};
}

}  // namespace provision::disk
