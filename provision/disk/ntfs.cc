#include "provision/disk/ntfs.h"

#include <fmt/core.h>

#include <charconv>

#include "provision/disk/loop_window.h"

namespace provision::disk {
namespace {

// The last line that says something: ntfsresize explains at length, and names the reason at the end of it or the start.
std::string reason_in(const Outcome& outcome) {
  for (const std::string* text : {&outcome.errors, &outcome.output}) {
    const std::size_t error = text->find("ERROR");
    if (error != std::string::npos) return text->substr(error, std::min<std::size_t>(text->find('\n', error) - error, 300));
  }
  const std::string& said = outcome.errors.empty() ? outcome.output : outcome.errors;
  return said.substr(0, said.find('\n'));
}

Error refusal(std::string_view act, const Outcome& outcome) {
  return {ErrorCode::Unsupported,
          fmt::format("ntfsresize {} refuses it: {}; start Windows, run `chkdsk /f`, shut it down fully (no hibernation, no fast start), and try again", act,
                      reason_in(outcome)), {}};
}

Result<Outcome> asked(std::vector<std::string> arguments, const LoopWindow& window, Processes& processes) {
  arguments.insert(arguments.begin(), "ntfsresize");
  arguments.push_back(window.device());
  Result<Outcome> outcome = processes.run(arguments);
  if (!outcome && outcome.error().code == ErrorCode::NotFound)
    return Error{ErrorCode::Unsupported, "NTFS is shrunk only by ntfsresize, which is not on this machine (package ntfs-3g)", {}};
  return outcome;
}

Result<LoopWindow> window_of(const std::string& path, const Extent& partition) {
  Result<DeviceFile> disk = DeviceFile::open(path, OpenFor::Reading);
  if (!disk) return disk.error();
  return LoopWindow::open(path, partition, disk->sector_size());
}

}  // namespace

Bytes ntfs_size(const DeviceFile& disk, const Extent& partition) {
  if (partition.size.count < 512) return {};
  Result<std::string> boot = disk.read(partition.start.count, 512);
  if (!boot) return {};
  const auto little = [&](std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>((*boot)[at + i]);
    return value;
  };
  const std::uint64_t sector = little(11, 2);
  const std::uint64_t sectors = little(40, 8);
  if (sector < 256 || sector > 4096 || sectors > (std::uint64_t{1} << 60) / sector) return {};
  // The last sector holds the copy of the boot sector and is not counted.
  return {(sectors + 1) * sector};
}

Bytes least_size_said(std::string_view output) {
  constexpr std::string_view before = "You might resize at ";
  const std::size_t at = output.find(before);
  if (at == std::string_view::npos) return {};
  std::uint64_t size = 0;
  (void)std::from_chars(output.data() + at + before.size(), output.data() + output.size(), size);
  return {size};
}

Result<Bytes> least_ntfs(const std::string& path, const Extent& partition, Processes& processes) {
  Result<LoopWindow> window = window_of(path, partition);
  if (!window) return window.error();
  Result<Outcome> checked = asked({"--check", "--no-progress-bar"}, *window, processes);
  if (!checked) return checked.error();
  if (checked->exit_status != 0) return refusal("--check", *checked);
  Result<Outcome> measured = asked({"--info", "--no-progress-bar"}, *window, processes);
  if (!measured) return measured.error();
  const Bytes least = least_size_said(measured->output);
  if (measured->exit_status != 0 || least.count == 0) return refusal("--info", *measured);
  return least;
}

Done shrink_ntfs(const std::string& path, const Extent& partition, Bytes size, Processes& processes) {
  Result<LoopWindow> window = window_of(path, partition);
  if (!window) return window.error();
  const std::string wanted = std::to_string(size.count);
  Result<Outcome> rehearsed = asked({"--no-action", "--no-progress-bar", "--size", wanted}, *window, processes);
  if (!rehearsed) return rehearsed.error();
  if (rehearsed->exit_status != 0) return refusal("--no-action", *rehearsed);
  // --force stands for the answer to "Are you sure?"; given once, it does not pass over a volume that is marked as dirty.
  Result<Outcome> resized = asked({"--force", "--no-progress-bar", "--size", wanted}, *window, processes);
  if (!resized) return resized.error();
  if (resized->exit_status != 0)
    return Error{ErrorCode::IoFailure, fmt::format("ntfsresize ended with {}: {}", resized->exit_status, reason_in(*resized)), {}};
  return window->sync();
}

}  // namespace provision::disk
