#include "agent/sandbox/task_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "agent/sandbox/bubblewrap_command.h"

namespace agent::sandbox {
namespace {

constexpr std::string_view checkpoint_magic{"LBCKPT1\0", 8};
constexpr std::size_t checkpoint_head = 32;
constexpr std::uint64_t file_max = std::uint64_t{1} << 32;

Error failure(const std::string& doing, const std::string& path) {
  return Error{ErrorCode::IoFailure, doing + " " + path + ": " + std::strerror(errno), {}};
}

Done write_file(const std::string& path, int flags, std::string_view bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (file < 0) return failure("opening", path);
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const Error error = failure("writing", path);
      close(file);
      return error;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (close(file) != 0) return failure("closing", path);
  return {};
}

Result<std::string> read_file(const std::string& path, std::uint64_t limit) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return failure("opening", path);
  struct stat facts = {};
  if (fstat(file, &facts) != 0) {
    const Error error = failure("looking at", path);
    close(file);
    return error;
  }
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size > limit) {
    close(file);
    return Error{
        ErrorCode::LimitExceeded, Bytes{size}.text() + " are more than the " + Bytes{limit}.text() + " allowed", {}};
  }
  std::string bytes(size, '\0');
  std::size_t count = 0;
  while (count < bytes.size()) {
    const ssize_t got = read(file, bytes.data() + count, bytes.size() - count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    count += static_cast<std::size_t>(got);
  }
  close(file);
  bytes.resize(count);
  return bytes;
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// CRC-32 of IEEE 802.3, as the task's side computes it.
std::uint32_t crc32_of(std::string_view bytes, std::uint32_t before) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1U)));
      made[i] = crc;
    }
    return made;
  }();
  std::uint32_t crc = ~before;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8);
  return ~crc;
}

struct Slot {
  std::uint64_t sequence = 0;
  std::string bytes;
};

Slot slot_from(const std::string& path) {
  Result<std::string> whole = read_file(path, file_max);
  if (!whole || whole->size() < checkpoint_head || std::string_view(*whole).substr(0, 8) != checkpoint_magic) return {};
  const std::uint64_t length = number_at(*whole, 16, 8);
  if (length > whole->size() - checkpoint_head) return {};
  const std::string_view bytes = std::string_view(*whole).substr(checkpoint_head, length);
  if (crc32_of(bytes, crc32_of(std::string_view(*whole).substr(8, 16), 0)) != number_at(*whole, 24, 4)) return {};
  return {.sequence = number_at(*whole, 8, 8), .bytes = std::string(bytes)};
}

}  // namespace

Done prepare_folder(const TaskSpec& spec) {
  const std::string own = spec.folder + "/";
  Done made = write_file(own + parameters_file, O_TRUNC, spec.parameters_json);
  if (made) made = write_file(own + control_file, O_TRUNC, "r");
  if (made) made = write_file(own + result_file, O_TRUNC, "");
  for (const char* slot : checkpoint_files) {
    if (made) made = write_file(own + slot, 0, "");
  }
  if (!made) return made.error().within("preparing the folder of a task");
  for (const TaskElement& element : spec.elements) {
    if (element.executable && chmod(element.path.c_str(), 0500) != 0) return failure("making executable", element.path);
  }
  return {};
}

void set_control(const std::string& folder, char byte) {
  const int file = open((folder + "/" + control_file).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return;
  // A task that does not hear is killed after its grace.
  [[maybe_unused]] const ssize_t written = pwrite(file, &byte, 1, 0);
  close(file);
}

Result<std::string> read_result(const std::string& folder, Bytes limit) {
  Result<std::string> bytes = read_file(folder + "/" + result_file, limit.count);
  if (!bytes) return std::move(bytes).error().within("reading the result");
  return bytes;
}

Result<std::string> newest_checkpoint(const std::string& folder) {
  Slot newest;
  for (const char* name : checkpoint_files) {
    Slot slot = slot_from(folder + "/" + name);
    if (slot.sequence > newest.sequence) newest = std::move(slot);
  }
  if (newest.sequence == 0) return Error{ErrorCode::NotFound, "the task has not saved a checkpoint", {}};
  return newest.bytes;
}

Done discard_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) return Error{ErrorCode::IoFailure, "deleting " + folder + ": " + error.message(), {}};
  return {};
}

}  // namespace agent::sandbox
