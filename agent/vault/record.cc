#include "agent/vault/record.h"

#include "agent/journal/journal.h"
#include "policies/vocabulary/hex.h"

namespace agent::vault {
namespace {

constexpr std::string_view magic = "LBV1";
constexpr std::size_t crc_at = 60;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Error corrupt(std::string message) { return Error{ErrorCode::Corrupt, std::move(message), {}}; }

}  // namespace

std::string Vault::Record::head() const {
  invariant(!shard.text.empty() && shard.text.size() <= id_max, "a shard's id has 1 to 512 bytes");
  std::string out(magic);
  put(out, static_cast<std::uint64_t>(kind), 1);
  put(out, 0, 1);
  put(out, shard.text.size(), 2);
  put(out, sequence, 8);
  put(out, size, 8);
  if (kind == RecordKind::Shard) {
    Result<std::string> raw = bytes_of_hex(digest.text);
    invariant(raw.has_value() && raw->size() == 32, "a shard's digest is a SHA-256");
    out += *raw;
  } else {
    out.append(32, '\0');
  }
  put(out, bytes_crc, 4);
  put(out, journal::crc32c(shard.text, journal::crc32c(out)), 4);
  return out + shard.text;
}

Result<Vault::Record> Vault::Record::from(std::string_view bytes) {
  if (bytes.size() < head_size || bytes.substr(0, 4) != magic) return corrupt("no record begins here");
  const std::size_t id_length = number_at(bytes, 6, 2);
  if (id_length == 0 || id_length > id_max || bytes.size() < head_size + id_length)
    return corrupt("the id's length is out of range");
  const std::string_view id = bytes.substr(head_size, id_length);
  if (journal::crc32c(id, journal::crc32c(bytes.substr(0, crc_at))) != number_at(bytes, crc_at, 4)) {
    return corrupt("the head does not have its checksum");
  }
  Record record;
  record.kind = static_cast<RecordKind>(bytes[4]);
  record.shard = ShardId{std::string(id)};
  record.sequence = number_at(bytes, 8, 8);
  record.size = number_at(bytes, 16, 8);
  record.bytes_crc = static_cast<std::uint32_t>(number_at(bytes, 56, 4));
  const bool shard_record = record.kind == RecordKind::Shard;
  if (!shard_record && (record.kind != RecordKind::Deletion || record.size != 0))
    return corrupt("the record's kind is unknown");
  if (record.size > (std::uint64_t{1} << 40) || record.sequence == 0 || record.sequence == UINT64_MAX) {
    return corrupt("a field is out of range");
  }
  if (shard_record) record.digest = Digest{hex_of(bytes.substr(24, 32))};
  return record;
}

}  // namespace agent::vault
