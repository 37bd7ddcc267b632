// What marks our partition on a disk. Fixed for ever: machines in homes carry it.
#pragma once

#include <cstdint>
#include <string_view>

namespace agent::contract {

// GPT partition type of a lease partition. Made once at random for Leaseback (RFC 4122 version 4).
inline constexpr std::string_view lease_partition_type = "7B1E9C4D-52A8-4F0B-9D63-1A3C8E5F2076";
// GPT attribute bits 62 (hidden) and 63 (no automount), in the meaning of the UEFI basic-data attributes.
inline constexpr std::uint64_t lease_partition_attributes = (std::uint64_t{1} << 62) | (std::uint64_t{1} << 63);
inline constexpr std::string_view lease_partition_label = "LEASE";
// Type of the LUKS2 token that carries our metadata.
inline constexpr std::string_view lease_token_type = "leaseback";
// Types of the LUKS2 tokens that the machine itself adds: a slot key sealed by its TPM, and the mark of a whole filesystem.
inline constexpr std::string_view tpm_token_type = "leaseback-tpm2";
inline constexpr std::string_view filesystem_token_type = "leaseback-filesystem";
// Under which the kernel maps an opened lease partition: /dev/mapper/leaseback-lease.
inline constexpr std::string_view lease_mapping_name = "leaseback-lease";

}  // namespace agent::contract
