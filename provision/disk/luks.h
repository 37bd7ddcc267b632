// The LUKS2 header of a lease partition. libcryptsetup works on a copy of it in memory; nothing here needs device-mapper.
#pragma once

#include <optional>
#include <string>

#include "provision/disk/contents.h"
#include "provision/disk/device_file.h"
#include "provision/disk/disks.h"

namespace provision::disk {

// aes-xts-plain64, 512-bit volume key, sectors of 4096 bytes, header of luks_header_size. Slot keys are random 256-bit keys,
// so the key derivation runs at its least cost. The two binary headers are the head: without them there is no LUKS header.
// InvalidInput when keys and plan do not belong together.
Result<Contents> luks_contents(const PlannedPartition& partition, const LeaseKeys& keys);

// nullopt when there is no whole LUKS2 header.
Result<std::optional<LuksFacts>> read_luks(const DeviceFile& disk, const Extent& partition);

Result<bool> luks_slot_opens(const DeviceFile& disk, const Extent& partition, std::uint32_t slot, const std::string& key);

// Overwrites key material, then the headers, each durably, and reads back zeros.
Done destroy_luks(DeviceFile& disk, const Extent& partition);

// The token as JSON text, and back. InvalidInput for what is not ours or exceeds the limits of LeaseToken.
std::string token_json(const LeaseToken& token);
Result<LeaseToken> token_from_json(std::string_view json);

}  // namespace provision::disk
