#include "provision/disk/kernel_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace provision::disk {
namespace {

constexpr std::size_t text_max = std::size_t{4} << 20;

}  // namespace

std::string text_at(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  std::string text;
  char bytes[16384];
  ssize_t got = 0;
  while (text.size() < text_max && (got = ::read(descriptor, bytes, sizeof bytes)) > 0)
    text.append(bytes, static_cast<std::size_t>(got));
  ::close(descriptor);
  return text;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> open(::opendir(folder.c_str()));
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get()))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace provision::disk
