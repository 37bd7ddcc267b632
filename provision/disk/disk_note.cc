#include "provision/disk/disk_note.h"

#include <fmt/core.h>

#include <charconv>

#include "images/keys/keys.h"

namespace provision::disk {
namespace {

constexpr std::string_view magic = "LEASEBACK-NOTE-1 ";

}  // namespace

std::string bytes_of_note(std::string_view text) {
  invariant(text.size() <= note_text_max, "a note on a disk is short");
  std::string bytes = text.empty() ? std::string() : fmt::format("{}{} {}\n{}", magic, text.size(), images::keys::sha256(text).text, text);
  bytes.resize(note_size, '\0');
  return bytes;
}

Result<std::string> note_from(std::string_view bytes) {
  if (!bytes.starts_with(magic)) return std::string();
  const Error changed{ErrorCode::Corrupt, "there is a note on this disk that was changed; whoever put it aside knows why", {}};
  const std::string_view rest = bytes.substr(magic.size());
  std::size_t length = 0;
  const auto number = std::from_chars(rest.data(), rest.data() + std::min<std::size_t>(rest.size(), 5), length);
  const auto used = static_cast<std::size_t>(number.ptr - rest.data());
  const std::size_t text_at = used + 1 + 64 + 1;
  if (number.ec != std::errc() || length == 0 || length > note_text_max || rest.size() < text_at + length) return changed;
  const std::string_view text = rest.substr(text_at, length);
  if (rest[used] != ' ' || rest[text_at - 1] != '\n' || images::keys::sha256(text).text != rest.substr(used + 1, 64)) return changed;
  return std::string(text);
}

Result<std::string> read_note(const DeviceFile& disk) {
  if (disk.size().count < note_at + note_size) return std::string();
  const Result<std::string> bytes = disk.read(note_at, note_size);
  if (!bytes) return bytes.error();
  return note_from(*bytes);
}

Done write_note(DeviceFile& disk, const DiskFacts& facts, std::string_view text) {
  if (disk.size().count < note_at + note_size) return Error{ErrorCode::Unsupported, "the disk is too small for a note", {}};
  for (const PartitionFacts& partition : facts.partitions)
    if (partition.extent.start.count < note_at + note_size)
      return Error{ErrorCode::Conflict, fmt::format("partition {} begins where a note would be", partition.number), {}};
  const Result<std::string> there = disk.read(note_at, note_size);
  if (!there) return there.error();
  if (!all_zeros(*there) && !there->starts_with(magic))
    return Error{ErrorCode::Conflict, "there are bytes of somebody else's where a note would be", {}};
  if (Done written = disk.write(note_at, bytes_of_note(text)); !written) return written;
  return disk.sync();
}

}  // namespace provision::disk
