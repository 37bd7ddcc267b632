#include "agent/vault/vault.h"

#include <cstdio>

#include "agent/journal/journal.h"
#include "agent/vault/record.h"
#include "images/keys/keys.h"

namespace agent::vault {
namespace {

using images::files::Access;

// A deletion may use this much of the reserve: it is what makes room.
constexpr std::uint64_t deletion_slack = head_size + id_max;

std::optional<std::uint64_t> segment_of(const std::string& name) {
  if (name.size() != 12 || !name.ends_with(".log")) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : name.substr(0, 8)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

}  // namespace

VaultLimits limits_for(Bytes budget) {
  const Bytes part{std::min<std::uint64_t>(mebibytes(64).count, budget.count / 16)};
  return {.budget = budget, .segment_max = part, .shard_max = part};
}

Vault::Vault(images::files::Files& files, std::string folder, VaultLimits limits)
    : files_(&files), folder_(std::move(folder)), limits_(limits) {}

std::string Vault::path_of(std::uint64_t segment) const {
  char name[32];
  std::snprintf(name, sizeof name, "/%08llu.log", static_cast<unsigned long long>(segment));
  return folder_ + name;
}

// The largest segment there can be: closed only once it is over its limit, with one record that crossed it.
std::uint64_t Vault::reserve() const {
  return limits_.segment_max.count + limits_.shard_max.count + 2 * deletion_slack;
}

std::uint64_t Vault::live() const {
  std::uint64_t sum = 0;
  for (const auto& [number, segment] : segments_) sum += segment.live;
  return sum;
}

Bytes Vault::used() const {
  Bytes sum;
  for (const auto& [number, segment] : segments_) sum += Bytes{segment.size};
  return sum;
}

Bytes Vault::available() const {
  const std::uint64_t taken = live() + reserve() + head_size + id_max;
  return Bytes{limits_.budget.count > taken ? limits_.budget.count - taken : 0};
}

Result<Vault> Vault::open(images::files::Files& files, std::string folder, VaultLimits limits) {
  Vault vault(files, std::move(folder), limits);
  const std::string doing = "opening the vault " + vault.folder_;
  Done recovered = files.make_directory(vault.folder_, Access::OwnerOnly);
  if (recovered) recovered = vault.recover();
  if (!recovered) return recovered.error().within(doing);
  return vault;
}

Done Vault::recover() {
  Result<std::vector<std::string>> names = files_->list(folder_);
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    const std::optional<std::uint64_t> number = segment_of(name);
    if (!number) continue;
    Result<std::uint64_t> size = files_->size(path_of(*number));
    if (!size) return std::move(size).error();
    segments_[*number] = {.size = *size, .live = 0};
  }
  for (const auto& [number, segment] : segments_) {
    Result<std::vector<std::pair<std::uint64_t, Record>>> records = records_of(number, segment.size);
    if (!records) return std::move(records).error().within("reading " + path_of(number));
    for (const auto& [offset, record] : *records) count(number, offset, record);
    recovery_.torn_bytes +=
        segment.size - (records->empty() ? 0 : records->back().first + records->back().second.length());
  }
  // Deletions may stand before a copied shard in the log: only now is it known what counts.
  for (auto shard = shards_.begin(); shard != shards_.end();) {
    const Place& place = shard->second;
    if (deleted_.contains(place.sequence)) {
      shard = shards_.erase(shard);
    } else {
      segments_[place.segment].live += head_size + shard->first.text.size() + place.size;
      ++shard;
    }
  }
  begin_segment_ = true;
  return {};
}

// The whole records of a segment, with their places. The last one alone may be torn, so only its bytes are checked.
Result<std::vector<std::pair<std::uint64_t, Vault::Record>>> Vault::records_of(std::uint64_t segment,
                                                                               std::uint64_t size) {
  std::vector<std::pair<std::uint64_t, Record>> records;
  for (std::uint64_t offset = 0; size - offset >= head_size;) {
    Result<std::string> head = files_->read_range(path_of(segment), offset, head_size + id_max);
    if (!head) return std::move(head).error();
    Result<Record> record = Record::from(*head);
    if (!record || record->length() > size - offset) break;
    const std::uint64_t end = offset + record->length();
    if (size - end < head_size + 1) {
      Result<bool> good = whole(segment, offset, *record);
      if (!good) return std::move(good).error();
      if (!*good) break;
    }
    records.emplace_back(offset, *std::move(record));
    offset = end;
  }
  return records;
}

Result<bool> Vault::whole(std::uint64_t segment, std::uint64_t offset, const Record& record) {
  Result<std::string> bytes = files_->read_range(path_of(segment), offset + record.bytes_at(), record.size);
  if (!bytes) return std::move(bytes).error();
  return bytes->size() == record.size && journal::crc32c(*bytes) == record.bytes_crc;
}

void Vault::count(std::uint64_t segment, std::uint64_t offset, const Record& record) {
  ++recovery_.records;
  next_sequence_ = std::max(next_sequence_, record.sequence + 1);
  if (record.kind == RecordKind::Deletion) {
    deleted_.insert(record.sequence);
    return;
  }
  ++copies_[record.sequence];
  const auto known = shards_.find(record.shard);
  if (known != shards_.end() && known->second.sequence >= record.sequence) return;
  shards_[record.shard] = {
      .segment = segment, .offset = offset, .size = record.size, .sequence = record.sequence, .digest = record.digest};
}

bool Vault::holds(const ShardId& shard, const Digest& digest) const {
  const auto held = shards_.find(shard);
  return held != shards_.end() && held->second.digest == digest;
}

std::vector<HeldShard> Vault::inventory() const {
  std::vector<HeldShard> held;
  held.reserve(shards_.size());
  for (const auto& [shard, place] : shards_) held.push_back({shard, place.digest, Bytes{place.size}});
  return held;
}

Done Vault::store(const ShardId& shard, const Digest& digest, std::string_view bytes) {
  const std::string doing = "storing shard " + shard.text;
  if (shard.text.empty() || shard.text.size() > id_max)
    return Error{ErrorCode::InvalidInput, "a shard's id has 1 to 512 bytes", {doing}};
  if (bytes.size() > limits_.shard_max.count) {
    return Error{ErrorCode::LimitExceeded,
                 Bytes{bytes.size()}.text() + " are more than the " + limits_.shard_max.text() + " of one shard",
                 {doing}};
  }
  if (images::keys::sha256(bytes) != digest)
    return Error{ErrorCode::InvalidInput, "the bytes do not have the digest " + digest.text, {doing}};
  const auto held = shards_.find(shard);
  if (held != shards_.end()) {
    if (held->second.digest == digest) return {};
    return Error{ErrorCode::AlreadyExists,
                 "it is held with the digest " + held->second.digest.text + "; delete it first",
                 {doing}};
  }
  const Record record{.kind = RecordKind::Shard,
                      .shard = shard,
                      .sequence = next_sequence_,
                      .size = bytes.size(),
                      .digest = digest,
                      .bytes_crc = journal::crc32c(bytes)};
  Done room = make_room(record.length());
  if (!room) return room.error().within(doing);
  Result<Place> place = append(record, bytes);
  if (!place) return std::move(place).error().within(doing);
  ++next_sequence_;
  ++copies_[record.sequence];
  segments_[place->segment].live += record.length();
  shards_[shard] = *place;
  return {};
}

Result<std::string> Vault::read(const ShardId& shard) {
  const auto held = shards_.find(shard);
  if (held == shards_.end()) return Error{ErrorCode::NotFound, "shard " + shard.text + " is not held here", {}};
  const Place& place = held->second;
  const std::uint64_t at = place.offset + head_size + shard.text.size();
  Result<std::string> bytes = files_->read_range(path_of(place.segment), at, place.size);
  if (!bytes) return std::move(bytes).error().within("reading shard " + shard.text);
  if (images::keys::sha256(*bytes) != place.digest) {
    return Error{ErrorCode::Corrupt, "shard " + shard.text + " no longer has its digest", {}};
  }
  return bytes;
}

Done Vault::remove(const ShardId& shard) {
  const auto held = shards_.find(shard);
  if (held == shards_.end()) return Error{ErrorCode::NotFound, "shard " + shard.text + " is not held here", {}};
  const std::uint64_t segment = held->second.segment;
  const Record record{.kind = RecordKind::Deletion,
                      .shard = shard,
                      .sequence = held->second.sequence,
                      .size = 0,
                      .digest = {},
                      .bytes_crc = 0};
  const std::string doing = "deleting shard " + shard.text;
  Result<Place> place = append(record, {});
  if (!place) return std::move(place).error().within(doing);
  deleted_.insert(record.sequence);
  retire(shard);
  const Segment& behind = segments_[segment];
  const bool closed = begin_segment_ || segment != segments_.rbegin()->first;
  Done compacted = closed && behind.live < behind.size / 2 ? compact(segment) : reclaim(0);
  // Deleted it is; room that could not be had now is made when it is needed.
  if (!compacted && compacted.error().code != ErrorCode::OutOfSpace) return compacted.error().within(doing);
  return {};
}

void Vault::retire(const ShardId& shard) {
  const auto held = shards_.find(shard);
  segments_[held->second.segment].live -= head_size + shard.text.size() + held->second.size;
  shards_.erase(held);
}

Result<Vault::Place> Vault::append(const Record& record, std::string_view bytes) {
  if (begin_segment_ || segments_.empty() || segments_.rbegin()->second.size > limits_.segment_max.count) {
    const std::uint64_t number = segments_.empty() ? 1 : segments_.rbegin()->first + 1;
    segments_[number] = {};
    begin_segment_ = false;
  }
  auto& [number, segment] = *segments_.rbegin();
  const std::string path = path_of(number);
  if (used().count + record.length() > limits_.budget.count) {
    return Error{ErrorCode::OutOfSpace, "the budget of " + limits_.budget.text() + " is used up", {}};
  }
  std::string whole_record = record.head();
  whole_record += bytes;
  Done written = files_->append(path, whole_record, Access::OwnerOnly);
  if (written) written = files_->sync(path);
  if (!written) {
    // How much of it is there is unknown: leave it as garbage and go on in a new segment.
    const Result<std::uint64_t> size = files_->size(path);
    if (size) segment.size = *size;
    begin_segment_ = true;
    return written.error();
  }
  const Place place{.segment = number,
                    .offset = segment.size,
                    .size = record.size,
                    .sequence = record.sequence,
                    .digest = record.digest};
  segment.size += record.length();
  return place;
}

Done Vault::make_room(std::uint64_t needed) {
  if (live() + needed + reserve() > limits_.budget.count) {
    return Error{ErrorCode::OutOfSpace,
                 Bytes{needed}.text() + " do not fit: " + available().text() + " of the budget of " +
                     limits_.budget.text() + " are free",
                 {}};
  }
  return reclaim(needed);
}

Done Vault::reclaim(std::uint64_t needed) {
  std::set<std::uint64_t>
      tried;  // a segment full of deletions still needed gives nothing back until the shards are gone
  while (used().count + needed + reserve() > limits_.budget.count) {
    std::uint64_t worst = 0;
    std::uint64_t garbage = 0;
    for (const auto& [number, segment] : segments_) {
      if (tried.contains(number) || segment.size - segment.live <= garbage) continue;
      garbage = segment.size - segment.live;
      worst = number;
    }
    if (garbage == 0) return Error{ErrorCode::OutOfSpace, "nothing is left to compact", {}};
    if (worst == segments_.rbegin()->first) begin_segment_ = true;
    tried.insert(worst);
    Done compacted = compact(worst);
    if (!compacted) return compacted;
  }
  return {};
}

Done Vault::compact(std::uint64_t segment) {
  const std::string doing = "compacting " + path_of(segment);
  std::map<std::uint64_t, std::uint32_t> here;  // shard records of this segment, by sequence
  std::vector<std::pair<std::uint64_t, Record>> kept;
  Result<std::vector<std::pair<std::uint64_t, Record>>> records = records_of(segment, segments_[segment].size);
  if (!records) return std::move(records).error().within(doing);
  for (const auto& [offset, record] : *records) {
    if (record.kind == RecordKind::Shard) ++here[record.sequence];
    const auto held = shards_.find(record.shard);
    const bool counts = record.kind == RecordKind::Deletion ||
                        (held != shards_.end() && held->second.segment == segment && held->second.offset == offset);
    if (counts) kept.emplace_back(offset, record);
  }
  for (const auto& [offset, record] : kept) {
    if (record.kind == RecordKind::Deletion) {
      const auto copies = copies_.find(record.sequence);
      const auto own = here.find(record.sequence);
      const std::uint32_t elsewhere =
          copies == copies_.end() ? 0 : copies->second - (own == here.end() ? 0 : own->second);
      if (elsewhere == 0) continue;
    }
    Done copied = copy_record(segment, offset, record);
    if (!copied) return copied.error().within(doing);
  }
  Done removed = files_->remove(path_of(segment));
  if (!removed) return removed.error().within(doing);
  for (const auto& [sequence, count_here] : here) {
    auto copies = copies_.find(sequence);
    if (copies == copies_.end()) continue;
    copies->second -= std::min(copies->second, count_here);
    if (copies->second > 0) continue;
    copies_.erase(copies);
    deleted_.erase(sequence);
  }
  segments_.erase(segment);
  if (segments_.empty()) begin_segment_ = true;
  return {};
}

Done Vault::copy_record(std::uint64_t segment, std::uint64_t offset, const Record& record) {
  Result<std::string> bytes = files_->read_range(path_of(segment), offset + record.bytes_at(), record.size);
  if (!bytes) return std::move(bytes).error();
  if (bytes->size() != record.size)
    return Error{ErrorCode::Corrupt, "shard " + record.shard.text + " is cut short", {}};
  Result<Place> place = append(record, *bytes);
  if (!place) return std::move(place).error();
  if (record.kind == RecordKind::Deletion) return {};
  ++copies_[record.sequence];
  segments_[segment].live -= record.length();
  segments_[place->segment].live += record.length();
  shards_[record.shard] = *place;
  return {};
}

Done Vault::erase_all() {
  for (const auto& [number, segment] : segments_) {
    Done removed = files_->remove(path_of(number));
    if (!removed) return removed.error().within("erasing the vault " + folder_);
  }
  segments_.clear();
  shards_.clear();
  copies_.clear();
  deleted_.clear();
  begin_segment_ = true;
  return {};
}

}  // namespace agent::vault
