// One record of the vault's log as bytes; see FORMAT.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/vault/vault.h"

namespace agent::vault {

inline constexpr std::size_t head_size = 64;
inline constexpr std::size_t id_max = 512;

enum class RecordKind : std::uint8_t { Shard = 1, Deletion = 2 };

struct Vault::Record {
  RecordKind kind = RecordKind::Shard;
  ShardId shard;
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  Digest digest;
  std::uint32_t bytes_crc = 0;

  // Head, id and bytes on the disk.
  [[nodiscard]] std::uint64_t length() const { return head_size + shard.text.size() + size; }
  [[nodiscard]] std::uint64_t bytes_at() const { return head_size + shard.text.size(); }
  // Head and id. Precondition: the id has 1 to 512 bytes; a Shard's digest is 64 hexadecimal digits.
  [[nodiscard]] std::string head() const;
  // From bytes that begin with a head and hold at least its id. Corrupt when it does not hold its checksum or a field
  // is outside its range.
  static Result<Record> from(std::string_view bytes);
};

}  // namespace agent::vault
