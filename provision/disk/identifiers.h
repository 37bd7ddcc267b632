// Names that machines read: partition types, and UUIDs made from a seed instead of by chance.
#pragma once

#include <string>
#include <string_view>

namespace provision::disk {

// GPT partition types (UEFI 2.10, 5.3.3; the Discoverable Partitions Specification for x86-64).
inline constexpr std::string_view esp_type = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
inline constexpr std::string_view root_type = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709";
inline constexpr std::string_view home_type = "933AC7E1-2EB4-4F13-B844-0E14E2AEF915";

// Version 8 UUID (RFC 9562, 5.8), lower case: the first 122 bits of SHA-256 over seed and purpose.
std::string uuid_from(std::string_view seed, std::string_view purpose);
// "ABCD-1234": the volume id of a FAT filesystem.
std::string fat_id_from(std::string_view seed, std::string_view purpose);

std::string upper_case(std::string_view text);  // ASCII only
std::string lower_case(std::string_view text);

}  // namespace provision::disk
