#include "agent/journal/journal.h"

#include <array>

namespace agent::journal {
namespace {

constexpr std::string_view head_text = "leaseback agent journal 1";
constexpr char put_mark = 'P';
constexpr char erase_mark = 'E';
// A snapshot is written in frames of about this size, so that none nears the limit of a batch.
constexpr std::size_t snapshot_frame = std::size_t{1} << 20;

void put_number(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

bool take_text(std::string_view& bytes, std::string_view& text) {
  if (bytes.size() < 4) return false;
  const std::uint32_t size = number_at(bytes, 0);
  if (bytes.size() - 4 < size) return false;
  text = bytes.substr(4, size);
  bytes.remove_prefix(4 + size);
  return true;
}

std::uint64_t size_of_entry(std::string_view name, std::string_view value) { return 9 + name.size() + value.size(); }

std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78U & (0U - (crc & 1U)));
    table[i] = crc;
  }
  return table;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  static const std::array<std::uint32_t, 256> table = make_table();
  std::uint32_t crc = ~before;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8);
  return ~crc;
}

std::string framed(std::string_view payload) {
  std::string length;
  put_number(length, static_cast<std::uint32_t>(payload.size()));
  std::string frame = length;
  put_number(frame, crc32c(payload, crc32c(length)));
  frame += payload;
  return frame;
}

Scan scan_frames(std::string_view bytes, Bytes payload_max) {
  Scan scan;
  std::size_t at = 0;
  while (bytes.size() - at >= frame_overhead) {
    const std::uint32_t length = number_at(bytes, at);
    if (length > payload_max.count || bytes.size() - at - frame_overhead < length) break;
    const std::string_view payload = bytes.substr(at + frame_overhead, length);
    if (crc32c(payload, crc32c(bytes.substr(at, 4))) != number_at(bytes, at + 4)) break;
    scan.payloads.push_back(payload);
    at += frame_overhead + length;
    scan.whole = at;
  }
  return scan;
}

Result<Journal> Journal::open(images::files::Files& files, std::string path, Limits limits) {
  Journal journal(files, std::move(path), limits);
  const std::string doing = "opening the journal " + journal.path_;
  Result<bool> there = files.exists(journal.path_);
  if (!there) return std::move(there).error().within(doing);
  if (!*there) {
    const std::string head = framed(head_text);
    Done made = files.replace(journal.path_, head, images::files::Access::OwnerOnly);
    if (!made) return made.error().within(doing);
    journal.file_size_ = head.size();
    return journal;
  }
  Result<std::string> bytes = files.read(journal.path_, limits.file_max);
  if (!bytes) return std::move(bytes).error().within(doing);
  const Scan scan = scan_frames(*bytes, limits.batch_max);
  if (scan.payloads.empty() || scan.payloads.front() != head_text) {
    return Error{ErrorCode::Corrupt,
                 "the file does not begin as an agent's journal does; restore it or ask for support",
                 {doing}};
  }
  for (std::size_t i = 1; i < scan.payloads.size(); ++i) journal.apply(scan.payloads[i]);
  if (scan.whole < bytes->size()) {
    Done cut = files.truncate(journal.path_, scan.whole);
    if (cut) cut = files.sync(journal.path_);
    if (!cut) return cut.error().within("dropping the torn end").within(doing);
  }
  journal.file_size_ = scan.whole;
  return journal;
}

void Journal::apply(std::string_view batch) {
  while (!batch.empty()) {
    const char mark = batch.front();
    batch.remove_prefix(1);
    std::string_view name;
    std::string_view value;
    if (!take_text(batch, name) || (mark == put_mark && !take_text(batch, value))) return;
    const auto known = entries_.find(std::string(name));
    if (known != entries_.end()) live_size_ -= size_of_entry(name, known->second);
    if (mark == put_mark) {
      live_size_ += size_of_entry(name, value);
      entries_.insert_or_assign(std::string(name), std::string(value));
    } else if (known != entries_.end()) {
      entries_.erase(known);
    }
  }
}

const std::string* Journal::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> Journal::names(std::string_view prefix) const {
  std::vector<std::string> found;
  for (auto entry = entries_.lower_bound(std::string(prefix)); entry != entries_.end(); ++entry) {
    if (!std::string_view(entry->first).starts_with(prefix)) break;
    found.push_back(entry->first);
  }
  return found;
}

void Journal::put(const std::string& name, std::string value) {
  const auto known = entries_.find(name);
  if (known != entries_.end()) {
    if (known->second == value) return;
    live_size_ -= size_of_entry(name, known->second);
  }
  live_size_ += size_of_entry(name, value);
  entries_.insert_or_assign(name, std::move(value));
  staged_[name] = true;
}

void Journal::erase(const std::string& name) {
  const auto known = entries_.find(name);
  if (known == entries_.end()) return;
  live_size_ -= size_of_entry(name, known->second);
  entries_.erase(known);
  staged_[name] = false;
}

Done Journal::commit() {
  if (staged_.empty()) return {};
  std::string batch;
  for (const auto& [name, put_it] : staged_) {
    batch.push_back(put_it ? put_mark : erase_mark);
    put_text(batch, name);
    if (put_it) put_text(batch, entries_.at(name));
  }
  const std::string doing = "writing the journal " + path_;
  if (batch.size() > limits_.batch_max.count) {
    return Error{ErrorCode::LimitExceeded,
                 "one step changes " + Bytes{batch.size()}.text() + ", more than " + limits_.batch_max.text(),
                 {doing}};
  }
  const std::string frame = framed(batch);
  const std::uint64_t size_then = file_size_ + frame.size();
  const std::uint64_t garbage = size_then > live_size_ ? size_then - live_size_ : 0;
  if ((garbage > limits_.compact_after.count && garbage > size_then / 2) || size_then > limits_.file_max.count) {
    Done compacted = compact();
    if (!compacted) return compacted.error().within(doing);
    staged_.clear();
    return {};
  }
  Done written = files_->append(path_, frame, images::files::Access::OwnerOnly);
  if (written) written = files_->sync(path_);
  if (!written) return written.error().within(doing);
  file_size_ = size_then;
  staged_.clear();
  return {};
}

Done Journal::compact() {
  std::string file = framed(head_text);
  std::string batch;
  for (const auto& [name, value] : entries_) {
    batch.push_back(put_mark);
    put_text(batch, name);
    put_text(batch, value);
    if (batch.size() >= snapshot_frame) {
      file += framed(batch);
      batch.clear();
    }
  }
  if (!batch.empty()) file += framed(batch);
  if (file.size() > limits_.file_max.count) {
    return Error{
        ErrorCode::OutOfSpace,
        "what must be remembered takes " + Bytes{file.size()}.text() + ", more than " + limits_.file_max.text(),
        {}};
  }
  Done replaced = files_->replace(path_, file, images::files::Access::OwnerOnly);
  if (replaced) file_size_ = file.size();
  return replaced;
}

}  // namespace agent::journal
